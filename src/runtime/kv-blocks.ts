/**
 * The pool of KV blocks, and sequences as lists of blocks (PagedAttention, Kwon et al. 2023). Blocks are
 * counted by reference, so that sequences with a common prefix can share them.
 */

import { invariant } from "../base/index.js";

/** There are fewer free blocks than a step needs. */
export class OutOfBlocks extends Error {
  override readonly name = "OutOfBlocks";
  constructor(needed: number, free: number) {
    super(`the KV cache needs ${needed} more blocks and has ${free}`);
  }
}

/** Invariant: a block is on the free list exactly when its count is zero. */
export class KvBlocks {
  readonly blockSize: number;
  readonly #counts: Int32Array;
  readonly #free: number[];

  constructor(blocks: number, blockSize: number) {
    this.blockSize = blockSize;
    this.#counts = new Int32Array(blocks);
    this.#free = Array.from({ length: blocks }, (_, i) => blocks - 1 - i);
  }

  get free(): number {
    return this.#free.length;
  }

  /** Takes `count` blocks or none; throws `OutOfBlocks`. */
  take(count: number): readonly number[] {
    if (count > this.#free.length) throw new OutOfBlocks(count, this.#free.length);
    const taken = this.#free.splice(this.#free.length - count, count).reverse();
    for (const block of taken) this.#counts[block] = 1;
    return taken;
  }

  /** One more sequence reads these blocks. */
  share(blocks: readonly number[]): void {
    for (const block of blocks) {
      invariant(this.#counts[block]! > 0, "only a block in use can be shared");
      this.#counts[block]! += 1;
    }
  }

  release(blocks: readonly number[]): void {
    for (const block of blocks) {
      invariant(this.#counts[block]! > 0, "a block is released once for each time it was taken");
      this.#counts[block]! -= 1;
      if (this.#counts[block] === 0) this.#free.push(block);
    }
  }
}

/** One sequence: its blocks in order, and how many of their slots are filled. */
export class Sequence {
  readonly #pool: KvBlocks;
  readonly #blocks: number[] = [];
  #length = 0;

  constructor(pool: KvBlocks) {
    this.#pool = pool;
  }

  /** Tokens whose keys and values are in the cache. */
  get length(): number {
    return this.#length;
  }

  get blocks(): readonly number[] {
    return this.#blocks;
  }

  /** Makes room for more tokens; throws `OutOfBlocks` and changes nothing when the pool is short. */
  grow(tokens: number): void {
    const wanted = Math.ceil((this.#length + tokens) / this.#pool.blockSize);
    if (wanted > this.#blocks.length) this.#blocks.push(...this.#pool.take(wanted - this.#blocks.length));
    this.#length += tokens;
  }

  /** Gives all blocks back. The sequence is empty afterwards and may be used again. */
  release(): void {
    this.#pool.release(this.#blocks);
    this.#blocks.length = 0;
    this.#length = 0;
  }
}
