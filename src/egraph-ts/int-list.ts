/**
 * A growable list of 32-bit integers: the building block of every table of the engine. Growth doubles, so
 * pushing is amortised constant; `data` is replaced by growth and must be re-read after it.
 */

export class IntList {
  /** Only the first `length` entries mean anything. Stale after any `push` or `reserve`. */
  data: Int32Array;
  length = 0;

  constructor(capacity = 16) {
    this.data = new Int32Array(capacity);
  }

  push(value: number): void {
    if (this.length === this.data.length) this.reserve(1);
    this.data[this.length++] = value;
  }

  /** Makes room for `extra` more entries without changing the length. */
  reserve(extra: number): void {
    this.data = grown(this.data, this.length + extra);
  }

  clear(): void {
    this.length = 0;
  }
}

/** The same array when it already holds `needed` entries, else a copy of at least twice the size. */
export function grown(array: Int32Array, needed: number): Int32Array {
  if (needed <= array.length) return array;
  const larger = new Int32Array(Math.max(needed, array.length * 2));
  larger.set(array);
  return larger;
}
