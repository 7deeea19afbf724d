/**
 * What is wrong with a batch, before it goes to a device. WebGPU keeps a wrong index from reaching foreign
 * memory, but computes something with it: the numbers are checked here, as the native library checks them.
 */

import { slotFault } from "./batch-slots.js";
import type { Batch } from "./executor.js";
import type { ProgramRecord } from "../../backends/wgsl/index.js";

type Description = ProgramRecord["program"];

/** A sentence, or undefined. `blocks`: of the KV pool. */
export function batchFault(batch: Batch, description: Description, blocks: number): string | undefined {
  const outer = countFault(batch, description) ?? arrayFault(batch, description);
  const { capacity, kv } = description;
  return outer ?? indexFault(batch, description, blocks) ?? slotFault(batch, { ...capacity, ...kv });
}

function countFault(batch: Batch, { capacity }: Description): string | undefined {
  const limits: readonly (readonly [count: number, most: number, what: string])[] = [
    [batch.tokenCount, capacity.tokens, "tokens"],
    [batch.sequenceCount, capacity.sequences, "sequences"],
    [batch.rowCount, capacity.rows, "rows of logits"],
    [batch.contextCount, capacity.contextSlots, "context slots"],
  ];
  const wrong = limits.find(([count, most]) => !Number.isInteger(count) || count < 0 || count > most);
  return wrong && `a step takes up to ${wrong[1]} ${wrong[2]}, found ${wrong[0]}`;
}

function arrayFault(batch: Batch, { capacity, vocabulary, needsContext }: Description): string | undefined {
  const context = needsContext ? batch.contextCount : 0;
  const wanted: readonly (readonly [name: keyof Batch, least: number])[] = [
    ["tokens", batch.tokenCount],
    ["positions", batch.tokenCount],
    ["sequences", batch.tokenCount],
    ["rows", batch.rowCount],
    ["blockTable", batch.sequenceCount * capacity.blocksPerSequence],
    ["contextSequences", context],
    ["contextPositions", context],
    ["logits", batch.rowCount * vocabulary],
  ];
  for (const [name, least] of wanted) {
    const array = batch[name];
    if (typeof array === "number" || array.length >= least) continue;
    return `\`${name}\` has ${array.length} elements, the batch needs ${least}`;
  }
  return undefined;
}

function indexFault(batch: Batch, description: Description, blocks: number): string | undefined {
  const { capacity, vocabulary, kv } = description;
  const { tokens, positions, sequences, rows, blockTable, tokenCount, rowCount, sequenceCount } = batch;
  for (let t = 0; t < tokenCount; t++) {
    const [token, position, sequence] = [tokens[t]!, positions[t]!, sequences[t]!];
    if (token < 0 || token >= vocabulary) return `token ${t} is ${token}, the vocabulary has ${vocabulary}`;
    if (position < 0 || position >= capacity.contextLength) return `token ${t} is at position ${position} of ${capacity.contextLength}`;
    if (sequence < 0 || sequence >= sequenceCount) return `token ${t} is of sequence ${sequence} of ${sequenceCount}`;
    // Attention reads every block up to the token's own.
    const last = Math.floor(position / kv.blockSize);
    if (last >= capacity.blocksPerSequence) return `token ${t} is at position ${position}, beyond its blocks`;
    const table = sequence * capacity.blocksPerSequence;
    for (let i = last; i >= 0; i--) {
      const block = blockTable[table + i]!;
      if (block < 0 || block >= blocks) return `token ${t} needs block ${block} of ${blocks}`;
    }
  }
  for (let r = 0; r < rowCount; r++) {
    const row = rows[r]!;
    if (row < 0 || row >= tokenCount) return `row ${r} asks for token ${row} of ${tokenCount}`;
  }
  return undefined;
}
