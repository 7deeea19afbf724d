/**
 * Parts that loop lowerings share: index names for a shape, loads of broadcast operands, dot products.
 * Loop kernels accumulate in f32 locals, as kernels do on every target; only the evaluator sums in double.
 */

import { at, invariant } from "../../base/index.js";
import type { Scalar, Statement } from "../loop-form.js";
import { assign, binary, cast, declare, index, load, local, loop, nest, number } from "../loop-form.js";
import type { LoweringInput } from "../op.js";
import type { Dim, TensorType, ValueType } from "../types.js";

export function tensorOf(type: ValueType | undefined): TensorType {
  invariant(type?.kind === "tensor", "type inference has made sure of a tensor");
  return type;
}

export function resultOf({ result }: Pick<LoweringInput<unknown>, "result">): TensorType {
  return tensorOf(result);
}

/** `i0`, `i1`, … for the dimensions of a shape. */
export function indicesOf(shape: readonly Dim[]): Scalar[] {
  return shape.map((_, i) => index(`i${i}`));
}

/** Parallel loops `i0`, `i1`, … over every element of a shape. */
export function overElements(shape: readonly Dim[], body: readonly Statement[]): readonly Statement[] {
  return nest(
    shape.map((extent, i) => ({ name: `i${i}`, extent })),
    "parallel",
    body,
  );
}

export function int(value: number): Scalar {
  return number(value, "i32");
}

/** The number of a dimension, as an index. */
export function extentOf(dim: Dim): Scalar {
  return typeof dim === "number" ? int(dim) : { kind: "extent", dim };
}

/** Indices into an operand that is broadcast to the result's shape. */
export function broadcastIndices(
  from: readonly Dim[],
  to: readonly Dim[],
  indices: readonly Scalar[],
): Scalar[] {
  const lead = to.length - from.length;
  return from.map((dim, i) => (dim === 1 && to[i + lead] !== 1 ? int(0) : at(indices, i + lead)));
}

/** A load in f32, whatever format the buffer stores. */
export function loadFloat(buffer: string, ...indices: readonly Scalar[]): Scalar {
  return cast("f32", load(buffer, ...indices));
}

export function add(left: Scalar, right: Scalar): Scalar {
  return binary("add", left, right);
}

export function sub(left: Scalar, right: Scalar): Scalar {
  return binary("sub", left, right);
}

export function mul(left: Scalar, right: Scalar): Scalar {
  return binary("mul", left, right);
}

export function div(left: Scalar, right: Scalar): Scalar {
  return binary("div", left, right);
}

/** Declares `name`, then folds `term` into it over a serial loop. */
export function accumulate(
  name: string,
  start: number,
  over: { readonly index: string; readonly extent: Dim },
  step: (total: Scalar) => Scalar,
): readonly Statement[] {
  return [
    declare(name, "f32", number(start)),
    loop(over.index, over.extent, "serial", [assign(name, step(local(name)))]),
  ];
}

/** `sum_k left * right`, with `k` the name of the loop. */
export function dot(
  name: string,
  k: string,
  extent: Dim,
  [left, right]: readonly [Scalar, Scalar],
): readonly Statement[] {
  return accumulate(name, 0, { index: k, extent }, (total) => add(total, mul(left, right)));
}
