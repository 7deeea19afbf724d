import { describe, expect, it } from "vitest";

import type { Batch, Executor } from "../../../src/runtime/executor.js";
import { StepRunner } from "../../../src/runtime/step-runner.js";

/** An executor that writes [token, position] into the logits and keeps copies of its batches. */
function recordingExecutor(): { executor: Executor; batches: Batch[] } {
  const batches: Batch[] = [];
  const capacity = { tokens: 4, rows: 4, sequences: 2, contextLength: 16, blocksPerSequence: 4 };
  const step = (batch: Batch): Promise<void> => {
    batches.push({ ...batch, tokens: batch.tokens.slice(), positions: batch.positions.slice() });
    for (let row = 0; row < batch.rowCount; row++) {
      const token = batch.rows[row]!;
      batch.logits.set([batch.tokens[token]!, batch.positions[token]!], row * 2);
    }
    return Promise.resolve();
  };
  const executor = {
    name: "recording",
    capacity,
    vocabulary: 2,
    blockSize: 4,
    blocks: 8,
    step,
    close: () => Promise.resolve(),
  };
  return { executor, batches };
}

describe("running work on sequences", () => {
  it("cuts a long prompt into steps and returns the last row only", async () => {
    const { executor, batches } = recordingExecutor();
    const runner = new StepRunner(executor);
    const sequence = runner.newSequence();
    const [rows] = await runner.run([{ sequence, tokens: [10, 11, 12, 13, 14, 15], rows: "last" }]);
    expect(batches.map(({ tokenCount, rowCount }) => [tokenCount, rowCount])).toEqual([
      [4, 0],
      [2, 1],
    ]);
    expect(batches[1]?.positions.slice(0, 2)).toEqual(Int32Array.of(4, 5));
    expect(batches[1]?.contextCount).toBe(6);
    expect(rows?.map((row) => [...row])).toEqual([[15, 5]]);
  });

  it("returns all rows in token order across steps", async () => {
    const { executor } = recordingExecutor();
    const runner = new StepRunner(executor);
    const sequence = runner.newSequence();
    const [rows] = await runner.run([{ sequence, tokens: [1, 2, 3, 4, 5], rows: "all" }]);
    expect(rows?.map((row) => [...row])).toEqual([
      [1, 0],
      [2, 1],
      [3, 2],
      [4, 3],
      [5, 4],
    ]);
  });

  it("puts tokens of several sequences into one ragged step, and never more sequences than it takes", async () => {
    const { executor, batches } = recordingExecutor();
    const runner = new StepRunner(executor);
    const sequences = [runner.newSequence(), runner.newSequence(), runner.newSequence()];
    const work = sequences.map((sequence, i) => ({ sequence, tokens: [i, i], rows: "last" as const }));
    const rows = await runner.run(work);
    expect(batches.map(({ sequenceCount }) => sequenceCount)).toEqual([2, 1]);
    expect(rows.map((each) => each.map((row) => row[0]))).toEqual([[0], [1], [2]]);
  });

  it("gives blocks back when a sequence ends", async () => {
    const { executor } = recordingExecutor();
    const runner = new StepRunner(executor);
    const sequence = runner.newSequence();
    await runner.run([{ sequence, tokens: [1, 2, 3, 4, 5], rows: "none" }]);
    expect(runner.freeBlocks).toBe(6);
    sequence.release();
    expect(runner.freeBlocks).toBe(8);
  });
});
