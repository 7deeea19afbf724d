/**
 * Types of values: tensors with symbolic dimensions, paged KV caches, quantized weights, and
 * constants in the private layout of a kernel. Structural: two types are equal if they print equally.
 */

import { assertNever } from "../base/index.js";

export const dtypes = ["f32", "f16", "bf16", "i32", "i8", "u8", "i1"] as const;
export type DType = (typeof dtypes)[number];
export const floatDtypes = ["f32", "f16", "bf16"] as const satisfies readonly DType[];
export type FloatDType = (typeof floatDtypes)[number];

/** A number known at compile time, or the name of a dimension known only at run time. */
export type Dim = number | string;

/**
 * The run-time dimensions of the step program.
 * T tokens in the batch, S sequences, R rows of logits asked for, C cache slots that are visible to
 * the batch, B entries of the block table for each sequence, P blocks in the pool.
 */
export const stepDims = ["T", "S", "R", "C", "B", "P"] as const;
export type StepDim = (typeof stepDims)[number];

/** Values of symbolic dimensions in one run, or in one scenario. */
export type DimEnv = Readonly<Record<string, number>>;

export interface TensorType {
  readonly kind: "tensor";
  readonly dtype: DType;
  /** Row-major, outermost first. `[]` is a scalar. */
  readonly shape: readonly Dim[];
}

/**
 * What a KV cache may hold: numbers, or the elements of a head at a position as codes of 8 bits with a scale
 * of their own in f32 (`i8`).
 */
export const cacheDtypes = [...floatDtypes, "i8"] as const satisfies readonly DType[];
export type CacheDType = (typeof cacheDtypes)[number];

/**
 * Keys and values of every layer in fixed-size blocks: two pools [layers, P, blockSize, heads, headDim], and
 * beside codes two of their scales [layers, P, blockSize, heads].
 */
export interface KvCacheType {
  readonly kind: "kv_cache";
  readonly layers: number;
  /** Token slots in one block. */
  readonly blockSize: number;
  /** KV heads. */
  readonly heads: number;
  readonly headDim: number;
  readonly dtype: CacheDType;
}

export const codeBits = [4, 5, 6, 8] as const;
/** The width of a code. */
export type CodeBits = (typeof codeBits)[number];

/**
 * A constant matrix [K, N] as small integers with one scale for each `group` of rows (axis 0) of a column:
 * the formats of GGML whose codes are numbers. Dequantized: `code * scale`, with a sign in the code, or
 * `code * scale - minimum` with codes from 0 on.
 */
export interface QuantizedType {
  readonly kind: "quantized";
  readonly shape: readonly [rows: number, columns: number];
  readonly bits: CodeBits;
  /** Rows that share a scale; divides the number of rows. */
  readonly group: number;
  readonly scaleDtype: FloatDType;
  /**
   * Where scales have two levels: rows, whole groups of them, that share a scale of `scaleDtype`, which each
   * group multiplies by a whole number of its own. Divides the number of rows.
   */
  readonly superGroup?: number;
  /** Each group has a minimum, made as its scale is. */
  readonly minimums?: true;
}

/** Codes of 4 or 8 bits with a sign, and one scale a group: what `quantize` makes, and every target packs. */
export type PlainCodesType = QuantizedType & { readonly bits: 4 | 8 };

export function isPlainCodes(type: QuantizedType): type is PlainCodesType {
  return (type.bits === 4 || type.bits === 8) && type.superGroup === undefined && !type.minimums;
}

/** One array that a quantized matrix is made of. */
export interface QuantizedPart {
  readonly name: "codes" | "scales" | "minimums" | "sub_scales" | "sub_minimums";
  readonly dtype: DType;
  readonly shape: readonly [rows: number, columns: number];
}

/** The arrays of a quantized matrix, in the order in which they are stored: a byte a code, then scales. */
export function quantizedParts(type: QuantizedType): readonly QuantizedPart[] {
  const { group, scaleDtype, superGroup, minimums } = type;
  const [rows, columns] = type.shape;
  const scales: QuantizedPart = { name: "scales", dtype: scaleDtype, shape: [rows / (superGroup ?? group), columns] };
  const factors: QuantizedPart = { name: "sub_scales", dtype: "i8", shape: [rows / group, columns] };
  return [
    { name: "codes", dtype: "i8", shape: type.shape },
    scales,
    ...(minimums ? [{ ...scales, name: "minimums" as const }] : []),
    ...(superGroup === undefined ? [] : [factors]),
    ...(superGroup === undefined || !minimums ? [] : [{ ...factors, name: "sub_minimums" as const }]),
  ];
}

/** Where part `index` begins, in bytes. */
export function partOffset(type: QuantizedType, index: number): number {
  return quantizedParts(type)
    .slice(0, index)
    .reduce((sum, { shape, dtype }) => sum + elementCount(shape) * dtypeBytes(dtype), 0);
}

/** Bits of a weight with its share of scales, packed tightly. */
export function bitsPerWeight({ bits, group, scaleDtype, superGroup, minimums }: QuantizedType): number {
  const perGroup = superGroup === undefined ? 0 : 8 / group;
  const scale = perGroup + (8 * dtypeBytes(scaleDtype)) / (superGroup ?? group);
  return bits + (minimums ? 2 : 1) * scale;
}

/** What unsigned codes are greater by than the codes that they stand for. */
export function codeOffset({ bits, minimums }: Pick<QuantizedType, "bits" | "minimums">): number {
  return minimums ? 0 : 2 ** (bits - 1);
}

/** A constant in a kernel's own layout: only kernels of one target can read it. */
export interface PackedType {
  readonly kind: "packed";
  /** The layout's name; equal names mean equal layouts. */
  readonly format: string;
  /** Shape of the matrix that was packed. */
  readonly shape: readonly number[];
  readonly sizeBytes: number;
}

export type ValueType = TensorType | KvCacheType | QuantizedType | PackedType;

export function tensor(dtype: DType, ...shape: readonly Dim[]): TensorType {
  return { kind: "tensor", dtype, shape };
}

/**
 * The canonical text of a type: its MLIR spelling. The names of dynamic dimensions are the tensor's encoding.
 */
export function printType(type: ValueType): string {
  switch (type.kind) {
    case "tensor":
      return printTensorType(type);
    case "kv_cache":
      return `!llm.paged_kv_cache<${type.layers}x${type.blockSize}x${type.heads}x${type.headDim}x${type.dtype}>`;
    case "quantized":
      return printQuantizedType(type);
    case "packed":
      return `!llm.packed_tensor<"${type.format}", ${type.shape.join("x")}, ${type.sizeBytes}>`;
    default:
      return assertNever(type);
  }
}

function printTensorType({ dtype, shape }: TensorType): string {
  const extents = shape.map((dim) => (typeof dim === "number" ? `${dim}x` : "?x")).join("");
  const names = shape.filter((dim) => typeof dim === "string");
  const element = printDtype(dtype);
  return names.length === 0
    ? `tensor<${extents}${element}>`
    : `tensor<${extents}${element}, "${names.join(",")}">`;
}

function printQuantizedType({ shape, bits, group, scaleDtype, superGroup, minimums }: QuantizedType): string {
  const levels = superGroup === undefined ? "" : `, super = ${superGroup}`;
  const extra = `${levels}${minimums ? ", minimums" : ""}`;
  return `!llm.quantized_tensor<${shape.join("x")}xi${bits}, group = ${group}, scale = ${scaleDtype}${extra}>`;
}

/** MLIR's spelling of a dtype: the name, but for unsigned integers. */
export function printDtype(dtype: DType): string {
  return dtype === "u8" ? "ui8" : dtype;
}

export function sameType(a: ValueType, b: ValueType): boolean {
  return a === b || printType(a) === printType(b);
}

const sizes: Readonly<Record<DType, number>> = { f32: 4, f16: 2, bf16: 2, i32: 4, i8: 1, u8: 1, i1: 1 };

export function dtypeBytes(dtype: DType): number {
  return sizes[dtype];
}

export function isFloat(dtype: DType): dtype is FloatDType {
  return dtype === "f32" || dtype === "f16" || dtype === "bf16";
}

/** The number a dimension stands for; throws when the environment does not know it. */
export function dimValue(dim: Dim, dims: DimEnv): number {
  if (typeof dim === "number") return dim;
  const value = dims[dim];
  if (value === undefined) throw new RangeError(`the dimension ${dim} has no value here`);
  return value;
}

export function concreteShape(shape: readonly Dim[], dims: DimEnv): number[] {
  return shape.map((dim) => dimValue(dim, dims));
}

/** The same type with every symbolic dimension replaced by its value. */
export function concreteType<T extends ValueType>(type: T, dims: DimEnv): T {
  return type.kind === "tensor" ? { ...type, shape: concreteShape(type.shape, dims) } : type;
}

export function elementCount(shape: readonly Dim[], dims: DimEnv = {}): number {
  return shape.reduce<number>((count, dim) => count * dimValue(dim, dims), 1);
}

/** Bytes of a value when it is stored. A KV cache counts as zero here: the memory planner sizes it. */
export function typeBytes(type: ValueType, dims: DimEnv = {}): number {
  switch (type.kind) {
    case "tensor":
      return elementCount(type.shape, dims) * dtypeBytes(type.dtype);
    case "kv_cache":
      return 0;
    case "quantized":
      return partOffset(type, quantizedParts(type).length);
    case "packed":
      return type.sizeBytes;
    default:
      return assertNever(type);
  }
}

/** What a cache consists of, one pool after another. */
export interface CachePart {
  readonly name: "keys" | "values" | "key_scales" | "value_scales";
  readonly dtype: CacheDType;
  readonly shape: readonly Dim[];
}

export function cacheParts({ layers, blockSize, heads, headDim, dtype }: KvCacheType): readonly CachePart[] {
  const shape = [layers, "P", blockSize, heads];
  const pools = (["keys", "values"] as const).map((name) => ({ name, dtype, shape: [...shape, headDim] }));
  if (dtype !== "i8") return pools;
  const scales = (["key_scales", "value_scales"] as const).map((name) => ({ name, dtype: "f32" as const, shape }));
  return [...pools, ...scales];
}

/** Bytes of one block: keys and values of all layers for `blockSize` tokens. */
export function kvBlockBytes(type: KvCacheType): number {
  const headBytes = type.headDim * dtypeBytes(type.dtype) + kvScaleBytes(type);
  return 2 * type.layers * type.blockSize * type.heads * headBytes;
}

/** Bytes of the scale of one head at one position: none beside numbers. */
export function kvScaleBytes({ dtype }: KvCacheType): number {
  return dtype === "i8" ? dtypeBytes("f32") : 0;
}
