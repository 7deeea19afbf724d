// Whole models on the WGSL target: random ones against the reference evaluator over ragged batches, and the
// shared model's text. Needs a WebGPU device; a software driver counts.

import { join } from "node:path";

import { afterAll, describe, expect, test } from "vitest";

import { webGpuAbility } from "../../../src/runtime/native-webgpu.js";
import { largest, loadForTest, logitsOf, raggedSteps } from "../../support/compare-executors.js";
import type { RandomLlamaOptions } from "../../support/models.js";
import { inTemporaryFolder, requireSharedModel, tinyLlama, writeRandomLlama } from "../../support/models.js";
import { firstDifference, modelTolerance } from "../../support/tolerances.js";

const ability = await webGpuAbility();
if (!ability.ok) console.warn(`skipped: models on WGSL need a device: ${ability.why}`);

async function expectSameLogits(given: Partial<RandomLlamaOptions>, seed: number, without: readonly string[] = []): Promise<void> {
  await inTemporaryFolder(async (folder) => {
    const options = { ...tinyLlama, ...given };
    const model = writeRandomLlama(join(folder, "model"), options, seed);
    const cache = join(folder, "cache");
    const reference = await loadForTest(model, cache, { executor: "reference", maxTokens: 16 });
    const device = await loadForTest(model, cache, { target: "wgsl", maxTokens: 16, without });
    const expected = await logitsOf(reference.runner, raggedSteps, seed);
    const actual = await logitsOf(device.runner, raggedSteps, seed);
    await device.close();
    await reference.close();
    const longest = Math.max(options.intermediateSize, options.hiddenSize, options.heads * options.headDim);
    const tolerance = modelTolerance(options.layers, longest, largest(expected));
    expect(actual.length).toBe(expected.length);
    actual.forEach((row, i) => {
      expect(firstDifference(row, expected[i]!, tolerance)).toBeUndefined();
    });
  });
}

describe.skipIf(!ability.ok)("models of random weights on a WebGPU device", () => {
  test("agree with the reference evaluator at odd sizes and one KV head", { timeout: 120_000 }, async () => {
    await expectSameLogits({ headDim: 8, heads: 5, kvHeads: 1, hiddenSize: 40, intermediateSize: 172, vocabulary: 513 }, 7);
  });
});
