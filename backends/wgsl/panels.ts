/**
 * The layout of packed weights. A matrix [K, N] becomes panels of 64 columns, padded with zeros; an
 * invocation owns a column of a panel and reads it 16 bytes at a time, its neighbours the 16 bytes beside
 * them. K is padded to whole chunks of 32 rows, so that kernels read chunks without looking where the
 * matrix ends.
 *
 *   f32_columns64, f16_columns64, bf16_columns64  [panel][rows / (16 / bytes)][64] x 16 bytes of one column
 *   q8_columns64_g<group>, q4_columns64_g<group>  [panel][K / group] blocks of 64 f16 scales, then
 *                                                 [group / (16 or 32)][64] x 16 bytes of codes of one column;
 *                                                 4-bit codes are stored plus 8, even rows in the low half
 *
 * Everything in a panel is contiguous: a matrix too large for one binding is cut between panels.
 */

import { at, fromHalfBits, invariant, toHalfBits } from "../../src/base/index.js";
import type { WeightFormat, WeightLayout } from "../../src/codegen/index.js";
import {
  parseWeightFormat, readStored, storedElements, weightFormatName,
} from "../../src/codegen/index.js";
import type {
  FloatDType, PackedType, PackedValue, QuantizedType, QuantizedValue, TensorValue,
} from "../../src/ir/index.js";
import { dtypeBytes, isPlainCodes } from "../../src/ir/index.js";

/** Columns of a panel: invocations side by side. */
export const PANEL = 64;
/** Rows that a kernel reads as one: the rows of the widest load, 16 bytes of 4-bit codes. */
export const CHUNK = 32;
/** Bytes that one invocation loads at a time. */
const VECTOR_BYTES = 16;

const LAYOUT = "columns64";

export function parseFormat(name: string): WeightFormat | undefined {
  return parseWeightFormat(LAYOUT, name);
}

/** Rows of one column in one load. */
export function rowsPerVector(format: WeightFormat): number {
  return format.kind === "float" ? VECTOR_BYTES / dtypeBytes(format.dtype) : (VECTOR_BYTES * 8) / format.bits;
}

export function panelsOf(columns: number): number {
  return Math.ceil(columns / PANEL);
}

export function paddedRows(rows: number): number {
  return Math.ceil(rows / CHUNK) * CHUNK;
}

/** Bytes of the scales in front of a group's codes. */
const SCALE_BYTES = PANEL * 2;

export function panelBytes(format: WeightFormat, rows: number): number {
  const vectors = (count: number): number => (count / rowsPerVector(format)) * PANEL * VECTOR_BYTES;
  if (format.kind === "float") return vectors(paddedRows(rows));
  return (rows / format.group) * (SCALE_BYTES + vectors(format.group));
}

function packedType(format: WeightFormat, [rows, columns]: readonly [number, number]): PackedType {
  const sizeBytes = panelsOf(columns) * panelBytes(format, rows);
  return { kind: "packed", format: weightFormatName(LAYOUT, format), shape: [rows, columns], sizeBytes };
}

function refusesQuantized({ group }: QuantizedType): string | undefined {
  return group % CHUNK === 0 ? undefined : `needs groups of a multiple of ${CHUNK} rows, found ${group}`;
}

interface Size {
  readonly rows: number;
  readonly columns: number;
}

function sizeOf([rows, columns]: readonly number[]): Size {
  invariant(rows !== undefined && columns !== undefined, "a matrix has two dimensions");
  return { rows, columns };
}

/* ---- Floats ---- */

/** Where an element lies, counted in elements. */
function floatIndex(rows: number, row: number, column: number, perVector: number): number {
  const panel = Math.floor(column / PANEL);
  const vector = (panel * paddedRows(rows)) / perVector + Math.floor(row / perVector);
  return (vector * PANEL + (column % PANEL)) * perVector + (row % perVector);
}

/** Hot when weights are packed: vector by vector, so that the index is computed once for each. */
function packFloats({ dtype, shape, data }: TensorValue, type: PackedType): PackedValue {
  invariant(data instanceof Float32Array, "floats are packed");
  const { rows, columns } = sizeOf(shape);
  const bytes = new Uint8Array(type.sizeBytes);
  const from = storedElements(data, dtype);
  const to = dtype === "f32" ? new Float32Array(bytes.buffer) : new Uint16Array(bytes.buffer);
  const perVector = VECTOR_BYTES / to.BYTES_PER_ELEMENT;
  for (let row = 0; row < rows; row += perVector) {
    const count = Math.min(perVector, rows - row);
    for (let column = 0; column < columns; column++) {
      const target = floatIndex(rows, row, column, perVector);
      for (let i = 0; i < count; i++) to[target + i] = from[(row + i) * columns + column]!;
    }
  }
  return { kind: "packed", type, bytes };
}

function unpackFloats({ type, bytes }: PackedValue, dtype: FloatDType): TensorValue {
  const { rows, columns } = sizeOf(type.shape);
  const data = new Float32Array(rows * columns);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const width = dtypeBytes(dtype);
  for (let i = 0; i < data.length; i++) {
    const offset = width * floatIndex(rows, Math.floor(i / columns), i % columns, VECTOR_BYTES / width);
    data[i] = readStored(view, offset, dtype);
  }
  return { kind: "tensor", dtype: "f32", shape: [rows, columns], data };
}

/* ---- Codes and scales ---- */

/** Where a code and its scale lie, in bytes. */
interface CodePlace {
  readonly scale: number;
  readonly code: number;
}

function codePlace({ rows }: Size, row: number, column: number, format: Quantized): CodePlace {
  const { bits, group } = format;
  const perVector = (VECTOR_BYTES * 8) / bits;
  const blockBytes = SCALE_BYTES + (group / perVector) * PANEL * VECTOR_BYTES;
  const lane = column % PANEL;
  const block = Math.floor(column / PANEL) * (rows / group) + Math.floor(row / group);
  const vector = Math.floor((row % group) / perVector) * PANEL + lane;
  const inVector = Math.floor(((row % perVector) * bits) / 8);
  const start = block * blockBytes;
  return { scale: start + 2 * lane, code: start + SCALE_BYTES + vector * VECTOR_BYTES + inVector };
}

type Quantized = Extract<WeightFormat, { kind: "quantized" }>;

/** Hot when weights are packed, as above. */
function packQuantized(q: QuantizedValue, type: PackedType): PackedValue {
  const quantized = q.type;
  invariant(isPlainCodes(quantized), "other codes are refused");
  const { shape, bits, group } = quantized;
  const size = sizeOf(shape);
  const format = { kind: "quantized", bits, group } as const;
  const bytes = new Uint8Array(type.sizeBytes);
  const view = new DataView(bytes.buffer);
  const perVector = rowsPerVector(format);
  for (let row = 0; row < size.rows; row += perVector) {
    for (let column = 0; column < size.columns; column++) {
      const place = codePlace(size, row, column, format);
      const part = { size, bits, count: perVector, bytes, target: place.code };
      packColumn(q.codes, row * size.columns + column, part);
      if (row % group !== 0) continue;
      view.setUint16(place.scale, toHalfBits(q.scales[(row / group) * size.columns + column]!), true);
    }
  }
  return { kind: "packed", type, bytes };
}

interface ColumnPart {
  readonly size: Size;
  readonly bits: 4 | 8;
  /** Codes of one column, one below the other. */
  readonly count: number;
  readonly bytes: Uint8Array;
  readonly target: number;
}

function packColumn(codes: Int8Array, first: number, { size, bits, count, bytes, target }: ColumnPart): void {
  const { columns } = size;
  if (bits === 8) {
    for (let i = 0; i < count; i++) bytes[target + i] = codes[first + i * columns]!;
    return;
  }
  for (let i = 0; i < count; i += 2) {
    const [low, high] = [codes[first + i * columns]! + 8, codes[first + (i + 1) * columns]! + 8];
    bytes[target + i / 2] = low | (high << 4);
  }
}

function unpackQuantized({ type, bytes }: PackedValue, bits: 4 | 8, group: number): QuantizedValue {
  const size = sizeOf(type.shape);
  const codes = new Int8Array(size.rows * size.columns);
  const scales = new Float32Array((size.rows / group) * size.columns);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let i = 0; i < codes.length; i++) {
    const [row, column] = [Math.floor(i / size.columns), i % size.columns];
    const place = codePlace(size, row, column, { kind: "quantized", bits, group });
    const nibble = ((at(bytes, place.code) >>> (4 * (row & 1))) & 15) - 8;
    codes[i] = bits === 8 ? view.getInt8(place.code) : nibble;
    scales[Math.floor(row / group) * size.columns + column] = fromHalfBits(view.getUint16(place.scale, true));
  }
  const shape = [size.rows, size.columns] as const;
  return { kind: "quantized", type: { kind: "quantized", shape, bits, group, scaleDtype: "f16" }, codes, scales };
}

export const panelLayout: WeightLayout = {
  packedType,
  parseFormat,
  refusesQuantized,
  packFloats,
  packQuantized,
  unpackFloats,
  unpackQuantized,
};
