/**
 * Checks that type inference of the core ops shares. Each mistake is an `IllTyped` with one sentence about
 * the user's program. Dimensions are equal only if they are the same number or the same name.
 */

import { IllTyped } from "../op.js";
import type { Dim, DType, FloatDType, TensorType, ValueType } from "../types.js";
import { isFloat, printType } from "../types.js";

export function refuse(sentence: string): never {
  throw new IllTyped(sentence);
}

export function printShape(shape: readonly Dim[]): string {
  return `[${shape.join(", ")}]`;
}

export function requireTensor(op: string, type: ValueType | undefined): TensorType {
  if (type?.kind === "tensor") return type;
  return refuse(`\`${op}\` takes tensors, found ${type === undefined ? "nothing" : printType(type)}`);
}

/** A tensor of floats; the op computes in its dtype. */
export function requireFloat(
  op: string,
  type: ValueType | undefined,
): TensorType & { readonly dtype: FloatDType } {
  const found = requireTensor(op, type);
  const { dtype } = found;
  if (isFloat(dtype)) return { ...found, dtype };
  return refuse(`\`${op}\` computes with floats, found ${printType(found)}`);
}

export function requireDType(op: string, type: TensorType, dtype: DType): void {
  if (type.dtype !== dtype) refuse(`\`${op}\` takes ${dtype} here, found ${printType(type)}`);
}

export function requireSameDType(op: string, a: TensorType, b: TensorType): void {
  if (a.dtype !== b.dtype) {
    refuse(`\`${op}\` takes operands of one dtype, found ${a.dtype} and ${b.dtype}: write a \`cast\``);
  }
}

/** An axis is a position in the shape, counted from 0. */
export function requireAxis(op: string, axis: number, { shape }: TensorType): void {
  if (axis >= 0 && axis < shape.length) return;
  refuse(
    `\`${op}\` has axis ${axis}, but a shape of ${shape.length} dimensions has axes 0 to ${shape.length - 1}`,
  );
}

/** The extent of an axis that must be known at compile time. */
export function requireExtent(op: string, axis: number, { shape }: TensorType): number {
  const extent = shape[axis];
  if (typeof extent === "number") return extent;
  return refuse(`\`${op}\` needs to know the extent of axis ${axis}, found ${printShape(shape)}`);
}

/** A written shape: every number in it is at least 1. */
export function requireShape(op: string, shape: readonly Dim[]): void {
  if (shape.some((dim) => typeof dim === "number" && dim < 1)) {
    refuse(`\`${op}\` has the shape ${printShape(shape)}: extents are at least 1`);
  }
}

/** Broadcasting as numpy does it: shapes are aligned at their last dimension, and 1 stretches to anything. */
export function broadcastShapes(op: string, a: readonly Dim[], b: readonly Dim[]): readonly Dim[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const left = a[i - rank + a.length] ?? 1;
    const right = b[i - rank + b.length] ?? 1;
    if (left === right || right === 1) return left;
    if (left === 1) return right;
    return refuse(
      `\`${op}\` cannot combine the shapes ${printShape(a)} and ${printShape(b)}: ${left} is not ${right}`,
    );
  });
}

/** Numbers multiplied, names sorted: equal texts mean equal element counts, whatever the names stand for. */
export function symbolicCount(shape: readonly Dim[]): string {
  const names = shape.filter((dim) => typeof dim === "string").sort();
  const numbers = shape.filter((dim) => typeof dim === "number");
  return [numbers.reduce((product, dim) => product * dim, 1), ...names].join(" x ");
}
