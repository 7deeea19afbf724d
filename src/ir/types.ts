/**
 * Types of values: tensors with symbolic dimensions, paged KV caches, quantized weights, and
 * constants in the private layout of a kernel. Structural: two types are equal if they print equally.
 */

import { assertNever } from "../base/index.js";

export const dtypes = ["f32", "f16", "bf16", "i32", "i8", "u8", "i1"] as const;
export type DType = (typeof dtypes)[number];
export type FloatDType = "f32" | "f16" | "bf16";

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

/** Keys and values of every layer in fixed-size blocks: two pools [layers, P, blockSize, heads, headDim]. */
export interface KvCacheType {
  readonly kind: "kv_cache";
  readonly layers: number;
  /** Token slots in one block. */
  readonly blockSize: number;
  /** KV heads. */
  readonly heads: number;
  readonly headDim: number;
  readonly dtype: FloatDType;
}

/**
 * A constant matrix [K, N] as small signed integers with one scale for each `group` of rows (axis 0) of a
 * column.
 * Dequantized: `code * scale`, symmetric, no zero point.
 */
export interface QuantizedType {
  readonly kind: "quantized";
  readonly shape: readonly [rows: number, columns: number];
  readonly bits: 4 | 8;
  /** Rows that share a scale; divides the number of rows. */
  readonly group: number;
  readonly scaleDtype: FloatDType;
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
      return `!llm.quantized_tensor<${type.shape.join("x")}xi${type.bits}, group = ${type.group}, scale = ${type.scaleDtype}>`;
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
      return quantizedBytes(type);
    case "packed":
      return type.sizeBytes;
    default:
      return assertNever(type);
  }
}

/** Unpacked: a byte a code whatever the number of bits, then the scales. Kernels pack tighter. */
function quantizedBytes({ shape: [rows, columns], group, scaleDtype }: QuantizedType): number {
  return rows * columns + (rows / group) * columns * dtypeBytes(scaleDtype);
}

/** Bytes of one block: keys and values of all layers for `blockSize` tokens. */
export function kvBlockBytes(type: KvCacheType): number {
  return 2 * type.layers * type.blockSize * type.heads * type.headDim * dtypeBytes(type.dtype);
}
