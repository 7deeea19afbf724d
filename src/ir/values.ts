/**
 * Values of the reference evaluator. Floats of every format are held as binary32 (already rounded to
 * their format), so that an op's meaning is written once.
 */

import { roundToBrain, roundToHalf } from "../base/index.js";
import type { DType, FloatDType, KvCacheType, PackedType, QuantizedType } from "./types.js";
import { elementCount } from "./types.js";

export type TensorData = Float32Array | Int32Array | Int8Array | Uint8Array;

export interface TensorValue {
  readonly kind: "tensor";
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Row-major. i1 is a Uint8Array of 0 and 1. */
  readonly data: TensorData;
}

export interface KvCacheValue {
  readonly kind: "kv_cache";
  readonly type: KvCacheType;
  /** Blocks in the pool (dimension P). */
  readonly blocks: number;
  /** [layers, blocks, blockSize, heads, headDim] */
  readonly keys: Float32Array;
  readonly values: Float32Array;
}

export interface QuantizedValue {
  readonly kind: "quantized";
  readonly type: QuantizedType;
  /** [K, N], one code a byte whatever the number of bits. */
  readonly codes: Int8Array;
  /** [K / group, N], or [K / superGroup, N] */
  readonly scales: Float32Array;
  /** As the scales. */
  readonly minimums?: Float32Array;
  /** [K / group, N], of two levels the lower. */
  readonly subScales?: Int8Array;
  readonly subMinimums?: Int8Array;
}

/** The arrays of a quantized matrix, in the order of `quantizedParts`. */
export function quantizedArrays(value: QuantizedValue): readonly (Int8Array | Float32Array)[] {
  const { codes, scales, minimums, subScales, subMinimums } = value;
  return [codes, scales, minimums, subScales, subMinimums].filter((each) => each !== undefined);
}

/** A matrix of zeros, whose arrays are there to be filled. */
export function newQuantized(type: QuantizedType): QuantizedValue {
  const [rows, columns] = type.shape;
  const groups = (rows / type.group) * columns;
  const scales = type.superGroup === undefined ? groups : (rows / type.superGroup) * columns;
  const isTwoLevel = type.superGroup !== undefined;
  return {
    kind: "quantized",
    type,
    codes: new Int8Array(rows * columns),
    scales: new Float32Array(scales),
    ...(type.minimums ? { minimums: new Float32Array(scales) } : {}),
    ...(isTwoLevel ? { subScales: new Int8Array(groups) } : {}),
    ...(isTwoLevel && type.minimums ? { subMinimums: new Int8Array(groups) } : {}),
  };
}

export interface PackedValue {
  readonly kind: "packed";
  readonly type: PackedType;
  readonly bytes: Uint8Array;
}

export type Value = TensorValue | KvCacheValue | QuantizedValue | PackedValue;

export function newData(dtype: DType, count: number): TensorData {
  switch (dtype) {
    case "f32":
    case "f16":
    case "bf16":
      return new Float32Array(count);
    case "i32":
      return new Int32Array(count);
    case "i8":
      return new Int8Array(count);
    case "u8":
    case "i1":
      return new Uint8Array(count);
  }
}

export function newTensor(dtype: DType, shape: readonly number[]): TensorValue {
  return { kind: "tensor", dtype, shape, data: newData(dtype, elementCount(shape)) };
}

/** A tensor from numbers, rounded to the format. */
export function tensorValue(dtype: DType, shape: readonly number[], numbers: ArrayLike<number>): TensorValue {
  const value = newTensor(dtype, shape);
  for (let i = 0; i < value.data.length; i++) value.data[i] = numbers[i]!;
  roundInPlace(value);
  return value;
}

/** Rounds stored elements to a 16-bit format; a no-op for every other dtype. */
export function roundInPlace({ dtype, data }: TensorValue): void {
  const round = rounding(dtype);
  if (round === undefined) return;
  for (let i = 0; i < data.length; i++) data[i] = round(data[i]!);
}

function rounding(dtype: DType): ((value: number) => number) | undefined {
  if (dtype === "f16") return roundToHalf;
  return dtype === "bf16" ? roundToBrain : undefined;
}

export function roundTo(dtype: FloatDType, value: number): number {
  return rounding(dtype)?.(value) ?? Math.fround(value);
}

export function emptyCache(type: KvCacheType, blocks: number): KvCacheValue {
  const count = type.layers * blocks * type.blockSize * type.heads * type.headDim;
  return { kind: "kv_cache", type, blocks, keys: new Float32Array(count), values: new Float32Array(count) };
}
