// Runs the same ragged batches through two executors and compares every row of logits.

import type { Host } from "../../src/base/index.js";
import type { CompiledModel } from "../../src/runtime/index.js";
import { renderDiagnostics } from "../../src/diagnostics/index.js";
import { createNodeHost } from "../../src/host/index.js";
import { createRandom } from "../../src/base/index.js";
import type { LoadOptions, StepRunner } from "../../src/runtime/index.js";
import { loadCompiled } from "../../src/runtime/index.js";

/** Loads a model with artifacts in a folder of the test's own. */
export async function loadForTest(
  folder: string,
  cacheRoot: string,
  options: Partial<LoadOptions>,
  host: Host = createNodeHost(),
): Promise<CompiledModel> {
  const loaded = await loadCompiled({ ...host, cacheRoot }, folder, options);
  if (!loaded.ok) throw new Error(renderDiagnostics(loaded.diagnostics));
  return loaded.value;
}

/** What a sequence does in one step: how many tokens it appends. */
export type StepShape = readonly number[];

/** A prompt for each of three sequences, one token each, then a mix of both. */
export const raggedSteps: readonly StepShape[] = [
  [5, 1, 9],
  [1, 1, 1],
  [1, 7, 1],
  [0, 1, 12],
];

/** All rows of all steps, in order; tokens are drawn from a seed. */
export async function logitsOf(
  runner: StepRunner,
  steps: readonly StepShape[],
  seed: number,
): Promise<readonly Float32Array[]> {
  const random = createRandom(seed);
  const sequences = (steps[0] ?? []).map(() => runner.newSequence());
  const all: Float32Array[] = [];
  for (const shape of steps) {
    const work = shape.flatMap((count, i) => {
      const tokens = Array.from({ length: count }, () => random.below(runner.executor.vocabulary));
      return count === 0 ? [] : [{ sequence: sequences[i]!, tokens, rows: "all" as const }];
    });
    for (const rows of await runner.run(work)) all.push(...rows);
  }
  for (const sequence of sequences) sequence.release();
  return all;
}

export function largest(rows: readonly Float32Array[]): number {
  return rows.reduce((most, row) => row.reduce((m, each) => Math.max(m, Math.abs(each)), most), 0);
}
