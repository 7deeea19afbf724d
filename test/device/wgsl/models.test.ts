// Whole models on the WGSL target: random ones against the reference evaluator over ragged batches,
// quantized ones against the meaning of their plan, and the text of the shared model against C. Needs a
// WebGPU device; a software driver counts.

import { spawnSync } from "node:child_process";
import { join } from "node:path";

import fc from "fast-check";
import { describe, expect, test } from "vitest";

import type { LoadOptions } from "../../../src/runtime/index.js";
import { StepRunner } from "../../../src/runtime/index.js";
import { webGpuAbility } from "../../../src/runtime/native-webgpu.js";
import { largest, loadForTest, logitsOf, raggedSteps } from "../../support/compare-executors.js";
import type { RandomLlamaOptions } from "../../support/models.js";
import { inTemporaryFolder, requireSharedModel, tinyLlama, writeRandomLlama } from "../../support/models.js";
import { planExecutor } from "../../support/plan-executor.js";
import { firstDifference, modelTolerance } from "../../support/tolerances.js";

const ability = await webGpuAbility();
if (!ability.ok) console.warn(`skipped: models on WGSL need a device: ${ability.why}`);

const compiler = process.env["CC"] ?? "gcc";
const hasCompiler = spawnSync(compiler, ["--version"]).status === 0;
if (!hasCompiler) console.warn(`skipped: the shared model is compared with C, and \`${compiler}\` is not there`);

/** The device against the reference evaluator of the graph, or against the meaning of the very plan. */
async function expectSameLogits(
  given: Partial<RandomLlamaOptions>,
  seed: number,
  { against = "graph", ...load }: Partial<LoadOptions> & { readonly against?: "graph" | "plan" } = {},
): Promise<void> {
  await inTemporaryFolder(async (folder) => {
    const options = { ...tinyLlama, ...given };
    const model = writeRandomLlama(join(folder, "model"), options, seed);
    const cache = join(folder, "cache");
    const device = await loadForTest(model, cache, { maxTokens: 16, target: "wgsl", activations: "exact", ...load });
    const actual = await logitsOf(device.runner, raggedSteps, seed);
    const expected =
      against === "plan"
        ? await logitsOf(new StepRunner(planExecutor(device.compilation, 64)), raggedSteps, seed)
        : await referenceLogits(model, cache, seed);
    await device.close();
    const longest = Math.max(options.intermediateSize, options.hiddenSize, options.heads * options.headDim);
    const tolerance = modelTolerance(options.layers, longest, largest(expected));
    expect(actual.length).toBe(expected.length);
    actual.forEach((row, i) => {
      expect(firstDifference(row, expected[i]!, tolerance)).toBeUndefined();
    });
  });
}

async function referenceLogits(model: string, cache: string, seed: number): Promise<readonly Float32Array[]> {
  const reference = await loadForTest(model, cache, { executor: "reference", maxTokens: 16 });
  const rows = await logitsOf(reference.runner, raggedSteps, seed);
  await reference.close();
  return rows;
}

describe.skipIf(!ability.ok)("models of random weights on a WebGPU device", () => {
  test("agree with the reference evaluator at odd sizes and one KV head", { timeout: 60_000 }, async () => {
    const odd = { headDim: 8, heads: 5, kvHeads: 1, hiddenSize: 40, intermediateSize: 172, vocabulary: 513 };
    await expectSameLogits(odd, 7);
  });

  test("agree with the reference evaluator whatever their sizes", { timeout: 120_000 }, async () => {
    const shape = fc.record({
      kvHeads: fc.constantFrom(1, 2, 3),
      queriesPerHead: fc.constantFrom(1, 2, 4),
      headDim: fc.constantFrom(2, 6, 10, 16),
      hiddenSize: fc.constantFrom(20, 33, 70),
      intermediateSize: fc.constantFrom(17, 64, 172),
      layers: fc.constantFrom(1, 2),
      vocabulary: fc.constantFrom(258, 300, 513),
      dtype: fc.constantFrom("f32", "f16", "bf16" as const),
      tiedHead: fc.boolean(),
    });
    const runs = { numRuns: 2, endOnFailure: true, ...(process.env["CI"] === "true" ? { seed: 20 } : {}) };
    await fc.assert(
      fc.asyncProperty(shape, fc.nat(1000), async ({ queriesPerHead, ...rest }, seed) => {
        await expectSameLogits({ ...rest, heads: rest.kvHeads * queriesPerHead }, seed);
      }),
      runs,
    );
  });

  test("agree with the reference evaluator without the target's own kernels", { timeout: 60_000 }, async () => {
    const without = ["lower/wgsl"];
    await expectSameLogits({ dtype: "f16" }, 3, { without });
  });

  test("agree with the reference evaluator with plain attention", { timeout: 60_000 }, async () => {
    const without = ["attention", "paging"];
    await expectSameLogits({ tiedHead: true }, 4, { without });
  });

  test.each(["q8", "q4"] as const)("agree with the meaning of the plan when quantized to %s", { timeout: 60_000 }, async (quantize) => {
    const sizes = { hiddenSize: 64, intermediateSize: 160, headDim: 16, heads: 4, kvHeads: 2 };
    await expectSameLogits(sizes, 5, { quantize, against: "plan" });
  });
});

const stories = requireSharedModel("stories260K-hf");

describe.skipIf(!ability.ok || stories === "" || !hasCompiler)("the shared model on a WebGPU device", () => {
  test.each(["none", "q8"] as const)("writes the text that C writes, quantized: %s", { timeout: 120_000 }, async (quantize) => {
    await inTemporaryFolder(async (cache) => {
      const write = async (target: string): Promise<string> => {
        // Rounded activations mean the same, but sums in another order flip a code now and then.
        const exact = { activations: "exact", kvDtype: "f32", features: [] } as const;
        const model = await loadForTest(stories, cache, { target, quantize, ...exact });
        const text = model.generate("Once upon a time", { temperature: 0, maxTokens: 60 });
        if (!text.ok) throw new Error("the prompt is refused");
        let all = "";
        for await (const piece of text.value) all += piece;
        await model.close();
        return all;
      };
      const [expected, actual] = [await write("c"), await write("wgsl")];
      expect(actual.length).toBeGreaterThan(100);
      expect(actual).toBe(expected);
    });
  });
});
