/**
 * Where a batch writes: the cache is linear, so a sequence must not come back to a block, and two tokens must
 * not write one slot. Which of two would win is left to chance by threads, so no target can mean it.
 */

import type { Batch } from "./executor.js";

export interface CacheShape {
  readonly blockSize: number;
  readonly blocksPerSequence: number;
}

/**
 * A sentence, or undefined. Indices outside their bounds are not looked at: whoever checks those finds them.
 * Takes a moment for each token and each block that the batch sees.
 */
export function slotFault(batch: Batch, { blockSize, blocksPerSequence }: CacheShape): string | undefined {
  const { tokenCount, sequenceCount, positions, sequences, blockTable } = batch;
  const newest = new Int32Array(sequenceCount).fill(-1);
  const written = new Set<number>();
  for (let t = 0; t < tokenCount; t++) {
    const [sequence, position] = [sequences[t]!, positions[t]!];
    const entry = Math.floor(position / blockSize);
    if (sequence < 0 || sequence >= sequenceCount || entry < 0 || entry >= blocksPerSequence) continue;
    if (position > newest[sequence]!) newest[sequence] = position;
    const block = blockTable[sequence * blocksPerSequence + entry]!;
    const slot = block * blockSize + (position % blockSize);
    if (written.has(slot)) return `token ${t} is written over another one, in block ${block}`;
    written.add(slot);
  }
  for (let sequence = 0; sequence < sequenceCount; sequence++) {
    const first = sequence * blocksPerSequence;
    const used = blockTable.subarray(first, first + Math.floor(newest[sequence]! / blockSize) + 1);
    if (new Set(used).size < used.length) return `sequence ${sequence} has a block twice`;
  }
  return undefined;
}
