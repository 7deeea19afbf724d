// Dawn without a driver: compiles shaders and makes pipelines, computes nothing. It validates every emitted
// module on every machine.

import { create } from "webgpu";

import type { EmittedFile } from "../../src/codegen/index.js";
import type { ProgramRecord } from "../../backends/wgsl/index.js";
import { wgslBackend } from "../../backends/wgsl/index.js";
import type { GpuDevice } from "../../src/runtime/webgpu-device.js";

/** Dawn's instance must be reachable from a global: the collector would take it in mid-run. */
const kept = globalThis as { testWebGpu?: unknown };

export async function openNullDevice(): Promise<GpuDevice> {
  const gpu = create(["backend=null"]);
  kept.testWebGpu = gpu;
  const adapter = await gpu.requestAdapter();
  if (adapter === null) throw new Error("Dawn's null backend needs no driver, and gave no adapter");
  const { features = [] } = wgslBackend.capabilities;
  const requiredFeatures = features.filter((name) => adapter.features.has(name));
  const device = await adapter.requestDevice({ requiredFeatures: requiredFeatures as GPUFeatureName[] });
  return device as unknown as GpuDevice;
}

export function closeNullDevice(device: GpuDevice): void {
  device.destroy();
  delete kept.testWebGpu;
}

/** What the compiler says of a module, and of a pipeline with these constants: nothing when it is sound. */
export async function moduleFaults(
  device: GpuDevice,
  code: string,
  constants: Readonly<Record<string, number>>,
): Promise<readonly string[]> {
  device.pushErrorScope("validation");
  const module = device.createShaderModule({ label: "module", code });
  const { messages } = await module.getCompilationInfo();
  const faults = messages.map(({ type, lineNum, linePos, message }) => `${type} ${lineNum}:${linePos}: ${message}`);
  if (faults.length === 0) {
    try {
      await device.createComputePipelineAsync({
        label: "pipeline",
        layout: "auto" as never,
        compute: { module, entryPoint: "main", constants },
      });
    } catch (error) {
      faults.push(String(error));
    }
  }
  const fault = await device.popErrorScope();
  return fault === null || faults.length > 0 ? faults : [fault.message];
}

/** The faults of every module of an emitted program, with the constants of each dispatch. */
export async function programFaults(
  device: GpuDevice,
  files: readonly EmittedFile[],
): Promise<readonly string[]> {
  const text = (path: string): string => files.find((file) => file.path === path)?.text ?? "";
  const record = JSON.parse(text("program.json")) as ProgramRecord;
  const seen = new Set<string>();
  const faults: string[] = [];
  for (const call of record.functions.flatMap(({ calls }) => calls)) {
    if (call.kind === "layers") continue;
    for (const { module, constants } of call.choices.flatMap(({ dispatches }) => dispatches)) {
      const { name, file } = record.modules[module]!;
      const key = JSON.stringify([module, constants]);
      if (seen.has(key)) continue;
      seen.add(key);
      faults.push(...(await moduleFaults(device, text(file), constants)).map((fault) => `${name}: ${fault}`));
    }
  }
  return faults;
}
