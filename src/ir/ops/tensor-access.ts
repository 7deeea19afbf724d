/** How evaluation reads its operands: narrowing, broadcasting offsets, and element-by-element maps. */

import { invariant } from "../../base/index.js";
import type { TensorType, ValueType } from "../types.js";
import type { KvCacheValue, QuantizedValue, TensorValue, Value } from "../values.js";
import { newTensor, roundInPlace } from "../values.js";

export function tensorAt(operands: readonly Value[], position: number): TensorValue {
  const value = operands[position];
  invariant(value?.kind === "tensor", `operand ${position} is a tensor`);
  return value;
}

export function floatsOf({ data }: TensorValue): Float32Array {
  invariant(data instanceof Float32Array, "the tensor holds floats");
  return data;
}

export function intsOf({ data }: TensorValue): Int32Array {
  invariant(data instanceof Int32Array, "the tensor holds i32");
  return data;
}

export function cacheAt(operands: readonly Value[], position: number): KvCacheValue {
  const value = operands[position];
  invariant(value?.kind === "kv_cache", `operand ${position} is a KV cache`);
  return value;
}

export function quantizedAt(operands: readonly Value[], position: number): QuantizedValue {
  const value = operands[position];
  invariant(value?.kind === "quantized", `operand ${position} is quantized`);
  return value;
}

/** An uninitialised tensor of a result type, whose dimensions are concrete by then. */
export function newResult(type: ValueType): TensorValue {
  invariant(type.kind === "tensor", "the result is a tensor");
  return newTensor(type.dtype, concrete(type));
}

function concrete({ shape }: TensorType): readonly number[] {
  return shape.map((dim) => {
    invariant(typeof dim === "number", `the dimension ${dim} has a value when an op is evaluated`);
    return dim;
  });
}

export function product(extents: readonly number[]): number {
  return extents.reduce((count, extent) => count * extent, 1);
}

/** Elements before, along and after an axis: element (o, a, i) lies at (o * along + a) * inner + i. */
export function axisParts(
  shape: readonly number[],
  axis: number,
): { outer: number; along: number; inner: number } {
  return { outer: product(shape.slice(0, axis)), along: shape[axis]!, inner: product(shape.slice(axis + 1)) };
}

/** Row-major strides. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let i = shape.length - 2; i >= 0; i--) strides[i] = strides[i + 1]! * shape[i + 1]!;
  return strides;
}

/** For each element of `shape`, in order, the offset that `strides` (0 where stretched) leads to. */
export function offsetsAlong(shape: readonly number[], strides: readonly number[]): Int32Array {
  const offsets = new Int32Array(product(shape));
  const position = new Array<number>(shape.length).fill(0);
  let offset = 0;
  for (let i = 0; i < offsets.length; i++) {
    offsets[i] = offset;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      offset += strides[axis]!;
      if (++position[axis]! < shape[axis]!) break;
      offset -= strides[axis]! * shape[axis]!;
      position[axis] = 0;
    }
  }
  return offsets;
}

/** Where each element of a broadcast comes from; undefined when nothing is stretched. */
export function broadcastOffsets(from: readonly number[], to: readonly number[]): Int32Array | undefined {
  if (product(from) === product(to)) return undefined;
  const strides = stridesOf(from);
  const lead = to.length - from.length;
  const stretched = to.map((_, i) => (i < lead || from[i - lead] === 1 ? 0 : strides[i - lead]!));
  return offsetsAlong(to, stretched);
}

export function mapUnary(x: TensorValue, result: ValueType, apply: (x: number) => number): TensorValue {
  const out = newResult(result);
  for (let i = 0; i < out.data.length; i++) out.data[i] = apply(x.data[i]!);
  roundInPlace(out);
  return out;
}

export function mapBinary(
  [a, b]: readonly [TensorValue, TensorValue],
  result: ValueType,
  apply: (a: number, b: number) => number,
): TensorValue {
  const out = newResult(result);
  const fromA = broadcastOffsets(a.shape, out.shape);
  const fromB = broadcastOffsets(b.shape, out.shape);
  for (let i = 0; i < out.data.length; i++) {
    out.data[i] = apply(a.data[fromA?.[i] ?? i]!, b.data[fromB?.[i] ?? i]!);
  }
  roundInPlace(out);
  return out;
}
