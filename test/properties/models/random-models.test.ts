import { spawnSync } from "node:child_process";
import { join } from "node:path";

import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { largest, loadForTest, logitsOf, raggedSteps } from "../../support/compare-executors.js";
import type { RandomLlamaOptions } from "../../support/models.js";
import { inTemporaryFolder, relatives, tinyLlama, writeRandomLlama } from "../../support/models.js";
import { firstDifference, modelTolerance } from "../../support/tolerances.js";

const compiler = process.env["CC"] ?? "gcc";
const hasCompiler = spawnSync(compiler, ["--version"]).status === 0;
if (!hasCompiler)
  console.warn(`skipped: random models on C need a compiler, and \`${compiler}\` is not there`);

/** Compiled plan against the reference evaluator, over prompts, single tokens and a mix of both. */
async function expectSameLogits(
  given: Partial<RandomLlamaOptions>,
  seed: number,
  threads: number,
): Promise<void> {
  await inTemporaryFolder(async (folder) => {
    const options = { ...tinyLlama, ...given };
    const model = writeRandomLlama(join(folder, "model"), options, seed);
    const cache = join(folder, "cache");
    const reference = await loadForTest(model, cache, { executor: "reference", maxTokens: 16 });
    const native = await loadForTest(model, cache, { executor: "native", maxTokens: 16, threads, activations: "exact" });
    const expected = await logitsOf(reference.runner, raggedSteps, seed);
    const actual = await logitsOf(native.runner, raggedSteps, seed);
    await native.close();
    await reference.close();
    const longest = Math.max(options.intermediateSize, options.hiddenSize, options.heads * options.headDim);
    const tolerance = modelTolerance(options.layers, longest, largest(expected));
    expect(actual.length).toBe(expected.length);
    actual.forEach((row, i) => {
      expect(firstDifference(row, expected[i]!, tolerance)).toBeUndefined();
    });
  });
}

describe.skipIf(!hasCompiler)("plans of models with random weights", () => {
  it("agree with the reference evaluator at odd sizes and one KV head", { timeout: 120_000 }, async () => {
    const odd = { headDim: 8, heads: 5, kvHeads: 1, hiddenSize: 40, intermediateSize: 172, vocabulary: 513 };
    await expectSameLogits(odd, 7, 2);
  });

  const small = { layers: 1, headDim: 8, heads: 4, kvHeads: 2, hiddenSize: 32, intermediateSize: 40 };
  it.each([
    ["Mistral, over a window", relatives.mistral],
    ["Qwen 2, with biases", relatives.qwen2],
    ["Qwen 3, with norms of heads", relatives.qwen3],
    ["Llama, with biases everywhere", { attentionBias: "all", config: { attention_bias: true } }],
  ] as const)("agree with the reference evaluator for %s", { timeout: 120_000 }, async (_, relative) => {
    await expectSameLogits({ ...small, ...relative }, 3, 1);
  });

  it("agree with the reference evaluator whatever their sizes", { timeout: 300_000 }, async () => {
    const shape = fc.record({
      kvHeads: fc.constantFrom(1, 2, 3),
      queriesPerHead: fc.constantFrom(1, 2, 4),
      headDim: fc.constantFrom(2, 6, 8, 10, 16, 20),
      hiddenSize: fc.constantFrom(20, 32, 33, 70),
      intermediateSize: fc.constantFrom(17, 64, 172),
      layers: fc.constantFrom(1, 2),
      vocabulary: fc.constantFrom(258, 300, 513),
      dtype: fc.constantFrom("f32", "f16", "bf16" as const),
      tiedHead: fc.boolean(),
    });
    const runs = { numRuns: 4, endOnFailure: true, ...(process.env["CI"] === "true" ? { seed: 20 } : {}) };
    await fc.assert(
      fc.asyncProperty(shape, fc.nat(1000), fc.constantFrom(1, 2, 3), async (drawn, seed, threads) => {
        const { queriesPerHead, ...rest } = drawn;
        await expectSameLogits({ ...rest, heads: rest.kvHeads * queriesPerHead }, seed, threads);
      }),
      runs,
    );
  });
});
