/**
 * The layouts that integer products read: activations as rows of 8-bit codes, and weights as panels of quads.
 * A quad is four rows of k of 16 columns, column by column, as instructions want that multiply bytes and add
 * four neighbours. `kernels/quantized-rows.h` and `kernels/integer_matmul_*.h` draw the same pictures
 * in C.
 *
 *   q<bits>_quads16_g<group>[_s<super-group>][_m]
 *
 * [slab][panel] blocks of a super-group of rows, or of a group where scales have one level: 16 f16 scales, 16
 * f16 minimums (`m`), 16 whole numbers of 8 bits for each group to multiply the scales by, the same for the
 * minimums, then the groups' codes, plus what takes their sign away:
 *
 *   8 bits  group / 4 quads
 *   4 bits  group / 8 vectors of 64 bytes: quad i in the low halves, quad i + group / 8 in the high ones
 *   5, 6    the same for the low four bits, then vectors with the others: of 8 or 4 quads, the first lowest
 *
 * A slab is as many blocks as make 1024 rows, or one: see kernels/quads-slabs.h.
 */

import { fromHalfBits, invariant, toHalfBits } from "../../src/base/index.js";
import type {
  CodeBits, PackedType, PackedValue, QuantizedType, QuantizedValue, TensorValue,
} from "../../src/ir/index.js";
import { codeOffset, newQuantized, roundToCodes } from "../../src/ir/index.js";
import { matrixShape, PANEL } from "./panels.js";

/** What codes are; scales are f16. */
export type QuadFormat = Pick<QuantizedType, "bits" | "group" | "superGroup" | "minimums">;

/** Rows of k in a quad. */
const QUAD = 4;

/** Bytes of a quad of 16 columns. */
const VECTOR = PANEL * QUAD;

/** Of a slab, at most: `SLAB_BLOCKS` of kernels/quads-slabs.h. */
const SLAB_ROWS = 1024;

/** A group's integer sum must stay below 2^22: see `INTEGER_ZERO` of quantized-rows.h. */
const LARGEST_GROUP = 128;

/** Whether an integer product can read these weights. */
export function canPackQuads({ bits, group, superGroup, minimums }: QuadFormat): boolean {
  if (group > LARGEST_GROUP) return false;
  if (bits === 8) return group % QUAD === 0 && superGroup === undefined && !minimums;
  return group % (2 * QUAD) === 0 && (group * (bits - 4)) % 32 === 0;
}

export function quadName({ bits, group, superGroup, minimums }: QuadFormat): string {
  return `q${bits}_quads16_g${group}${superGroup === undefined ? "" : `_s${superGroup}`}${minimums ? "_m" : ""}`;
}

export function parseQuads(name: string): QuadFormat | undefined {
  const found = /^q([4568])_quads16_g([1-9][0-9]*)(?:_s([1-9][0-9]*))?(_m)?$/.exec(name);
  if (found === null) return undefined;
  return {
    bits: Number(found[1]) as CodeBits,
    group: Number(found[2]),
    ...(found[3] === undefined ? {} : { superGroup: Number(found[3]) }),
    ...(found[4] === undefined ? {} : { minimums: true }),
  };
}

/** As Q8_0, Q4_0, Q4_K, Q5_0, Q5_K and Q6_K, of smaller super-groups. */
export const sampleQuads: readonly QuadFormat[] = [
  { bits: 8, group: 32 },
  { bits: 4, group: 32 },
  { bits: 4, group: 32, superGroup: 64, minimums: true },
  { bits: 5, group: 32 },
  { bits: 5, group: 32, superGroup: 64, minimums: true },
  { bits: 6, group: 16, superGroup: 64 },
];

/** What kernels/quads-q8.h and kernels/quads-bits.h ask for. */
export function quadDefines(format: QuadFormat): (readonly [string, string])[] {
  const { bits, group, superGroup, minimums } = format;
  const ofBits: [string, string][] = [
    ["BITS", String(bits)], ["SUPER", String(superGroup ?? 0)], ["HAS_MINIMUMS", minimums ? "1" : "0"],
  ];
  return [["GROUP", String(group)], ...(bits === 8 ? [] : ofBits)];
}

export function quadType(format: QuadFormat, shape: readonly [number, number]): PackedType {
  const sizeBytes = quadRuns(format, shape).reduce((sum, bytes) => sum + bytes, 0);
  return { kind: "packed", format: quadName(format), shape, sizeBytes };
}

/** Bytes of each slab. */
export function quadRuns(format: QuadFormat, [rows, columns]: readonly [number, number]): readonly number[] {
  const { span, slabBlocks, blockBytes } = blockLayout(format);
  const blocks = rows / span;
  return Array.from({ length: Math.ceil(blocks / slabBlocks) }, (_, slab) => {
    return Math.min(slabBlocks, blocks - slab * slabBlocks) * Math.ceil(columns / PANEL) * blockBytes;
  });
}

/** Where the parts of a block begin, in bytes. */
interface BlockLayout {
  /** Rows of a block. */
  readonly span: number;
  /** Blocks of one panel in a slab. */
  readonly slabBlocks: number;
  readonly groups: number;
  readonly minimums: number;
  readonly subScales: number;
  readonly subMinimums: number;
  readonly codes: number;
  /** Of one group's codes. */
  readonly groupBytes: number;
  readonly blockBytes: number;
}

function blockLayout({ bits, group, superGroup, minimums }: QuadFormat): BlockLayout {
  const span = superGroup ?? group;
  const [groups, kinds] = [span / group, minimums ? 2 : 1];
  const subScales = kinds * PANEL * 2;
  const subBytes = superGroup === undefined ? 0 : groups * PANEL;
  const codes = subScales + kinds * subBytes;
  const groupBytes = (PANEL * group * bits) / 8;
  return {
    span,
    slabBlocks: Math.max(1, Math.floor(SLAB_ROWS / span)),
    groups,
    minimums: PANEL * 2,
    subScales,
    subMinimums: subScales + subBytes,
    codes,
    groupBytes,
    blockBytes: codes + groups * groupBytes,
  };
}

/** Where a block of a panel of a matrix begins, in bytes. */
function blockStart(
  layout: BlockLayout,
  shape: readonly [number, number],
  { panel, block }: BlockIndex,
): number {
  const { span, slabBlocks, blockBytes } = layout;
  const [blocks, panels] = [shape[0] / span, Math.ceil(shape[1] / PANEL)];
  const inSlab = block % slabBlocks;
  const first = block - inSlab;
  return (first * panels + panel * Math.min(slabBlocks, blocks - first) + inSlab) * blockBytes;
}

interface BlockIndex {
  readonly panel: number;
  readonly block: number;
}

/** Whole models pass through here: typed arrays, and no calls in the inner loop. */
export function packQuads(q: QuantizedValue, type: PackedType): PackedValue {
  const [rows, columns] = q.type.shape;
  const layout = blockLayout(q.type);
  const bytes = new Uint8Array(type.sizeBytes);
  for (let first = 0; first < columns; first += PANEL) {
    const width = Math.min(PANEL, columns - first);
    for (let block = 0; block < rows / layout.span; block++) {
      const start = blockStart(layout, q.type.shape, { panel: first / PANEL, block });
      const to = bytes.subarray(start, start + layout.blockBytes);
      packScales(q, layout, to, { block, first, width });
      for (let group = 0; group < layout.groups; group++) {
        const at = layout.codes + group * layout.groupBytes;
        const source = (block * layout.span + group * q.type.group) * columns + first;
        const place = { source, columns, width, group: q.type.group };
        if (q.type.bits === 8) packBytes(q.codes, to.subarray(at), place);
        else packBits(q.codes, to.subarray(at), place, q.type);
      }
    }
  }
  return { kind: "packed", type, bytes };
}

/** Columns `first` and on of a block of rows. */
interface BlockPlace {
  readonly block: number;
  readonly first: number;
  readonly width: number;
}

function packScales(q: QuantizedValue, layout: BlockLayout, to: Uint8Array, place: BlockPlace): void {
  const { block, first, width } = place;
  const columns = q.type.shape[1];
  const halves = (from: Float32Array | undefined, at: number): void => {
    if (from === undefined) return;
    for (let i = 0; i < width; i++) {
      const bits = toHalfBits(from[block * columns + first + i]!);
      to[at + 2 * i] = bits & 0xff;
      to[at + 2 * i + 1] = bits >>> 8;
    }
  };
  const factors = (from: Int8Array | undefined, at: number): void => {
    if (from === undefined) return;
    for (let group = 0; group < layout.groups; group++) {
      const source = (block * layout.groups + group) * columns + first;
      for (let i = 0; i < width; i++) to[at + group * PANEL + i] = from[source + i]!;
    }
  };
  halves(q.scales, 0);
  halves(q.minimums, layout.minimums);
  factors(q.subScales, layout.subScales);
  factors(q.subMinimums, layout.subMinimums);
}

interface CodeBlock {
  /** Of the first code. */
  readonly source: number;
  readonly columns: number;
  readonly width: number;
  readonly group: number;
}

function packBytes(codes: Int8Array, to: Uint8Array, { source, columns, width, group }: CodeBlock): void {
  for (let row = 0; row < group; row++) {
    const [from, target] = [source + row * columns, (row >> 2) * VECTOR + (row & 3)];
    for (let i = 0; i < width; i++) to[target + i * QUAD] = codes[from + i]! + 128;
  }
}

function packBits(codes: Int8Array, to: Uint8Array, block: CodeBlock, format: QuadFormat): void {
  const { source, columns, width, group } = block;
  const offset = codeOffset(format);
  const half = group / 2;
  for (let row = 0; row < half; row++) {
    const [from, target] = [source + row * columns, (row >> 2) * VECTOR + (row & 3)];
    const other = from + half * columns;
    for (let i = 0; i < width; i++) {
      to[target + i * QUAD] = ((codes[from + i]! + offset) & 15) | (((codes[other + i]! + offset) & 15) << 4);
    }
  }
  const extra = format.bits - 4;
  for (let row = 0; row < group && extra > 0; row++) {
    const { vector, shift } = extraBits(row, format);
    const [from, target] = [source + row * columns, half * PANEL + vector * VECTOR + (row & 3)];
    for (let i = 0; i < width; i++) to[target + i * QUAD]! |= ((codes[from + i]! + offset) >> 4) << shift;
  }
}

/** Where the bits of a row's codes are that nibbles do not hold. */
function extraBits(row: number, { bits }: QuadFormat): { readonly vector: number; readonly shift: number } {
  const at = (row >> 2) * (bits - 4);
  return { vector: at >> 3, shift: at & 7 };
}

export function unpackQuads({ type, bytes }: PackedValue, format: QuadFormat): QuantizedValue {
  const shape = matrixShape(type.shape);
  const [rows, columns] = shape;
  const { bits, group } = format;
  const q = newQuantized({ ...format, kind: "quantized", shape: [rows, columns], bits, group, scaleDtype: "f16" });
  const layout = blockLayout(format);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const half = (at: number): number => fromHalfBits(view.getUint16(at, true));
  for (let row = 0; row < rows; row++) {
    const [block, own, inBlock] = [Math.floor(row / layout.span), Math.floor(row / group), row % layout.span];
    for (let column = 0; column < columns; column++) {
      const lane = column % PANEL;
      const start = blockStart(layout, shape, { panel: Math.floor(column / PANEL), block });
      const inner = Math.floor(inBlock / group);
      const factor = (at: number): number => view.getInt8(start + at + inner * PANEL + lane);
      q.scales[block * columns + column] = half(start + 2 * lane);
      if (q.minimums) q.minimums[block * columns + column] = half(start + layout.minimums + 2 * lane);
      if (q.subScales) q.subScales[own * columns + column] = factor(layout.subScales);
      if (q.subMinimums) q.subMinimums[own * columns + column] = factor(layout.subMinimums);
      const codes = start + layout.codes + inner * layout.groupBytes + lane * QUAD;
      q.codes[row * columns + column] = readCode(view, codes, row % group, format);
    }
  }
  return q;
}

/** `first`: of the column's byte in the group's first quad. */
function readCode(view: DataView, first: number, row: number, format: QuadFormat): number {
  const { bits, group } = format;
  const place = (at: number): number => view.getUint8(first + (at >> 2) * VECTOR + (at & 3));
  if (bits === 8) return place(row) - 128;
  const half = group / 2;
  const low = row < half ? place(row) & 15 : place(row - half) >>> 4;
  if (bits === 4) return low - codeOffset(format);
  const { vector, shift } = extraBits(row, format);
  const extra = view.getUint8(first + half * PANEL + vector * VECTOR + (row & 3));
  return (low | (((extra >>> shift) & (2 ** (bits - 4) - 1)) << 4)) - codeOffset(format);
}

/* ---- Rows of activations ---- */

/** The bits of 1.5 · 2^23, from which integer sums start. */
const INTEGER_ZERO = 0x4b400000;

/** Bytes of a row of `k` codes: codes, starts, scales and totals, in an odd number of cache lines. */
export function rowBytes(k: number, group: number): number {
  return (Math.ceil((k + 12 * (k / group)) / 64) | 1) * 64;
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
    const { codes, scale } = roundToCodes(values);
    const total = codes.reduce((sum, code) => sum + code, 0);
    new Int8Array(target.buffer, target.byteOffset + index * group, group).set(codes);
    const arrays = k + 4 * index;
    view.setInt32(arrays, INTEGER_ZERO - offset * total, true);
    view.setFloat32(arrays + 4 * (k / group), scale, true);
    view.setFloat32(arrays + 8 * (k / group), Math.fround(scale * total), true);
  }
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
