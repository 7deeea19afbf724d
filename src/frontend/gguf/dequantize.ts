/**
 * The numbers that blocks of GGUF tensors stand for, exact: each is computed in binary64 from the block's
 * integers and half-precision scales, in which nothing is lost, and rounded once to binary32. Layouts are
 * those of ggml's `block_q4_0` and so on; a block's bytes are read in place.
 */

import { fromHalfBits, invariant } from "../../base/index.js";
import type { BlockType } from "./block-types.js";

/** Writes the elements of the block that starts at `at` of `bytes`. */
type BlockReader = (bytes: DataView, at: number, out: Float32Array) => void;

const half = (bytes: DataView, at: number): number => fromHalfBits(bytes.getUint16(at, true));

/** Formats of integers in blocks that can be read. Plain floats are widened elsewhere. */
export const blockReaders: Readonly<Record<string, BlockReader>> = {
  Q4_0: (bytes, at, out) => {
    nibbles(bytes, at + 2, out, centred(half(bytes, at), 8));
  },
  Q4_1: (bytes, at, out) => {
    nibbles(bytes, at + 4, out, raised(half(bytes, at), half(bytes, at + 2)));
  },
  Q5_0: (bytes, at, out) => {
    fiveBits(bytes, at + 2, out, centred(half(bytes, at), 16));
  },
  Q5_1: (bytes, at, out) => {
    fiveBits(bytes, at + 4, out, raised(half(bytes, at), half(bytes, at + 2)));
  },
  Q8_0: (bytes, at, out) => {
    const scale = half(bytes, at);
    for (let i = 0; i < 32; i++) out[i] = bytes.getInt8(at + 2 + i) * scale;
  },
  Q2_K: readQ2K,
  Q3_K: readQ3K,
  Q4_K: readQ4K,
  Q5_K: readQ5K,
  Q6_K: readQ6K,
};

/** The numbers of a tensor that is stored in a format of `blockReaders`. */
export function dequantizeBlocks(type: BlockType, bytes: Uint8Array): Float32Array {
  const read = blockReaders[type.name];
  invariant(read !== undefined, `blocks of ${type.name} can be read`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const blocks = bytes.length / type.bytes;
  const out = new Float32Array(blocks * type.elements);
  for (let block = 0; block < blocks; block++) {
    read(view, block * type.bytes, out.subarray(block * type.elements, (block + 1) * type.elements));
  }
  return out;
}

function centred(scale: number, middle: number): (code: number) => number {
  return (code) => (code - middle) * scale;
}

function raised(scale: number, minimum: number): (code: number) => number {
  return (code) => code * scale + minimum;
}

/** Sixteen bytes: the low halves are the first sixteen elements, the high halves the others. */
function nibbles(bytes: DataView, at: number, out: Float32Array, value: (code: number) => number): void {
  for (let i = 0; i < 16; i++) {
    const byte = bytes.getUint8(at + i);
    out[i] = value(byte & 15);
    out[16 + i] = value(byte >>> 4);
  }
}

/** As `nibbles`, after four bytes that hold the fifth bit of each element. */
function fiveBits(bytes: DataView, at: number, out: Float32Array, value: (code: number) => number): void {
  const fifths = bytes.getUint32(at, true);
  for (let i = 0; i < 16; i++) {
    const byte = bytes.getUint8(at + 4 + i);
    out[i] = value((byte & 15) | (((fifths >>> i) & 1) << 4));
    out[16 + i] = value((byte >>> 4) | (((fifths >>> (i + 16)) & 1) << 4));
  }
}

/* ---- Blocks of 256 with scales of their own for sixteen or 32 elements ---- */

/** 16 bytes of scale and minimum in four bits each, 64 of codes, then the scale of both: d, dmin. */
function readQ2K(bytes: DataView, at: number, out: Float32Array): void {
  const [d, least] = [half(bytes, at + 80), half(bytes, at + 82)];
  for (let i = 0; i < 256; i++) {
    const group = bytes.getUint8(at + (i >> 4));
    const byte = bytes.getUint8(at + 16 + ((i >> 7) << 5) + (i & 31));
    const code = (byte >>> (2 * ((i >> 5) & 3))) & 3;
    out[i] = d * (group & 15) * code - least * (group >>> 4);
  }
}

/** 32 bytes with the third bit of each code, 64 with the others, 12 of six-bit scales, then d. */
function readQ3K(bytes: DataView, at: number, out: Float32Array): void {
  const d = half(bytes, at + 108);
  for (let i = 0; i < 256; i++) {
    const byte = bytes.getUint8(at + 32 + ((i >> 7) << 5) + (i & 31));
    const low = (byte >>> (2 * ((i >> 5) & 3))) & 3;
    const isHigh = ((bytes.getUint8(at + (i & 31)) >>> (i >> 5)) & 1) === 1;
    out[i] = d * (scaleOfQ3K(bytes, at + 96, i >> 4) - 32) * (isHigh ? low : low - 4);
  }
}

/** Low four bits of scales 0 … 7 and 8 … 15 share eight bytes; the high two bits of four scales share one. */
function scaleOfQ3K(bytes: DataView, at: number, group: number): number {
  const byte = bytes.getUint8(at + (group & 7));
  const low = group < 8 ? byte & 15 : byte >>> 4;
  const high = (bytes.getUint8(at + 8 + (group & 3)) >>> (2 * (group >> 2))) & 3;
  return low | (high << 4);
}

/** d, dmin, 12 bytes of six-bit scales and minima for eight groups of 32, 128 of codes. */
function readQ4K(bytes: DataView, at: number, out: Float32Array): void {
  const [d, least] = [half(bytes, at), half(bytes, at + 2)];
  for (let group = 0; group < 8; group++) {
    const scale = d * scaleOfK(bytes, at + 4, group);
    const minimum = least * minimumOfK(bytes, at + 4, group);
    const codes = at + 16 + (group >> 1) * 32;
    for (let i = 0; i < 32; i++) {
      const code = (bytes.getUint8(codes + i) >>> (4 * (group & 1))) & 15;
      out[group * 32 + i] = scale * code - minimum;
    }
  }
}

/** As Q4_K, with 32 bytes between scales and codes that hold the fifth bit: bit `group` of byte i. */
function readQ5K(bytes: DataView, at: number, out: Float32Array): void {
  const [d, least] = [half(bytes, at), half(bytes, at + 2)];
  for (let group = 0; group < 8; group++) {
    const scale = d * scaleOfK(bytes, at + 4, group);
    const minimum = least * minimumOfK(bytes, at + 4, group);
    const codes = at + 48 + (group >> 1) * 32;
    for (let i = 0; i < 32; i++) {
      const low = (bytes.getUint8(codes + i) >>> (4 * (group & 1))) & 15;
      const fifth = (bytes.getUint8(at + 16 + i) >>> group) & 1;
      out[group * 32 + i] = scale * (low | (fifth << 4)) - minimum;
    }
  }
}

/**
 * Six bits: groups 0 … 3 whole in bytes 0 … 3, the others in halves of bytes 8 … 11 and the top of bytes 0
 * … 3.
 */
function scaleOfK(bytes: DataView, at: number, group: number): number {
  if (group < 4) return bytes.getUint8(at + group) & 63;
  return (bytes.getUint8(at + group + 4) & 15) | ((bytes.getUint8(at + group - 4) >>> 6) << 4);
}

/** The same, from bytes 4 … 7 and the high halves. */
function minimumOfK(bytes: DataView, at: number, group: number): number {
  if (group < 4) return bytes.getUint8(at + group + 4) & 63;
  return (bytes.getUint8(at + group + 4) >>> 4) | ((bytes.getUint8(at + group) >>> 6) << 4);
}

/** 128 bytes with low halves of codes, 64 with their high two bits, 16 of signed scales, then d. */
function readQ6K(bytes: DataView, at: number, out: Float32Array): void {
  const d = half(bytes, at + 208);
  for (let i = 0; i < 256; i++) {
    const [upper, quarter, lane] = [i >> 7, (i >> 5) & 3, i & 31];
    const byte = bytes.getUint8(at + upper * 64 + (quarter & 1) * 32 + lane);
    const low = quarter < 2 ? byte & 15 : byte >>> 4;
    const high = (bytes.getUint8(at + 128 + upper * 32 + lane) >>> (2 * quarter)) & 3;
    out[i] = d * bytes.getInt8(at + 192 + (i >> 4)) * ((low | (high << 4)) - 32);
  }
}
