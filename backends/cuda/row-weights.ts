/**
 * The layout of packed weights, and the way back. A matrix [K, N] is stored column by column, so that the
 * lanes of a warp read neighbouring chunks of 16 bytes of one output's weights (kernels/weight-rows.cuh).
 *
 *   f32_rows, f16_rows, bf16_rows       [N][K rounded up to whole chunks], zeros behind
 *   q8_rows_g<group>, q4_rows_g<group>  codes [N][K] of 8 or 4 bits, then f16 scales [N][K / group]; of 8
 *                                       neighbouring 4-bit codes, byte b holds number b in its low half and
 *                                       number 4 + b in its high half, plus 8
 *
 * Whole models pass through `pack…`, so those loops run over typed arrays.
 */

import { fromHalfBits, invariant, toHalfBits } from "../../src/base/index.js";
import type { WeightFormat, WeightLayout } from "../../src/codegen/index.js";
import {
  packedShape, parseWeightFormat, readStored, storedElements, weightFormatName,
} from "../../src/codegen/index.js";
import type {
  FloatDType, PackedType, PackedValue, PlainCodesType, QuantizedType, QuantizedValue, TensorValue,
} from "../../src/ir/index.js";
import { dtypeBytes } from "../../src/ir/index.js";

/** Bytes that a lane loads at a time. */
const CHUNK_BYTES = 16;

/** Numbers in a chunk: `CHUNK` of weight-rows.cuh. */
export function chunkNumbers(format: WeightFormat): number {
  return format.kind === "float" ? CHUNK_BYTES / dtypeBytes(format.dtype) : (CHUNK_BYTES * 8) / format.bits;
}

const LAYOUT = "rows";

export function parseFormat(name: string): WeightFormat | undefined {
  return parseWeightFormat(LAYOUT, name);
}

/** Numbers of a stored row of floats. */
function rowLength(dtype: FloatDType, inner: number): number {
  const chunk = chunkNumbers({ kind: "float", dtype });
  return Math.ceil(inner / chunk) * chunk;
}

function packedType(format: WeightFormat, [inner, outer]: readonly [number, number]): PackedType {
  const sizeBytes =
    format.kind === "float"
      ? outer * rowLength(format.dtype, inner) * dtypeBytes(format.dtype)
      : (outer * inner * format.bits) / 8 + outer * (inner / format.group) * 2;
  return { kind: "packed", format: weightFormatName(LAYOUT, format), shape: [inner, outer], sizeBytes };
}

function refusesQuantized({ bits, group }: PlainCodesType): string | undefined {
  const chunk = chunkNumbers({ kind: "quantized", bits, group });
  return group % chunk === 0 ? undefined : `needs groups that are multiples of ${chunk}, found ${group}`;
}

/* ---- Packing ---- */

function packFloats({ dtype, data }: TensorValue, type: PackedType): PackedValue {
  invariant(data instanceof Float32Array, "floats are packed");
  const [inner, outer] = packedShape(type);
  const bytes = new Uint8Array(type.sizeBytes);
  const to = dtype === "f32" ? new Float32Array(bytes.buffer) : new Uint16Array(bytes.buffer);
  transposeInto(storedElements(data, dtype), to, { inner, outer, stride: to.length / outer });
  return { kind: "packed", type, bytes };
}

interface MatrixSize {
  readonly inner: number;
  readonly outer: number;
  /** Elements from one stored row to the next. */
  readonly stride: number;
}

/** Rows of tiles, so that neither side strides through memory for long. */
const TILE = 32;

function transposeInto(
  from: Float32Array | Uint16Array | Int8Array,
  to: Float32Array | Uint16Array | Int8Array,
  { inner, outer, stride }: MatrixSize,
): void {
  for (let firstRow = 0; firstRow < inner; firstRow += TILE) {
    const endRow = Math.min(inner, firstRow + TILE);
    for (let column = 0; column < outer; column++) {
      for (let row = firstRow; row < endRow; row++) to[column * stride + row] = from[row * outer + column]!;
    }
  }
}

function packQuantized(
  { codes, scales, type: { bits, group } }: QuantizedValue,
  type: PackedType,
): PackedValue {
  const [inner, outer] = packedShape(type);
  const bytes = new Uint8Array(type.sizeBytes);
  const rows = bits === 8 ? new Int8Array(bytes.buffer, 0, inner * outer) : new Int8Array(inner * outer);
  transposeInto(codes, rows, { inner, outer, stride: inner });
  if (bits === 4) packNibbles(rows, bytes);
  const codeBytes = (inner * outer * bits) / 8;
  const groups = inner / group;
  const to = new Uint16Array(bytes.buffer, codeBytes, groups * outer);
  transposeInto(Uint16Array.from(scales, toHalfBits), to, { inner: groups, outer, stride: groups });
  return { kind: "packed", type, bytes };
}

/** Eight codes become four bytes. */
function packNibbles(codes: Int8Array, to: Uint8Array): void {
  for (let first = 0; first < codes.length; first += 8) {
    for (let b = 0; b < 4; b++) {
      to[first / 2 + b] = (codes[first + b]! + 8) | ((codes[first + 4 + b]! + 8) << 4);
    }
  }
}

/* ---- Unpacking: what a packed value means ---- */

function unpackFloats({ type, bytes }: PackedValue, dtype: FloatDType): TensorValue {
  const [inner, outer] = packedShape(type);
  const data = new Float32Array(inner * outer);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [stride, width] = [rowLength(dtype, inner), dtypeBytes(dtype)];
  for (let row = 0; row < inner; row++) {
    for (let column = 0; column < outer; column++) {
      data[row * outer + column] = readStored(view, (column * stride + row) * width, dtype);
    }
  }
  return { kind: "tensor", dtype: "f32", shape: [inner, outer], data };
}

function unpackQuantized({ type, bytes }: PackedValue, bits: 4 | 8, group: number): QuantizedValue {
  const [inner, outer] = packedShape(type);
  const codes = new Int8Array(inner * outer);
  const scales = new Float32Array((inner / group) * outer);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const codeBytes = (inner * outer * bits) / 8;
  for (let row = 0; row < inner; row++) {
    for (let column = 0; column < outer; column++) {
      const scale = codeBytes + 2 * (column * (inner / group) + Math.floor(row / group));
      scales[Math.floor(row / group) * outer + column] = fromHalfBits(view.getUint16(scale, true));
      codes[row * outer + column] = readCode(view, column * inner + row, bits);
    }
  }
  const quantized: QuantizedType = { kind: "quantized", shape: [inner, outer], bits, group, scaleDtype: "f16" };
  return { kind: "quantized", type: quantized, codes, scales };
}

function readCode(view: DataView, index: number, bits: 4 | 8): number {
  if (bits === 8) return view.getInt8(index);
  const within = index % 8;
  const byte = view.getUint8((index - within) / 2 + (within % 4));
  return (within < 4 ? byte & 15 : byte >>> 4) - 8;
}

export const rowLayout: WeightLayout = {
  packedType,
  parseFormat,
  refusesQuantized,
  packFloats,
  packQuantized,
  unpackFloats,
  unpackQuantized,
};
