// Whole models on the CUDA target: compiled, packed, built and opened as a person would, with the stand-in
// for nvcc, so that the library runs on the CPU; and for real where there is a GPU.

import { join } from "node:path";

import { describe, expect, it } from "vitest";

import type { Host } from "../../../src/base/index.js";
import { renderDiagnostics } from "../../../src/diagnostics/index.js";
import { createNodeHost } from "../../../src/host/index.js";
import type { LoadedModel, LoadOptions } from "../../../src/runtime/index.js";
import { loadCompiled, loadModel, StepRunner } from "../../../src/runtime/index.js";
import { planExecutor } from "../../support/plan-executor.js";
import { largest, logitsOf, raggedSteps } from "../../support/compare-executors.js";
import type { RandomLlamaOptions } from "../../support/models.js";
import { inTemporaryFolder, tinyLlama, writeRandomLlama } from "../../support/models.js";
import { firstDifference, modelTolerance } from "../../support/tolerances.js";
import { emulatedHost, findCudaMachine, hasEmulator } from "./toolchains.js";

const { nvcc, gpu } = await findCudaMachine();

interface Machine {
  readonly name: string;
  /** The host with a cache of its own; undefined where the machine is missing. */
  readonly hostFor: ((cache: string) => Host) | undefined;
}

const machines: readonly Machine[] = [
  { name: "emulated on the CPU", hostFor: hasEmulator() ? emulatedHost : undefined },
  {
    name: "on the GPU",
    hostFor: nvcc && gpu && ((cacheRoot) => ({ ...createNodeHost(), cacheRoot })),
  },
];

async function load(host: Host, folder: string, options: Partial<LoadOptions>): Promise<LoadedModel> {
  const loaded = await loadModel(host, folder, { ...options, maxTokens: 16 });
  if (!loaded.ok) throw new Error(renderDiagnostics(loaded.diagnostics));
  return loaded.value;
}

/** Logits of ragged steps on CUDA against another way of running the same weights. */
async function expectSameLogits(
  hostFor: (cache: string) => Host,
  given: Partial<RandomLlamaOptions>,
  { cuda, other }: { readonly cuda: Partial<LoadOptions>; readonly other: Partial<LoadOptions> },
): Promise<void> {
  await inTemporaryFolder(async (folder) => {
    const options = { ...tinyLlama, ...given };
    const model = writeRandomLlama(join(folder, "model"), options, 7);
    const cache = join(folder, "cache");
    const [reference, actual] = [
      await load({ ...createNodeHost(), cacheRoot: cache }, model, { activations: "exact", ...other }),
      await load(hostFor(cache), model, { activations: "exact", ...cuda, target: "cuda" }),
    ];
    const [expected, found] = [
      await logitsOf(reference.runner, raggedSteps, 7),
      await logitsOf(actual.runner, raggedSteps, 7),
    ];
    await actual.close();
    await reference.close();
    const longest = Math.max(options.intermediateSize, options.hiddenSize, options.heads * options.headDim);
    const tolerance = modelTolerance(options.layers, longest, largest(expected));
    expect(found.length).toBe(expected.length);
    found.forEach((row, i) => expect(firstDifference(row, expected[i]!, tolerance)).toBeUndefined());
  });
}

const odd = { headDim: 8, heads: 5, kvHeads: 1, hiddenSize: 40, intermediateSize: 70, vocabulary: 301 };
const even = { headDim: 16, heads: 4, kvHeads: 2, hiddenSize: 64, intermediateSize: 96, tiedHead: true };
const tiny = { headDim: 4, heads: 2, kvHeads: 1, hiddenSize: 12, intermediateSize: 10, contextLength: 32 };

const reference: Partial<LoadOptions> = { executor: "reference" };
const loopsOnly = ["lower/cuda", "attention", "paging", "rope", "epilogues"];

describe.each(machines)("the CUDA target, $name", ({ hostFor }) => {
  const onMachine = it.skipIf(hostFor === undefined);
  const host = (cache: string): Host => hostFor?.(cache) ?? createNodeHost();

  onMachine("agrees with the reference evaluator", { timeout: 240_000 }, async () => {
    await expectSameLogits(host, { ...odd, dtype: "f16" }, { cuda: {}, other: reference });
  });

  onMachine("agrees with it when every kernel is printed from loops", { timeout: 240_000 }, async () => {
    await expectSameLogits(host, { ...tiny, layers: 1 }, { cuda: { without: loopsOnly }, other: reference });
  });

  onMachine("agrees with the meaning of its plan on quantized weights", { timeout: 240_000 }, async () => {
    await inTemporaryFolder(async (folder) => {
      const sizes = { ...tinyLlama, ...even, layers: 1 };
      const model = writeRandomLlama(join(folder, "model"), sizes, 7);
      for (const quantize of ["q8", "q4"] as const) {
        const options = { target: "cuda", quantize, activations: "exact", maxTokens: 16 } as const;
        const loaded = await loadCompiled(host(join(folder, "cache")), model, options);
        if (!loaded.ok) throw new Error(renderDiagnostics(loaded.diagnostics));
        const { compilation, runner } = loaded.value;
        const expected = await logitsOf(new StepRunner(planExecutor(compilation, 64)), raggedSteps, 7);
        const found = await logitsOf(runner, raggedSteps, 7);
        await loaded.value.close();
        const tolerance = modelTolerance(1, sizes.intermediateSize, largest(expected));
        found.forEach((row, i) => expect(firstDifference(row, expected[i]!, tolerance)).toBeUndefined());
      }
    });
  });
});
