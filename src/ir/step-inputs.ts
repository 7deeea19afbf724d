/**
 * The arguments of the step, built from a ragged batch: tokens of several sequences, and for each sequence
 * the blocks that hold it. The context arrays list every slot that the batch can see: for each sequence that
 * has a token in it, all positions from 0 to its newest token's.
 */

import type { KvCacheValue, TensorValue, Value } from "./values.js";
import { tensorValue } from "./values.js";

export interface StepBatch {
  /** One entry a token: its number in the vocabulary, its position, its row in `blockTable`. */
  readonly tokens: ArrayLike<number>;
  readonly positions: ArrayLike<number>;
  readonly sequences: ArrayLike<number>;
  /** The tokens whose logits are wanted, by their place in the batch. */
  readonly rows: ArrayLike<number>;
  /** The blocks of each sequence, in order. Shorter rows are filled up with block 0, never read there. */
  readonly blockTable: readonly ArrayLike<number>[];
  readonly cache: KvCacheValue;
}

/** Arguments in the order of `step`'s parameters. */
export function stepInputs(batch: StepBatch): readonly Value[] {
  const context = visibleSlots(batch);
  const list = (numbers: ArrayLike<number>): TensorValue => i32([numbers.length], numbers);
  return [
    list(batch.tokens),
    list(batch.positions),
    list(batch.sequences),
    list(batch.rows),
    blockTable(batch.blockTable),
    list(context.sequences),
    list(context.positions),
    batch.cache,
  ];
}

/** Every slot that the batch sees, sequence by sequence. */
export function visibleSlots({
  positions,
  sequences,
  blockTable: table,
}: Omit<StepBatch, "tokens" | "rows" | "cache">): {
  readonly sequences: readonly number[];
  readonly positions: readonly number[];
} {
  const newest = table.map(() => -1);
  for (let t = 0; t < positions.length; t++) {
    const sequence = sequences[t]!;
    newest[sequence] = Math.max(newest[sequence] ?? -1, positions[t]!);
  }
  const counted = newest.map((last, sequence) => ({
    sequence,
    slots: Array.from({ length: last + 1 }, (_, p) => p),
  }));
  return {
    sequences: counted.flatMap(({ sequence, slots }) => slots.map(() => sequence)),
    positions: counted.flatMap(({ slots }) => slots),
  };
}

function blockTable(table: StepBatch["blockTable"]): TensorValue {
  const width = table.reduce((widest, row) => Math.max(widest, row.length), 1);
  return i32(
    [table.length, width],
    table.flatMap((row) => Array.from({ length: width }, (_, i) => row[i] ?? 0)),
  );
}

function i32(shape: readonly number[], numbers: ArrayLike<number>): TensorValue {
  return tensorValue("i32", shape, numbers);
}
