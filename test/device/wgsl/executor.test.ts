// What a person sees when a device is missing or goes away, and that nothing runs on after it.

import { join } from "node:path";

import { afterEach, describe, expect, test } from "vitest";

import type { ProgramRecord } from "../../../backends/wgsl/index.js";
import { HostError } from "../../../src/base/index.js";
import { describeHostError } from "../../../src/diagnostics/index.js";
import { buildArtifact, compileModel } from "../../../src/compiler/index.js";
import { createNodeHost } from "../../../src/host/index.js";
import type { Executor } from "../../../src/runtime/index.js";
import { StepRunner } from "../../../src/runtime/index.js";
import { openNodeDevice, webGpuAbility } from "../../../src/runtime/native-webgpu.js";
import type { GpuDevice } from "../../../src/runtime/webgpu-device.js";
import { createWebGpuExecutor } from "../../../src/runtime/webgpu-executor.js";
import { inTemporaryFolder, writeRandomLlama } from "../../support/models.js";

const ability = await webGpuAbility();
if (!ability.ok) console.warn(`skipped: losing a device needs one: ${ability.why}`);

const driver = process.env["VK_ICD_FILENAMES"];
afterEach(() => {
  if (driver === undefined) delete process.env["VK_ICD_FILENAMES"];
  else process.env["VK_ICD_FILENAMES"] = driver;
});

test("a machine without a driver is told what to install", async () => {
  process.env["VK_ICD_FILENAMES"] = "/nowhere/driver.json";
  const fault: unknown = await openNodeDevice().catch((error: unknown) => error);
  expect(fault).toBeInstanceOf(HostError);
  expect((fault as HostError).details.code).toBe("target/no-adapter");
  expect(await webGpuAbility()).toMatchObject({ ok: false, why: "WebGPU finds no device on this machine" });
});

async function withExecutor(
  body: (executor: Executor, device: GpuDevice) => Promise<void>,
  limits: Readonly<Record<string, number>> = {},
): Promise<void> {
  await inTemporaryFolder(async (folder) => {
    const host = { ...createNodeHost(), cacheRoot: join(folder, "cache") };
    const compiled = compileModel(host, writeRandomLlama(join(folder, "model")), { target: "wgsl", maxTokens: 8, uncheckedRules: true });
    if (!compiled.ok) throw new Error("the model is compiled");
    const built = await buildArtifact(host, compiled.value);
    if (!built.ok) throw new Error("the model is packed");
    const { folder: home, programPath, weightsPath } = built.value;
    const weights = host.files.open(weightsPath);
    const { device } = await openNodeDevice();
    const bounded = new Proxy(device, {
      get: (target, name) => {
        if (name === "limits") return { ...limits };
        const value: unknown = Reflect.get(target, name);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    const sources = {
      record: JSON.parse(host.files.readText(programPath)) as ProgramRecord,
      readModule: (file: string) => host.files.readText(join(home, file)),
      readWeights: (offset: number, size: number) => weights.read(offset, size),
    };
    try {
      await body(await createWebGpuExecutor(bounded, sources, { name: "test", blocks: 64 }), device);
    } finally {
      weights.close();
      device.destroy();
      compiled.value.model.weights?.close();
    }
  });
}

describe.skipIf(!ability.ok)("a device", () => {
  test("that goes away says so, and no step runs after it", { timeout: 60_000 }, async () => {
    await withExecutor(async (executor, device) => {
      const runner = new StepRunner(executor);
      const step = async (): Promise<unknown> => {
        const work = [{ sequence: runner.newSequence(), tokens: [1, 2], rows: "last" as const }];
        return runner.run(work).catch((error: unknown) => error);
      };
      expect(await step()).not.toBeInstanceOf(Error);
      device.destroy();
      for (const fault of [await step(), await step()]) {
        expect(fault).toBeInstanceOf(HostError);
        expect((fault as HostError).details.code).toBe("target/device-lost");
        const described = describeHostError(fault as HostError);
        expect(described).toMatchObject({ code: "target/device-lost", severity: "error" });
        expect(described.message).toContain("the GPU device was lost");
      }
    });
  });

  test("refuses a batch with numbers that lead nowhere", { timeout: 60_000 }, async () => {
    await withExecutor(async (executor) => {
      const runner = new StepRunner(executor);
      const work = [{ sequence: runner.newSequence(), tokens: [executor.vocabulary], rows: "last" as const }];
      await expect(runner.run(work)).rejects.toThrow(/the vocabulary has/);
    });
  });

  test("that binds less gets a smaller pool, and is refused below one sequence", { timeout: 60_000 }, async () => {
    // A block of one layer is 16 positions of 2 heads of 8 in f32: 1 KiB. The context is 4 blocks.
    const ten = { maxStorageBufferBindingSize: 10 * 1024 };
    await withExecutor(async ({ blocks }) => expect(blocks).toBe(10), ten);
    const refused = withExecutor(() => Promise.resolve(), { maxStorageBufferBindingSize: 3 * 1024 });
    await expect(refused).rejects.toThrow(/the keys of one layer take/);
  });
});
