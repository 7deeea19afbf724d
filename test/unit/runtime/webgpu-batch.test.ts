// Every way in which a batch can be wrong, as a person would read it.

import { expect, test } from "vitest";

import type { ProgramRecord } from "../../../backends/wgsl/index.js";
import type { Batch } from "../../../src/runtime/index.js";
import { batchFault } from "../../../src/runtime/webgpu-batch.js";

const description: ProgramRecord["program"] = {
  model: "m", target: "wgsl", vocabulary: 10, kernels: 1, arenaBytes: 0, weightsBytes: 0, weightsHash: "", needsContext: true,
  capacity: { tokens: 4, rows: 4, sequences: 2, contextSlots: 16, contextLength: 8, blocksPerSequence: 2 },
  kv: { layers: 1, blockSize: 4, heads: 1, headDim: 2, dtype: "f32", blockBytes: 64 },
};

const sound: Batch = {
  tokenCount: 2, sequenceCount: 1, rowCount: 1, contextCount: 5,
  tokens: Int32Array.of(1, 9),
  positions: Int32Array.of(3, 4),
  sequences: Int32Array.of(0, 0),
  rows: Int32Array.of(1),
  blockTable: Int32Array.of(2, 0),
  contextSequences: new Int32Array(5),
  contextPositions: new Int32Array(5),
  logits: new Float32Array(10),
};

test("a sound batch has no fault", () => {
  expect(batchFault(sound, description, 3)).toBeUndefined();
});

const faults: readonly (readonly [string, Partial<Batch>])[] = [
  ["a step takes up to 4 tokens, found 5", { tokenCount: 5 }],
  ["a step takes up to 2 sequences, found -1", { sequenceCount: -1 }],
  ["a step takes up to 4 rows of logits, found 1.5", { rowCount: 1.5 }],
  ["`positions` has 1 elements, the batch needs 2", { positions: Int32Array.of(3) }],
  ["`contextPositions` has 0 elements, the batch needs 5", { contextPositions: new Int32Array(0) }],
  ["`logits` has 9 elements, the batch needs 10", { logits: new Float32Array(9) }],
  ["token 1 is 10, the vocabulary has 10", { tokens: Int32Array.of(1, 10) }],
  ["token 0 is at position 8 of 8", { positions: Int32Array.of(8, 4) }],
  ["token 1 is of sequence 1 of 1", { sequences: Int32Array.of(0, 1) }],
  ["token 0 needs block 3 of 3", { blockTable: Int32Array.of(3, 0) }],
  ["token 0 needs block 3 of 3", { positions: Int32Array.of(5, 4), blockTable: Int32Array.of(3, 0) }],
  ["token 1 is written over another one, in block 2", { positions: Int32Array.of(3, 3) }],
  ["sequence 0 has a block twice", { blockTable: Int32Array.of(2, 2) }],
  ["row 0 asks for token 2 of 2", { rows: Int32Array.of(2) }],
];

test.each(faults)("%s", (sentence, wrong) => {
  expect(batchFault({ ...sound, ...wrong }, description, 3)).toBe(sentence);
});
