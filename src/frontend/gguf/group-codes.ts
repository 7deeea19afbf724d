/**
 * Q8_0 and Q4_0 blocks and the quantized matrices of the graph, both ways, bit by bit: no number is
 * rounded. A file stores rows [N][K] in blocks of 32 along K, each a half-precision scale and 32 codes; the
 * graph holds codes [K, N] and scales [K / 32, N].
 */

import { fromHalfBits, toHalfBits } from "../../base/index.js";
import type { QuantizedType, QuantizedValue } from "../../ir/index.js";

export type GroupFormat = "q8_0" | "q4_0";

export const groupElements = 32;

const scaleBytes = 2;
/** Rows whose columns of codes are written together, so that they share cache lines. */
const tileRows = 64;

export function blockBytes(format: GroupFormat): number {
  return scaleBytes + (format === "q8_0" ? groupElements : groupElements / 2);
}

/** Codes and scales of type [K, N], from blocks in the order of the file. */
export function readGroups(format: GroupFormat, type: QuantizedType, bytes: Uint8Array): QuantizedValue {
  const [inner, outer] = type.shape;
  const codes = new Int8Array(inner * outer);
  const scales = new Float32Array((inner / groupElements) * outer);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const signed = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = blockBytes(format);
  const blocks = inner / groupElements;
  for (let first = 0; first < outer; first += tileRows) {
    const count = Math.min(outer - first, tileRows);
    for (let block = 0; block < blocks; block++) {
      const at = (first * blocks + block) * size;
      for (let row = 0; row < count; row++) {
        scales[block * outer + first + row] = fromHalfBits(view.getUint16(at + row * blocks * size, true));
      }
      const tile = { from: at + scaleBytes, rowBytes: blocks * size, count, outer };
      const out = codes.subarray(block * groupElements * outer + first);
      if (format === "q8_0") readBytes(signed, out, tile);
      else readNibbles(bytes, out, tile);
    }
  }
  return { kind: "quantized", type, codes, scales };
}

/** One block of each of some rows of a file. Whole models pass through: no calls in the inner loops. */
interface Tile {
  /** Of the first row's codes. */
  readonly from: number;
  /** Between one row and the next. */
  readonly rowBytes: number;
  readonly count: number;
  /** Columns of the matrix of codes: its rows are written one after another. */
  readonly outer: number;
}

function readBytes(bytes: Int8Array, codes: Int8Array, { from, rowBytes, count, outer }: Tile): void {
  for (let i = 0; i < groupElements; i++) {
    const to = i * outer;
    for (let row = 0, at = from + i; row < count; row++, at += rowBytes) codes[to + row] = bytes[at]!;
  }
}

/** The low halves are the first sixteen elements, the high halves the others; 8 stands for 0. */
function readNibbles(bytes: Uint8Array, codes: Int8Array, { from, rowBytes, count, outer }: Tile): void {
  const middle = groupElements / 2;
  for (let i = 0; i < middle; i++) {
    const [low, high] = [i * outer, (i + middle) * outer];
    for (let row = 0, at = from + i; row < count; row++, at += rowBytes) {
      const byte = bytes[at]!;
      codes[low + row] = (byte & 15) - 8;
      codes[high + row] = (byte >>> 4) - 8;
    }
  }
}

/**
 * Blocks of rows of numbers, nearest codes for a scale that is rounded first: the meaning of the `quantize`
 * op, row by row. `numbers` holds whole groups.
 */
export function writeGroups(format: GroupFormat, numbers: Float32Array): Uint8Array {
  const size = blockBytes(format);
  const bytes = new Uint8Array((numbers.length / groupElements) * size);
  const view = new DataView(bytes.buffer);
  for (let block = 0; block < numbers.length / groupElements; block++) {
    const group = numbers.subarray(block * groupElements, (block + 1) * groupElements);
    const scale = groupScale(format, group);
    view.setUint16(block * size, scale, true);
    writeCodes(format, group, { view, at: block * size + scaleBytes, scale: fromHalfBits(scale) });
  }
  return bytes;
}

const largestHalf = 65504;

/** Half-precision bits. A scale beyond f16 would be infinite, and every weight of the group with it. */
function groupScale(format: GroupFormat, group: Float32Array): number {
  let extreme = 0;
  for (const each of group) if (Math.abs(each) > Math.abs(extreme)) extreme = each;
  const scale = format === "q8_0" ? Math.abs(extreme) / 127 : extreme / -8;
  return toHalfBits(Math.max(-largestHalf, Math.min(largestHalf, scale)));
}

interface CodePlace {
  readonly view: DataView;
  readonly at: number;
  readonly scale: number;
}

function writeCodes(format: GroupFormat, group: Float32Array, { view, at, scale }: CodePlace): void {
  const steps = (i: number): number => (scale === 0 ? 0 : group[i]! / scale);
  if (format === "q8_0") {
    for (let i = 0; i < groupElements; i++) view.setInt8(at + i, byteCode(steps(i)));
    return;
  }
  const middle = groupElements / 2;
  for (let i = 0; i < middle; i++) view.setUint8(at + i, nibble(steps(i)) | (nibble(steps(i + middle)) << 4));
}

/** Halves away from zero. */
function byteCode(steps: number): number {
  return Math.max(-127, Math.min(127, Math.sign(steps) * Math.floor(Math.abs(steps) + 0.5)));
}

function nibble(steps: number): number {
  return Math.max(-8, Math.min(7, Math.floor(steps + 0.5))) + 8;
}
