/**
 * A growable list of match records of one size, in chunks: a list that has become long is never copied, and
 * what it leaves behind is small enough to be used again at once.
 */

/** Records of a full chunk, a power of two. */
const CHUNK_BITS = 12;
const CHUNK = 1 << CHUNK_BITS;
/** Records that the first chunk starts with. */
const FIRST = 16;

/** Invariant: every chunk but the last holds `CHUNK` records, and so does the last unless it is the first. */
export class RecordList {
  readonly #stride: number;
  readonly #chunks: Int32Array[] = [];
  /** Whole records. May be lowered at any time; raised only over a record that was `opened`. */
  length = 0;

  constructor(stride: number) {
    this.#stride = stride;
  }

  get bytes(): number {
    return this.#chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0);
  }

  /** Where the record lies, together with `baseOf`. Stale after `opened`. */
  dataOf(index: number): Int32Array {
    return this.#chunks[index >> CHUNK_BITS]!;
  }

  baseOf(index: number): number {
    return (index & (CHUNK - 1)) * this.#stride;
  }

  /** The chunk with room for the record after the last, at `baseOf(length)`. */
  opened(): Int32Array {
    const at = this.length >> CHUNK_BITS;
    const chunk = this.#chunks[at];
    if (chunk === undefined) return this.#newChunk(at);
    const base = this.baseOf(this.length);
    return base + this.#stride <= chunk.length ? chunk : this.#doubled(at, chunk);
  }

  #newChunk(at: number): Int32Array {
    const chunk = new Int32Array((at === 0 ? FIRST : CHUNK) * this.#stride);
    this.#chunks.push(chunk);
    return chunk;
  }

  #doubled(at: number, chunk: Int32Array): Int32Array {
    const larger = new Int32Array(chunk.length * 2);
    larger.set(chunk);
    this.#chunks[at] = larger;
    return larger;
  }

  /** Appends a copy. */
  push(data: Int32Array, base: number): void {
    const to = this.opened();
    this.#copy(data, base, to, this.baseOf(this.length));
    this.length++;
  }

  /** Writes record `from` over record `to`. */
  move(from: number, to: number): void {
    if (from !== to) this.#copy(this.dataOf(from), this.baseOf(from), this.dataOf(to), this.baseOf(to));
  }

  #copy(from: Int32Array, fromBase: number, to: Int32Array, toBase: number): void {
    for (let i = 0; i < this.#stride; i++) to[toBase + i] = from[fromBase + i]!;
  }
}
