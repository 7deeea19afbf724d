// Small whole models on every target: each row of one table over a prompt for each of three sequences, single
// tokens and a mix of both, in blocks of the cache that lie in no order, against the reference evaluator.
// What is quantized is compared with the meaning of the very plan, whose weights are rounded alike.

import { join } from "node:path";

import fc from "fast-check";
import { describe, expect, test } from "vitest";

import type { Host } from "../../src/base/index.js";
import { renderDiagnostics } from "../../src/diagnostics/index.js";
import { createNodeHost } from "../../src/host/index.js";
import type { CompiledModel, LoadOptions } from "../../src/runtime/index.js";
import { loadCompiled, StepRunner } from "../../src/runtime/index.js";
import type { TestTarget } from "../support/all-targets.js";
import { findTestTargets } from "../support/all-targets.js";
import { largest, logitsOf, raggedSteps } from "../support/compare-executors.js";
import type { RandomLlamaOptions } from "../support/models.js";
import { inTemporaryFolder, relatives, requireSharedModel, tinyLlama, writeRandomLlama } from "../support/models.js";
import { planExecutor } from "../support/plan-executor.js";
import { firstDifference, modelTolerance } from "../support/tolerances.js";

const targets = await findTestTargets();

interface ModelRow {
  readonly title: string;
  readonly model: Partial<RandomLlamaOptions>;
  readonly options?: Partial<LoadOptions>;
  /** The target's own kernels are left out, and all that they are selected by: loops run everything. */
  readonly loopsOnly?: boolean;
}

const odd = { headDim: 8, heads: 5, kvHeads: 1, hiddenSize: 40, intermediateSize: 172, vocabulary: 513 };
const small = { layers: 1, headDim: 8, heads: 4, kvHeads: 2, hiddenSize: 32, intermediateSize: 40 };
/** Widths that groups of 32 codes divide. */
const even = { layers: 1, headDim: 16, heads: 4, kvHeads: 2, hiddenSize: 64, intermediateSize: 160 };
const tiny = { ...small, headDim: 4, heads: 2, kvHeads: 1, hiddenSize: 12, intermediateSize: 10 };

const models: readonly ModelRow[] = [
  { title: "odd sizes and one KV head, in f16", model: { ...odd, dtype: "f16" } },
  { title: "a window (Mistral), in bf16", model: { ...small, ...relatives.mistral, dtype: "bf16" } },
  { title: "biases of queries, keys and values (Qwen 2)", model: { ...small, ...relatives.qwen2 } },
  { title: "norms of heads, a tied head (Qwen 3)", model: { ...small, ...relatives.qwen3 } },
  { title: "biases everywhere", model: { ...small, attentionBias: "all", config: { attention_bias: true } } },
  { title: "plain attention, a tied head", model: { tiedHead: true }, options: { without: ["attention", "paging"] } },
  { title: "kernels printed from loops alone", model: tiny, loopsOnly: true },
  { title: "8-bit weights and one KV head", model: { ...even, kvHeads: 1 }, options: { quantize: "q8" } },
  { title: "4-bit weights and a tied head", model: { ...even, tiedHead: true }, options: { quantize: "q4" } },
];

const loopsWithout = ["attention", "paging", "rope", "epilogues"];

async function load(host: Host, folder: string, options: Partial<LoadOptions>): Promise<CompiledModel> {
  const given = { maxTokens: 16, activations: "exact", kvDtype: "f32", uncheckedRules: true, ...options } as const;
  const loaded = await loadCompiled(host, folder, given);
  if (!loaded.ok) throw new Error(renderDiagnostics(loaded.diagnostics));
  return loaded.value;
}

/** Each row of logits that lies further off than sums of the model's lengths in f32 can. */
async function differences(row: ModelRow, seed: number, on: TestTarget): Promise<string[]> {
  const { model, options = {}, loopsOnly = false } = row;
  return inTemporaryFolder(async (folder) => {
    const sizes = { ...tinyLlama, ...model };
    const path = writeRandomLlama(join(folder, "model"), sizes, seed);
    const { target } = on;
    const without = [...(options.without ?? []), ...(loopsOnly ? [`lower/${target}`, ...loopsWithout] : [])];
    const actual = await load(on.hostFor(join(folder, "cache")), path, { ...options, target, without });
    const found = await logitsOf(actual.runner, raggedSteps, seed);
    const expected = await logitsOf(await expectedRunner(actual, path, options), raggedSteps, seed);
    await actual.close();
    const longest = Math.max(sizes.intermediateSize, sizes.hiddenSize, sizes.heads * sizes.headDim);
    const tolerance = modelTolerance(sizes.layers, longest, largest(expected));
    expect(found.length).toBe(expected.length);
    return found.flatMap((row, i) => firstDifference(row, expected[i]!, tolerance) ?? []);
  });
}

async function expectedRunner(
  { compilation }: CompiledModel,
  path: string,
  { quantize }: Partial<LoadOptions>,
): Promise<StepRunner> {
  if (quantize !== undefined) return new StepRunner(planExecutor(compilation, 64));
  return (await load(createNodeHost(), path, { executor: "reference" })).runner;
}

describe("small models give the logits of the reference evaluator", () => {
  describe.each(targets)("on $title", (target) => {
    test.for(models)("with $title", { timeout: 120_000 }, async (row, { skip }) => {
      skip(target.missing !== undefined, target.missing);
      expect(await differences(row, 7, target)).toEqual([]);
    });
  });

  test("whatever their sizes, on every target", { timeout: 300_000 }, async () => {
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
    const runs = { numRuns: 2, endOnFailure: true, ...(process.env["CI"] === "true" ? { seed: 20 } : {}) };
    await fc.assert(
      fc.asyncProperty(shape, fc.nat(1000), fc.constantFrom(1, 2, 3), async (drawn, seed, threads) => {
        const { queriesPerHead, ...rest } = drawn;
        const row = { title: "", model: { ...rest, heads: rest.kvHeads * queriesPerHead }, options: { threads } };
        for (const target of targets) {
          if (target.missing !== undefined) continue;
          expect([target.title, ...(await differences(row, seed, target))]).toEqual([target.title]);
        }
      }),
      runs,
    );
  });
});

const stories = requireSharedModel("stories260K-hf");

describe.skipIf(stories === "")("the shared model", () => {
  const written = new Map<string, string>();

  /** Greedy text; rounded activations mean the same, but sums in another order flip a code now and then. */
  async function write(
    { title, target, hostFor }: TestTarget,
    quantize: "none" | "q8",
    kvDtype: "f32" | "i8" = "f32",
  ): Promise<string> {
    const key = `${title} ${quantize} ${kvDtype}`;
    const known = written.get(key);
    if (known !== undefined) return known;
    return inTemporaryFolder(async (cache) => {
      const options = { target, quantize, kvDtype, features: [], maxTokens: 64 };
      const model = await load(hostFor(cache), stories, options);
      const text = model.generate("Once upon a time", { temperature: 0, maxTokens: 60 });
      if (!text.ok) throw new Error(renderDiagnostics(text.diagnostics));
      let all = "";
      for await (const piece of text.value) all += piece;
      await model.close();
      written.set(key, all);
      return all;
    });
  }

  const c = targets.find(({ target }) => target === "c");

  test("is the same where codes of 8 bits remember it", { timeout: 120_000 }, async ({ skip }) => {
    skip(c === undefined || c.missing !== undefined, c?.missing);
    if (c === undefined) return;
    expect(await write(c, "none", "i8")).toBe(await write(c, "none"));
  });

  const rest = targets.filter(({ target }) => target !== "c");
  const cells = rest.flatMap((row) => (["none", "q8"] as const).map((quantize) => ({ ...row, quantize })));

  test.for(cells)("is told on $title as on C, quantized: $quantize", { timeout: 120_000 }, async (cell, { skip }) => {
    const missing = cell.missing ?? c?.missing;
    skip(c === undefined || missing !== undefined, missing);
    if (c === undefined) return;
    const text = await write(cell, cell.quantize);
    expect(text.length).toBeGreaterThan(100);
    expect(text).toBe(await write(c, cell.quantize));
  });
});
