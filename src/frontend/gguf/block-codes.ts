/**
 * How blocks of GGUF tensors hold codes and scales, format by format (ggml's `block_q4_0` and so on), and the
 * quantized matrices of the graph that tensors become, bit by bit: no number is rounded. A file stores rows
 * [N][K] in blocks along K; the graph holds codes [K, N].
 */

import { fromHalfBits } from "../../base/index.js";
import type { CodeBits, QuantizedType, QuantizedValue } from "../../ir/index.js";
import { newQuantized } from "../../ir/index.js";

/** A field of bits for each element of a block: so many of a byte, from a shift on. */
interface BitField {
  readonly bits: number;
  readonly byte: (element: number) => number;
  readonly shift: (element: number) => number;
}

/** The whole number that a group's scale or minimum is multiplied by. `at`: where the block begins. */
type Factor = (bytes: Uint8Array, at: number, group: number) => number;

export interface CodeFormat {
  /** Elements and bytes of a block. */
  readonly elements: number;
  readonly bytes: number;
  /** Of the codes in the graph: no narrower than those in the file. */
  readonly bits: CodeBits;
  readonly group: number;
  readonly low: BitField;
  /** The bits above those of `low`. */
  readonly high?: BitField;
  /** The stored code of 0. */
  readonly middle: number;
  /** Byte of the half-precision scale; two levels where there are factors. */
  readonly scale: number;
  readonly scaleFactor?: Factor;
  readonly minimum?: { readonly at: number; readonly isAdded: boolean; readonly factor?: Factor };
}

/** Sixteen bytes: the low halves are the first sixteen elements, the high halves the others. */
const nibbles = (at: number): BitField => ({
  bits: 4,
  byte: (i) => at + (i & 15),
  shift: (i) => 4 * (i >> 4),
});
/** One bit of each of 32 elements, in order. */
const fifths = (at: number): BitField => ({ bits: 1, byte: (i) => at + (i >> 3), shift: (i) => i & 7 });
/** 64 elements share 32 bytes: the first 32 the low halves. */
const halvesOf64 = (at: number): BitField => ({
  bits: 4,
  byte: (i) => at + (i >> 6) * 32 + (i & 31),
  shift: (i) => 4 * ((i >> 5) & 1),
});
/** 128 elements share 32 bytes, two bits each: the first 32 the lowest. */
const quarters = (at: number): BitField => ({
  bits: 2,
  byte: (i) => at + (i >> 7) * 32 + (i & 31),
  shift: (i) => 2 * ((i >> 5) & 3),
});
/** All 256 elements share 32 bytes: bit j of byte i is of element 32 j + i. */
const eighths = (at: number): BitField => ({ bits: 1, byte: (i) => at + (i & 31), shift: (i) => i >> 5 });

/**
 * Six bits: groups 0 … 3 whole in bytes 0 … 3, the others in halves of bytes 8 … 11 and the top of bytes 0
 * … 3.
 */
const scaleOfK = (first: number): Factor => (bytes, start, group) => {
  const at = start + first;
  if (group < 4) return bytes[at + group]! & 63;
  return (bytes[at + group + 4]! & 15) | ((bytes[at + group - 4]! >>> 6) << 4);
};

/** The same, from bytes 4 … 7 and the high halves. */
const minimumOfK = (first: number): Factor => (bytes, start, group) => {
  const at = start + first;
  if (group < 4) return bytes[at + group + 4]! & 63;
  return (bytes[at + group + 4]! >>> 4) | ((bytes[at + group]! >>> 6) << 4);
};

/** Low four bits of scales 0 … 7 and 8 … 15 share eight bytes; the high two bits of four scales share one. */
const scaleOfQ3K: Factor = (bytes, start, group) => {
  const byte = bytes[start + 96 + (group & 7)]!;
  const low = group < 8 ? byte & 15 : byte >>> 4;
  const high = (bytes[start + 104 + (group & 3)]! >>> (2 * (group >> 2))) & 3;
  return (low | (high << 4)) - 32;
};

const block32 = { elements: 32, group: 32, scale: 0 } as const;
const block256 = { elements: 256, group: 32, scale: 0, middle: 0 } as const;

export const codeFormats = {
  Q4_0: { ...block32, bytes: 18, bits: 4, low: nibbles(2), middle: 8 },
  Q4_1: { ...block32, bytes: 20, bits: 4, low: nibbles(4), middle: 0, minimum: { at: 2, isAdded: true } },
  Q5_0: { ...block32, bytes: 22, bits: 5, low: nibbles(6), high: fifths(2), middle: 16 },
  Q5_1: {
    ...block32, bytes: 24, bits: 5, low: nibbles(8), high: fifths(4), middle: 0,
    minimum: { at: 2, isAdded: true },
  },
  // Two's complement: the sign is turned into the top bit of a code from 0 on, see `readCode`.
  Q8_0: { ...block32, bytes: 34, bits: 8, low: { bits: 8, byte: (i) => 2 + i, shift: () => 0 }, middle: 128 },
  Q2_K: {
    ...block256, bytes: 84, bits: 4, group: 16, low: quarters(16), scale: 80,
    scaleFactor: (bytes, at, group) => bytes[at + group]! & 15,
    minimum: { at: 82, isAdded: false, factor: (bytes, at, group) => bytes[at + group]! >>> 4 },
  },
  Q3_K: {
    ...block256, bytes: 110, bits: 4, group: 16, low: quarters(32), high: eighths(0), middle: 4, scale: 108,
    scaleFactor: scaleOfQ3K,
  },
  Q4_K: {
    ...block256, bytes: 144, bits: 4, low: halvesOf64(16),
    scaleFactor: scaleOfK(4),
    minimum: { at: 2, isAdded: false, factor: minimumOfK(4) },
  },
  Q5_K: {
    ...block256, bytes: 176, bits: 5, low: halvesOf64(48), high: eighths(16),
    scaleFactor: scaleOfK(4),
    minimum: { at: 2, isAdded: false, factor: minimumOfK(4) },
  },
  Q6_K: {
    ...block256, bytes: 210, bits: 6, group: 16, high: quarters(128), middle: 32, scale: 208,
    low: { bits: 4, byte: (i) => (i >> 7) * 64 + (i & 63), shift: (i) => 4 * ((i >> 6) & 1) },
    scaleFactor: (bytes, at, group) => (bytes[at + 192 + group]! << 24) >> 24,
  },
} as const satisfies Readonly<Record<string, CodeFormat>>;

export type CodeFormatName = keyof typeof codeFormats;

/** Undefined for what is not stored as codes, or as codes that cannot be read. */
export function codeFormat(name: string): CodeFormat | undefined {
  return Object.hasOwn(codeFormats, name) ? codeFormats[name as CodeFormatName] : undefined;
}

/** The type of rows [N][K] in a format: [K, N]. */
export function codesType(format: CodeFormat, [outer = 0, inner = 0]: readonly number[]): QuantizedType {
  const { bits, group, elements, scaleFactor, minimum } = format;
  return {
    kind: "quantized",
    shape: [inner, outer],
    bits,
    group,
    scaleDtype: "f16",
    ...(scaleFactor === undefined ? {} : { superGroup: elements }),
    ...(minimum === undefined ? {} : { minimums: true }),
  };
}

/** Rows whose columns of codes are written together, so that they share cache lines. */
const tileRows = 64;

/** Codes and scales [K, N], from the blocks of N rows in the order of the file. */
export function readCodes(format: CodeFormat, shape: readonly number[], bytes: Uint8Array): QuantizedValue {
  const value = newQuantized(codesType(format, shape));
  const [inner, outer] = value.type.shape;
  const blocks = inner / format.elements;
  for (let first = 0; first < outer; first += tileRows) {
    const count = Math.min(outer - first, tileRows);
    for (let block = 0; block < blocks; block++) {
      const from = (first * blocks + block) * format.bytes;
      const tile = { from, rowBytes: blocks * format.bytes, count, outer };
      readCodesOfBlock(format, bytes, value.codes.subarray(block * format.elements * outer + first), tile);
      for (let row = 0; row < count; row++) {
        readScales(format, { bytes, at: from + row * tile.rowBytes }, value, block * outer + first + row);
      }
    }
  }
  return value;
}

/** One block of each of some rows of a file. */
interface Tile {
  /** The first row's block. */
  readonly from: number;
  /** Between one row and the next. */
  readonly rowBytes: number;
  readonly count: number;
  /** Columns of the matrix of codes: its rows are written one after another. */
  readonly outer: number;
}

/** Whole models pass through here: no calls in the inner loops. */
function readCodesOfBlock(format: CodeFormat, bytes: Uint8Array, codes: Int8Array, tile: Tile): void {
  const { elements, low, high, middle } = format;
  const { from, rowBytes, count, outer } = tile;
  const [lowMask, flip] = [2 ** low.bits - 1, low.bits === 8 ? 128 : 0];
  for (let i = 0; i < elements; i++) {
    const [to, shift] = [i * outer, low.shift(i)];
    let at = from + low.byte(i);
    if (high === undefined) {
      for (let row = 0; row < count; row++, at += rowBytes) {
        codes[to + row] = (((bytes[at]! >>> shift) & lowMask) ^ flip) - middle;
      }
      continue;
    }
    const [highMask, highShift] = [2 ** high.bits - 1, high.shift(i)];
    let above = from + high.byte(i);
    for (let row = 0; row < count; row++, at += rowBytes, above += rowBytes) {
      const extra = (bytes[above]! >>> highShift) & highMask;
      codes[to + row] = (((bytes[at]! >>> shift) & lowMask) | (extra << low.bits)) - middle;
    }
  }
}

interface BlockPlace {
  readonly bytes: Uint8Array;
  readonly at: number;
}

/** Scales and minimums of one block of a column; `column`: its place among the scales. */
function readScales(
  format: CodeFormat,
  { bytes, at }: BlockPlace,
  value: QuantizedValue,
  column: number,
): void {
  const { elements, group, scale, scaleFactor, minimum } = format;
  const half = (from: number): number => fromHalfBits(bytes[from]! | (bytes[from + 1]! << 8));
  value.scales[column] = half(at + scale);
  if (minimum !== undefined && value.minimums) {
    value.minimums[column] = minimum.isAdded ? -half(at + minimum.at) : half(at + minimum.at);
  }
  if (scaleFactor === undefined || !value.subScales) return;
  const outer = value.type.shape[1];
  const block = Math.floor(column / outer);
  const groups = elements / group;
  for (let i = 0, to = column + block * (groups - 1) * outer; i < groups; i++, to += outer) {
    value.subScales[to] = scaleFactor(bytes, at, i);
    if (minimum?.factor === undefined || !value.subMinimums) continue;
    value.subMinimums[to] = minimum.factor(bytes, at, i);
  }
}

/**
 * The numbers that blocks stand for, in their order: computed in binary64 from integers and half-precision
 * scales, in which nothing is lost, and rounded once to binary32.
 */
export function dequantizeBlocks(format: CodeFormat, bytes: Uint8Array): Float32Array {
  const { elements } = format;
  const rows = bytes.length / format.bytes;
  const value = readCodes(format, [rows, elements], bytes);
  const { type, codes, scales, minimums, subScales, subMinimums } = value;
  const out = new Float32Array(codes.length);
  for (let i = 0; i < elements; i++) {
    const group = Math.floor(i / type.group) * rows;
    for (let row = 0; row < rows; row++) {
      const scale = scales[row]! * (subScales?.[group + row] ?? 1);
      const minimum = minimums === undefined ? 0 : minimums[row]! * (subMinimums?.[group + row] ?? 1);
      out[row * elements + i] = codes[i * rows + row]! * scale - minimum;
    }
  }
  return out;
}
