/**
 * Reads a file forward through a window, little-endian. Every count that the file states is compared with the
 * bytes that are left before anything is allocated for it, so that memory is bounded by the file's size.
 */

import type { RandomAccessFile } from "../../base/index.js";

/** What is wrong with a file, as the end of a sentence that starts with its name. Caught by the reader. */
export class GgufFault extends Error {
  override readonly name = "GgufFault";
}

const windowBytes = 1 << 20;

/**
 * Invariant: `#window` holds the file's bytes from `#windowStart` on, and `#offset` never passes the file's
 * end.
 */
export class ByteCursor {
  readonly #file: RandomAccessFile;
  #window: DataView = new DataView(new ArrayBuffer(0));
  #windowStart = 0;
  #offset = 0;

  constructor(file: RandomAccessFile) {
    this.#file = file;
  }

  get offset(): number {
    return this.#offset;
  }

  /** Bytes behind the cursor. */
  get left(): number {
    return this.#file.sizeBytes - this.#offset;
  }

  u8(what: string): number {
    const at = this.#take(1, what);
    return this.#window.getUint8(at);
  }

  i8(what: string): number {
    const at = this.#take(1, what);
    return this.#window.getInt8(at);
  }

  u16(what: string): number {
    const at = this.#take(2, what);
    return this.#window.getUint16(at, true);
  }

  i16(what: string): number {
    const at = this.#take(2, what);
    return this.#window.getInt16(at, true);
  }

  u32(what: string): number {
    const at = this.#take(4, what);
    return this.#window.getUint32(at, true);
  }

  i32(what: string): number {
    const at = this.#take(4, what);
    return this.#window.getInt32(at, true);
  }

  f32(what: string): number {
    const at = this.#take(4, what);
    return this.#window.getFloat32(at, true);
  }

  u64(what: string): bigint {
    const at = this.#take(8, what);
    return this.#window.getBigUint64(at, true);
  }

  i64(what: string): bigint {
    const at = this.#take(8, what);
    return this.#window.getBigInt64(at, true);
  }

  f64(what: string): number {
    const at = this.#take(8, what);
    return this.#window.getFloat64(at, true);
  }

  /** A 64-bit count of things that take at least `leastBytes` each: no more than the file has room for. */
  count(what: string, leastBytes: number): number {
    const count = this.u64(what);
    if (count * BigInt(leastBytes) > BigInt(this.left)) {
      throw new GgufFault(`says ${count} for ${what}, but only ${this.left} bytes follow`);
    }
    return Number(count);
  }

  /** The bytes are only valid until the next read. */
  bytes(length: number, what: string): Uint8Array {
    const at = this.#take(length, what);
    return new Uint8Array(this.#window.buffer, this.#window.byteOffset + at, length);
  }

  /**
   * Makes sure that `length` bytes are in the window, moves behind them, and returns where they start in
   * it.
   */
  #take(length: number, what: string): number {
    if (length > this.left) throw new GgufFault(`ends inside ${what}`);
    const start = this.#offset - this.#windowStart;
    this.#offset += length;
    if (start + length <= this.#window.byteLength) return start;
    this.#windowStart = this.#offset - length;
    const size = Math.min(Math.max(windowBytes, length), this.#file.sizeBytes - this.#windowStart);
    const bytes = this.#file.read(this.#windowStart, size);
    this.#window = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return 0;
  }
}
