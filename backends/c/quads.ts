/**
 * The layouts that integer products read: activations as rows of 8-bit codes, and weights as panels of quads.
 * A quad is four rows of k of 16 columns, column by column, as instructions want that multiply bytes and add
 * four neighbours. `kernels/quantized-rows.h` and `kernels/integer_matmul_*.h` draw the same pictures in C.
 *
 *   q8_quads16_g<group>  [panel][K / group] blocks of 16 f16 scales, group / 4 quads, each code plus 128
 *   q4_quads16_g<group>  [panel][K / group] blocks of 16 f16 scales, group / 8 vectors of 64 bytes: quad i in
 *                        the low halves, quad i + group / 8 in the high ones, each code plus 8
 */

import { fromHalfBits, invariant, toHalfBits } from "../../src/base/index.js";
import type { PackedType, PackedValue, QuantizedType, QuantizedValue, TensorValue } from "../../src/ir/index.js";
import { matrixShape, PANEL } from "./panels.js";

export interface QuadFormat {
  readonly bits: 4 | 8;
  readonly group: number;
}

/** Rows of k in a quad. */
const QUAD = 4;

/** A group's integer sum must stay below 2^22: see `INTEGER_ZERO` of quantized-rows.h. */
const LARGEST_GROUP = 128;

/** Whether an integer product can read these weights. */
export function canPackQuads({ bits, group }: QuadFormat): boolean {
  return group % (bits === 8 ? QUAD : 2 * QUAD) === 0 && group <= LARGEST_GROUP;
}

export function parseQuads(name: string): QuadFormat | undefined {
  const found = /^q([48])_quads16_g([1-9][0-9]*)$/.exec(name);
  return found === null ? undefined : { bits: found[1] === "4" ? 4 : 8, group: Number(found[2]) };
}

export function quadType(format: QuadFormat, [rows, columns]: readonly [number, number]): PackedType {
  const { bits, group } = format;
  const sizeBytes = Math.ceil(columns / PANEL) * (rows / group) * blockBytes(format);
  return { kind: "packed", format: `q${bits}_quads16_g${group}`, shape: [rows, columns], sizeBytes };
}

function blockBytes({ bits, group }: QuadFormat): number {
  return PANEL * 2 + (PANEL * group * bits) / 8;
}

/** Whole models pass through here: typed arrays, and no calls in the inner loop. */
export function packQuads({ codes, scales, type: { shape, bits, group } }: QuantizedValue, type: PackedType): PackedValue {
  const [rows, columns] = shape;
  const bytes = new Uint8Array(type.sizeBytes);
  const format = { bits, group };
  for (let first = 0, target = 0; first < columns; first += PANEL) {
    const width = Math.min(PANEL, columns - first);
    for (let block = 0; block < rows / group; block++, target += blockBytes(format)) {
      for (let i = 0; i < width; i++) {
        const scale = toHalfBits(scales[block * columns + first + i]!);
        bytes[target + 2 * i] = scale & 0xff;
        bytes[target + 2 * i + 1] = scale >>> 8;
      }
      const source = block * group * columns + first;
      const to = bytes.subarray(target + 2 * PANEL, target + blockBytes(format));
      if (bits === 8) packBytes(codes, to, { source, columns, width, group });
      else packNibbles(codes, to, { source, columns, width, group });
    }
  }
  return { kind: "packed", type, bytes };
}

interface CodeBlock {
  /** Of the first code. */
  readonly source: number;
  readonly columns: number;
  readonly width: number;
  readonly group: number;
}

function packBytes(codes: Int8Array, to: Uint8Array, { source, columns, width, group }: CodeBlock): void {
  to.fill(128);
  for (let row = 0; row < group; row++) {
    const [from, target] = [source + row * columns, (row >> 2) * PANEL * QUAD + (row & 3)];
    for (let i = 0; i < width; i++) to[target + i * QUAD] = codes[from + i]! + 128;
  }
}

function packNibbles(codes: Int8Array, to: Uint8Array, { source, columns, width, group }: CodeBlock): void {
  to.fill(0x88);
  const half = group / 2;
  for (let row = 0; row < half; row++) {
    const [from, target] = [source + row * columns, (row >> 2) * PANEL * QUAD + (row & 3)];
    for (let i = 0; i < width; i++) {
      to[target + i * QUAD] = (codes[from + i]! + 8) | ((codes[from + half * columns + i]! + 8) << 4);
    }
  }
}

export function unpackQuads({ type, bytes }: PackedValue, format: QuadFormat): QuantizedValue {
  const { bits, group } = format;
  const [rows, columns] = matrixShape(type.shape);
  const codes = new Int8Array(rows * columns);
  const scales = new Float32Array((rows / group) * columns);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const [block, lane] = [Math.floor(row / group), column % PANEL];
      const start = (Math.floor(column / PANEL) * (rows / group) + block) * blockBytes(format);
      scales[block * columns + column] = fromHalfBits(view.getUint16(start + 2 * lane, true));
      codes[row * columns + column] = readCode(view, start + 2 * PANEL + lane * QUAD, row % group, format);
    }
  }
  const quantized: QuantizedType = { kind: "quantized", shape: [rows, columns], bits, group, scaleDtype: "f16" };
  return { kind: "quantized", type: quantized, codes, scales };
}

/** `first`: of the column's byte in the group's first quad. */
function readCode(view: DataView, first: number, row: number, { bits, group }: QuadFormat): number {
  const place = (at: number): number => view.getUint8(first + (at >> 2) * PANEL * QUAD + (at & 3));
  if (bits === 8) return place(row) - 128;
  const half = group / 2;
  return (row < half ? place(row) & 15 : place(row - half) >>> 4) - 8;
}

/* ---- Rows of activations ---- */

/** The bits of 1.5 · 2^23, from which integer sums start. */
const INTEGER_ZERO = 0x4b400000;

/** Bytes of a row of `k` codes: codes, starts, scales and totals, in whole cache lines. */
export function rowBytes(k: number, group: number): number {
  return Math.ceil((k + 12 * (k / group)) / 64) * 64;
}

export interface RowFormat {
  readonly group: number;
  /** What the weights that the rows will meet are stored plus. */
  readonly offset: number;
}

/** Rows [T, K] as codes, exactly as kernels/quantized-rows.h computes them. */
export function quantizeRows({ shape, data }: TensorValue, format: RowFormat): TensorValue {
  const [rows = 0, k = 0] = shape;
  const width = rowBytes(k, format.group);
  const bytes = new Uint8Array(rows * width);
  for (let row = 0; row < rows; row++) {
    const target = bytes.subarray(row * width, (row + 1) * width);
    invariant(data instanceof Float32Array, "floats are rounded");
    quantizeRow(data.subarray(row * k, (row + 1) * k), target, format);
  }
  return { kind: "tensor", dtype: "u8", shape: [rows, width], data: bytes };
}

function quantizeRow(x: Float32Array, target: Uint8Array, { group, offset }: RowFormat): void {
  const k = x.length;
  const view = new DataView(target.buffer, target.byteOffset, target.byteLength);
  for (let index = 0; index < k / group; index++) {
    const values = x.subarray(index * group, (index + 1) * group);
    const { codes, scale } = quantizeGroup(values);
    const total = codes.reduce((sum, code) => sum + code, 0);
    codes.forEach((code, i) => { view.setInt8(index * group + i, code); });
    const arrays = k + 4 * index;
    view.setInt32(arrays, INTEGER_ZERO - offset * total, true);
    view.setFloat32(arrays + 4 * (k / group), scale, true);
    view.setFloat32(arrays + 8 * (k / group), Math.fround(scale * total), true);
  }
}

/** In binary32, as the kernel does; a group that holds an infinity or a NaN has a NaN for scale. */
function quantizeGroup(values: Float32Array): { readonly codes: number[]; readonly scale: number } {
  const isFinite = values.every((value) => Number.isFinite(value));
  const most = values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  const inverse = most > 0 ? Math.fround(127 / most) : 0;
  const codes = Array.from(values, (value) => (isFinite ? roundHalfAway(Math.fround(value * inverse)) : 0));
  return { codes, scale: isFinite ? Math.fround(most / 127) : NaN };
}

function roundHalfAway(value: number): number {
  return Math.sign(value) * Math.floor(Math.abs(value) + 0.5);
}

/** What rows of codes stand for: [T, K] in f32. */
export function dequantizeRows({ shape, data }: TensorValue, k: number, group: number): TensorValue {
  const [rows = 0, width = 0] = shape;
  const values = new Float32Array(rows * k);
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < k; i++) {
      const scale = view.getFloat32(row * width + k + 4 * (k / group) + 4 * Math.floor(i / group), true);
      values[row * k + i] = view.getInt8(row * width + i) * scale;
    }
  }
  return { kind: "tensor", dtype: "f32", shape: [rows, k], data: values };
}
