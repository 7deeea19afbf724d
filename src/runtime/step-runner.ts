/**
 * Turns work on sequences into ragged batches: fills the batch arrays, cuts long prompts into chunks that
 * fit the step's capacity, and hands back the rows of logits that were asked for.
 */

import { at, invariant } from "../base/index.js";
import type { Batch, Executor } from "./executor.js";
import { KvBlocks, Sequence } from "./kv-blocks.js";

export interface SequenceWork {
  readonly sequence: Sequence;
  /** Tokens to append. */
  readonly tokens: readonly number[];
  /** Whose logits are wanted. */
  readonly rows: "last" | "all" | "none";
}

/** A slice of one piece of work, as large as one step takes. */
interface Chunk {
  readonly work: number;
  readonly from: number;
  readonly to: number;
}

/** Invariant: the pool's blocks in use are those of the sequences made here and not released. */
export class StepRunner {
  readonly executor: Executor;
  readonly #pool: KvBlocks;
  readonly #buffers: Buffers;

  constructor(executor: Executor) {
    this.executor = executor;
    this.#pool = new KvBlocks(executor.blocks, executor.blockSize);
    this.#buffers = new Buffers(executor);
  }

  newSequence(): Sequence {
    return new Sequence(this.#pool);
  }

  get freeBlocks(): number {
    return this.#pool.free;
  }

  /**
   * Appends tokens to each sequence and returns its rows of logits, in token order. A returned row is a
   * copy. Each sequence may appear once. Throws `OutOfBlocks` before anything ran when the pool is short.
   */
  async run(work: readonly SequenceWork[]): Promise<readonly (readonly Float32Array[])[]> {
    const rows: Float32Array[][] = work.map(() => []);
    for (const step of this.#cut(work)) {
      for (const { work: index, from, to } of step) at(work, index).sequence.grow(to - from);
      const { batch, owners } = this.#buffers.fill(work, step);
      await this.executor.step(batch);
      const { vocabulary } = this.executor;
      owners.forEach((owner, row) => {
        at(rows, owner).push(batch.logits.slice(row * vocabulary, (row + 1) * vocabulary));
      });
    }
    return rows;
  }

  /** Packs chunks into steps, first come first served, within tokens, sequences and rows of a step. */
  #cut(work: readonly SequenceWork[]): readonly (readonly Chunk[])[] {
    const { tokens, sequences, contextLength } = this.executor.capacity;
    const steps: Chunk[][] = [];
    let room = 0;
    work.forEach((each, index) => {
      invariant(
        each.sequence.length + each.tokens.length <= contextLength,
        "a sequence stays within its context",
      );
      for (let from = 0; from < each.tokens.length;) {
        if (room === 0 || (steps.at(-1)?.length ?? sequences) === sequences) {
          steps.push([]);
          room = tokens;
        }
        const to = Math.min(each.tokens.length, from + room);
        steps.at(-1)?.push({ work: index, from, to });
        room -= to - from;
        from = to;
        if (from < each.tokens.length) room = 0;
      }
    });
    return steps;
  }
}

/** The arrays of a batch, made once at capacity. */
class Buffers {
  readonly #executor: Executor;
  readonly #arrays: Omit<Batch, "tokenCount" | "sequenceCount" | "rowCount" | "contextCount" | "logits">;
  #logits = new Float32Array(0);

  constructor(executor: Executor) {
    const { tokens, sequences, rows, contextLength, blocksPerSequence } = executor.capacity;
    this.#executor = executor;
    this.#arrays = {
      tokens: new Int32Array(tokens),
      positions: new Int32Array(tokens),
      sequences: new Int32Array(tokens),
      rows: new Int32Array(rows),
      blockTable: new Int32Array(sequences * blocksPerSequence),
      contextSequences: new Int32Array(sequences * contextLength),
      contextPositions: new Int32Array(sequences * contextLength),
    };
  }

  /** `owners[row]` is the piece of work that a row of logits belongs to. */
  fill(work: readonly SequenceWork[], chunks: readonly Chunk[]): { batch: Batch; owners: readonly number[] } {
    const { tokens, positions, sequences, rows } = this.#arrays;
    const owners: number[] = [];
    let tokenCount = 0;
    let contextCount = 0;
    chunks.forEach((chunk, row) => {
      const each = at(work, chunk.work);
      const start = each.sequence.length - (chunk.to - chunk.from);
      this.#fillTable(each.sequence, row);
      contextCount = this.#fillContext(each.sequence.length, row, contextCount);
      for (let i = chunk.from; i < chunk.to; i++, tokenCount++) {
        tokens[tokenCount] = at(each.tokens, i);
        positions[tokenCount] = start + (i - chunk.from);
        sequences[tokenCount] = row;
        if (each.rows === "none" || (each.rows === "last" && i !== each.tokens.length - 1)) continue;
        rows[owners.length] = tokenCount;
        owners.push(chunk.work);
      }
    });
    const counts = { tokenCount, sequenceCount: chunks.length, rowCount: owners.length, contextCount };
    return { batch: { ...this.#arrays, ...counts, logits: this.#logitsFor(owners.length) }, owners };
  }

  #fillTable(sequence: Sequence, row: number): void {
    const { blocksPerSequence } = this.#executor.capacity;
    const { blockTable } = this.#arrays;
    sequence.blocks.forEach((block, i) => {
      blockTable[row * blocksPerSequence + i] = block;
    });
  }

  #fillContext(length: number, row: number, start: number): number {
    const { contextSequences, contextPositions } = this.#arrays;
    contextSequences.fill(row, start, start + length);
    for (let position = 0; position < length; position++) contextPositions[start + position] = position;
    return start + length;
  }

  /** Grows to the rows that are asked for: most steps want one, an evaluation wants all. */
  #logitsFor(rowCount: number): Float32Array {
    const wanted = rowCount * this.#executor.vocabulary;
    if (this.#logits.length < wanted) this.#logits = new Float32Array(wanted);
    return this.#logits;
  }
}
