// Every module that is emitted, through Dawn's compiler: models of several kinds, and each kernel of the table.

import { readFileSync } from "node:fs";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { CompileOptions } from "../../../src/compiler/index.js";
import { compileModel } from "../../../src/compiler/index.js";
import { renderDiagnostics } from "../../../src/diagnostics/index.js";
import { createNodeHost } from "../../../src/host/index.js";
import type { GpuDevice } from "../../../src/runtime/webgpu-device.js";
import type { RandomLlamaOptions } from "../../support/models.js";
import { inTemporaryFolder, requireSharedModel, writeRandomLlama } from "../../support/models.js";
import { closeNullDevice, moduleFaults, openNullDevice, programFaults } from "../../support/webgpu.js";

let device: GpuDevice;
beforeAll(async () => {
  device = await openNullDevice();
});
afterAll(() => closeNullDevice(device));

async function faultsOfModel(path: string, options: Partial<CompileOptions>): Promise<readonly string[]> {
  const compiled = compileModel(createNodeHost(), path, { target: "wgsl", ...options });
  if (!compiled.ok) throw new Error(renderDiagnostics(compiled.diagnostics));
  compiled.value.model.weights?.close();
  return programFaults(device, compiled.value.files);
}

describe("modules of whole models are valid", () => {
  const models: readonly (readonly [string, Partial<RandomLlamaOptions>, Partial<CompileOptions>])[] = [
    ["f32", {}, {}],
    ["f16, tied head", { dtype: "f16", tiedHead: true }, {}],
    ["bf16, one KV head, odd sizes", { dtype: "bf16", kvHeads: 1, heads: 5, hiddenSize: 33 }, {}],
    ["q8", { hiddenSize: 64, intermediateSize: 96 }, { quantize: "q8" }],
    ["q4", { hiddenSize: 64, intermediateSize: 96 }, { quantize: "q4" }],
    ["plain attention", { dtype: "f16" }, { without: ["attention", "paging", "rope"] }],
    ["loops only", { dtype: "bf16" }, { without: ["lower/wgsl"] }],
  ];
  test.each(models)("%s", { timeout: 60_000 }, async (_title, model, options) => {
    await inTemporaryFolder(async (folder) => {
      const path = writeRandomLlama(join(folder, "model"), model);
      expect(await faultsOfModel(path, options)).toEqual([]);
    });
  });
});

test("the check finds a fault", async () => {
  const code = readFileSync("backends/wgsl/kernels/swiglu.wgsl", "utf8");
  const faults = await moduleFaults(device, code, {});
  expect(faults[0]).toMatch(/error \d+:\d+: unresolved/);
});
