// Every module that is emitted, through Dawn's compiler: models of several kinds, and each kernel of the
// table.

import { readFileSync } from "node:fs";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { ProgramRecord } from "../../../backends/wgsl/index.js";
import type { Compilation, CompileOptions } from "../../../src/compiler/index.js";
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
  const compiled = compileModel(createNodeHost(), path, { target: "wgsl", uncheckedRules: true, ...options });
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

const llama = requireSharedModel("configs", "Meta-Llama-3.1-8B.json");

describe.skipIf(llama === "")("a model of eight billion weights", () => {
  const compiled = (quantize: CompileOptions["quantize"]): Compilation => {
    const result = compileModel(createNodeHost(), llama, { target: "wgsl", quantize, uncheckedRules: true });
    if (!result.ok) throw new Error(renderDiagnostics(result.diagnostics));
    return result.value;
  };

  test.each(["none", "q8", "q4"] as const)("is valid under the least limits, quantized: %s", async (quantize) => {
    const { files } = compiled(quantize);
    expect(await programFaults(device, files)).toEqual([]);
    const record = JSON.parse(files[0]?.text ?? "") as ProgramRecord;
    const parts = record.weights.flatMap((weight) => weight.parts);
    expect(Math.max(...parts, record.program.arenaBytes, record.outputBytes)).toBeLessThanOrEqual(2 ** 27);
    expect(record.weights.every(({ parts: sizes, sizeBytes }) => sum(sizes) === sizeBytes)).toBe(true);
  });

  test("runs a layer in ten dispatches, and the head in parts", () => {
    const record = JSON.parse(compiled("q8").files[0]?.text ?? "") as ProgramRecord;
    const dispatches = (name: string): readonly number[] =>
      record.functions
        .filter((func) => func.name === name)
        .flatMap(({ calls }) => calls)
        .flatMap((call) => (call.kind === "kernel" ? [call.choices[0]?.dispatches.length ?? 0] : []));
    expect(dispatches("layer_decode")).toEqual(new Array(10).fill(1));
    // Rows of many tokens are rounded by kernels of their own, in front of each product.
    expect(dispatches("layer_prefill")).toEqual(new Array(14).fill(1));
    // The embedding in bf16 is 8 bindings, the head in 8 bits 5.
    expect(dispatches("step_decode")).toEqual([8, 1, 1, 5]);
  });

  test("is refused with the figures where a buffer cannot be cut", () => {
    const host = createNodeHost();
    const large = compileModel(host, llama, { target: "wgsl", maxTokens: 1024, uncheckedRules: true });
    expect(large.ok).toBe(false);
    expect(large.diagnostics.map(({ code, message }) => `${code}: ${message}`)).toContain(
      "target/limit: the logits of 1024 rows takes 501.0 MiB, and a kernel of this target sees at most 128.0 MiB",
    );
  });

  test("has no architectures to choose from", () => {
    const wrong = compileModel(createNodeHost(), llama, { target: "wgsl", arch: "sm_90a" });
    expect(wrong.diagnostics.map(({ code }) => code)).toEqual(["target/unknown-arch"]);
  });
});

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

test("the check finds a fault", async () => {
  const code = readFileSync("backends/wgsl/kernels/swiglu.wgsl", "utf8");
  const faults = await moduleFaults(device, code, {});
  expect(faults[0]).toMatch(/error \d+:\d+: unresolved/);
});
