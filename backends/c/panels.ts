/**
 * The layouts of packed weights, and the way back. A matrix [K, N] becomes panels of 16 columns, padded with
 * zeros, so that a kernel loads 16 columns of one row of it with one or a few loads.
 *
 *   f32_panel16, f16_panel16, bf16_panel16  [panel][K][16]
 *   q8_panel16_g<group>                     [panel][K / group] blocks of 16 f16 scales, group x 16 codes
 *   q4_panel16_g<group>                     [panel][K / group] blocks of 16 f16 scales, group / 2 x 16 bytes:
 *                                           row 2i in the low half of a byte, 2i + 1 in the high, plus 8
 *
 * Whole models pass through `pack…`, so those loops run over typed arrays and convert bits, not numbers.
 */

import { at, fromBrainBits, fromHalfBits, invariant, toHalfBits } from "../../src/base/index.js";
import type {
  FloatDType, PackedType, PackedValue, QuantizedType, QuantizedValue, TensorValue,
} from "../../src/ir/index.js";
import { dtypeBytes, isPlainCodes } from "../../src/ir/index.js";

export const PANEL = 16;

export type PanelFormat =
  | { readonly kind: "float"; readonly dtype: FloatDType }
  | { readonly kind: "quantized"; readonly bits: 4 | 8; readonly group: number };

export function formatName(format: PanelFormat): string {
  return format.kind === "float" ? `${format.dtype}_panel16` : `q${format.bits}_panel16_g${format.group}`;
}

/** The format behind a name, or undefined when it is not one of ours. */
export function parseFormat(name: string): PanelFormat | undefined {
  const float = /^(f32|f16|bf16)_panel16$/.exec(name);
  if (float !== null) return { kind: "float", dtype: float[1] as FloatDType };
  const quantized = /^q([48])_panel16_g([1-9][0-9]*)$/.exec(name);
  if (quantized === null) return undefined;
  return { kind: "quantized", bits: quantized[1] === "4" ? 4 : 8, group: Number(quantized[2]) };
}

function panelsOf(columns: number): number {
  return Math.ceil(columns / PANEL);
}

/** Bytes of one panel's block: 16 scales and the codes of a group. */
function blockBytes(bits: number, group: number): number {
  return PANEL * 2 + (PANEL * group * bits) / 8;
}

export function packedType(format: PanelFormat, [rows, columns]: readonly [number, number]): PackedType {
  const panels = panelsOf(columns);
  const sizeBytes =
    format.kind === "float"
      ? panels * PANEL * rows * dtypeBytes(format.dtype)
      : panels * (rows / format.group) * blockBytes(format.bits, format.group);
  return { kind: "packed", format: formatName(format), shape: [rows, columns], sizeBytes };
}

export function matrixShape(shape: readonly number[]): readonly [rows: number, columns: number] {
  return [at(shape, 0), at(shape, 1)];
}

/* ---- Packing ---- */

export function packFloats({ dtype, shape, data }: TensorValue, type: PackedType): PackedValue {
  invariant(data instanceof Float32Array, "floats are packed");
  const [rows, columns] = matrixShape(shape);
  const bytes = new Uint8Array(type.sizeBytes);
  const size = { rows, columns };
  switch (dtype) {
    case "f32":
      toPanels(data, new Float32Array(bytes.buffer), size);
      break;
    case "bf16":
      toPanels(upperHalves(data), new Uint16Array(bytes.buffer), size);
      break;
    default:
      toPanels(halves(data), new Uint16Array(bytes.buffer), size);
  }
  return { kind: "packed", type, bytes };
}

interface MatrixSize {
  readonly rows: number;
  readonly columns: number;
}

function toPanels<T extends Float32Array | Uint16Array>(from: T, to: T, { rows, columns }: MatrixSize): void {
  for (let first = 0, target = 0; first < columns; first += PANEL) {
    const width = Math.min(PANEL, columns - first);
    for (let row = 0; row < rows; row++, target += PANEL) {
      const source = row * columns + first;
      for (let i = 0; i < width; i++) to[target + i] = from[source + i]!;
    }
  }
}

/** bfloat16 bits of values that are bfloat16 already. */
function upperHalves(data: Float32Array): Uint16Array {
  const bits = new Uint32Array(data.buffer, data.byteOffset, data.length);
  const out = new Uint16Array(data.length);
  for (let i = 0; i < out.length; i++) out[i] = bits[i]! >>> 16;
  return out;
}

/** binary16 bits of values that are binary16 already: normal numbers by shifting, the others one by one. */
function halves(data: Float32Array): Uint16Array {
  const bits = new Uint32Array(data.buffer, data.byteOffset, data.length);
  const out = new Uint16Array(data.length);
  for (let i = 0; i < out.length; i++) {
    const each = bits[i]!;
    const exponent = (each >>> 23) & 0xff;
    const isNormal = exponent > 112 && exponent < 143;
    const shifted = ((each >>> 16) & 0x8000) | (((each >>> 13) & 0x3ffff) - (112 << 10));
    out[i] = isNormal ? shifted : toHalfBits(data[i]!);
  }
  return out;
}

export function packQuantized(q: QuantizedValue, type: PackedType): PackedValue {
  const { codes, scales, type: quantized } = q;
  invariant(isPlainCodes(quantized), "other codes are refused");
  const { shape, bits, group } = quantized;
  const [rows, columns] = shape;
  const bytes = new Uint8Array(type.sizeBytes);
  const scaleBits = new Uint16Array(scales.length);
  for (let i = 0; i < scales.length; i++) scaleBits[i] = toHalfBits(scales[i]!);
  for (let first = 0, target = 0; first < columns; first += PANEL) {
    const width = Math.min(PANEL, columns - first);
    for (let block = 0; block < rows / group; block++, target += blockBytes(bits, group)) {
      for (let i = 0; i < width; i++) {
        const scale = scaleBits[block * columns + first + i]!;
        bytes[target + 2 * i] = scale & 0xff;
        bytes[target + 2 * i + 1] = scale >>> 8;
      }
      const source = block * group * columns + first;
      packCodes(codes.subarray(source), bytes.subarray(target + 2 * PANEL), { columns, width, group, bits });
    }
  }
  return { kind: "packed", type, bytes };
}

interface CodeBlock {
  readonly columns: number;
  readonly width: number;
  readonly group: number;
  readonly bits: 4 | 8;
}

function packCodes(codes: Int8Array, to: Uint8Array, { columns, width, group, bits }: CodeBlock): void {
  if (bits === 8) {
    for (let row = 0; row < group; row++) {
      for (let i = 0; i < width; i++) to[row * PANEL + i] = codes[row * columns + i]!;
    }
    return;
  }
  for (let row = 0; row < group; row += 2) {
    for (let i = 0; i < width; i++) {
      const [low, high] = [codes[row * columns + i]! + 8, codes[(row + 1) * columns + i]! + 8];
      to[(row / 2) * PANEL + i] = low | (high << 4);
    }
  }
}

/* ---- Unpacking: what a packed value means ---- */

export function unpackFloats({ type, bytes }: PackedValue, dtype: FloatDType): TensorValue {
  const [rows, columns] = matrixShape(type.shape);
  const data = new Float32Array(rows * columns);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const width = dtypeBytes(dtype);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const index = (Math.floor(column / PANEL) * rows + row) * PANEL + (column % PANEL);
      data[row * columns + column] = readFloat(view, index * width, dtype);
    }
  }
  return { kind: "tensor", dtype: "f32", shape: [rows, columns], data };
}

function readFloat(view: DataView, offset: number, dtype: FloatDType): number {
  if (dtype === "f32") return view.getFloat32(offset, true);
  const bits = view.getUint16(offset, true);
  return dtype === "f16" ? fromHalfBits(bits) : fromBrainBits(bits);
}

export function unpackQuantized({ type, bytes }: PackedValue, bits: 4 | 8, group: number): QuantizedValue {
  const [rows, columns] = matrixShape(type.shape);
  const codes = new Int8Array(rows * columns);
  const scales = new Float32Array((rows / group) * columns);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const [block, lane] = [Math.floor(row / group), column % PANEL];
      const start = (Math.floor(column / PANEL) * (rows / group) + block) * blockBytes(bits, group);
      const inBlock = row % group;
      scales[block * columns + column] = fromHalfBits(view.getUint16(start + 2 * lane, true));
      codes[row * columns + column] = readCode(view, start + 2 * PANEL + lane, inBlock, bits);
    }
  }
  const quantized: QuantizedType = { kind: "quantized", shape: [rows, columns], bits, group, scaleDtype: "f16" };
  return { kind: "quantized", type: quantized, codes, scales };
}

function readCode(view: DataView, firstRow: number, row: number, bits: 4 | 8): number {
  if (bits === 8) return view.getInt8(firstRow + row * PANEL);
  const byte = view.getUint8(firstRow + (row >> 1) * PANEL);
  return ((row & 1) === 0 ? byte & 15 : byte >>> 4) - 8;
}
