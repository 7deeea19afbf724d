/**
 * Matrix products. The reference sums each element in double and rounds once; every faster way to compute it
 * differs by the order of the sum.
 */

import type { Random } from "../../base/index.js";
import { index, local, store } from "../loop-form.js";
import type { Statement } from "../loop-form.js";
import type { Drawn, DrawRequest } from "../op.js";
import type { Dim, TensorType, ValueType } from "../types.js";
import { elementCount, tensor } from "../types.js";
import type { TensorValue } from "../values.js";
import { roundInPlace } from "../values.js";
import { defineCoreOp, drawExtent, drawFloat, knownTensor, pick, tensorType } from "./drawing.js";
import {
  broadcastIndices,
  dot,
  indicesOf,
  loadFloat,
  overElements,
  resultOf,
  tensorOf,
} from "./loop-parts.js";
import { broadcastOffsets, floatsOf, newResult, product, tensorAt } from "./tensor-access.js";
import { broadcastShapes, printShape, refuse, requireFloat, requireSameDType } from "./type-checks.js";

export function inferProduct(
  op: string,
  left: ValueType | undefined,
  right: ValueType | undefined,
): TensorType {
  const [a, b] = [requireFloat(op, left), requireFloat(op, right)];
  requireSameDType(op, a, b);
  const [rows, inner] = a.shape.slice(-2);
  const [outer, columns] = b.shape.slice(-2);
  if (inner === undefined || columns === undefined || rows === undefined) {
    return refuse(
      `\`${op}\` multiplies matrices, found the shapes ${printShape(a.shape)} and ${printShape(b.shape)}`,
    );
  }
  if (inner !== outer) {
    refuse(
      `\`${op}\` cannot multiply ${printShape(a.shape)} by ${printShape(b.shape)}: ${inner} columns meet ${outer} rows`,
    );
  }
  return { ...a, shape: [...broadcastShapes(op, a.shape.slice(0, -2), b.shape.slice(0, -2)), rows, columns] };
}

export function evaluateProduct(a: TensorValue, b: TensorValue, result: ValueType): TensorValue {
  const out = newResult(result);
  const [rows, inner, columns] = [a.shape.at(-2) ?? 0, a.shape.at(-1) ?? 0, b.shape.at(-1) ?? 0];
  const lead = out.shape.slice(0, -2);
  const fromA = broadcastOffsets(a.shape.slice(0, -2), lead);
  const fromB = broadcastOffsets(b.shape.slice(0, -2), lead);
  for (let batch = 0; batch < product(lead); batch++) {
    const startA = (fromA?.[batch] ?? batch) * rows * inner;
    const startB = (fromB?.[batch] ?? batch) * inner * columns;
    const start = batch * rows * columns;
    multiply(
      floatsOf(a).subarray(startA, startA + rows * inner),
      floatsOf(b).subarray(startB, startB + inner * columns),
      floatsOf(out).subarray(start, start + rows * columns),
      { rows, inner, columns },
    );
  }
  roundInPlace(out);
  return out;
}

/** Row times matrix, one row of `b` after another, so that memory is read in order. */
export function multiply(
  a: Float32Array,
  b: Float32Array,
  out: Float32Array,
  { rows, inner, columns }: { readonly rows: number; readonly inner: number; readonly columns: number },
): void {
  const sums = new Float64Array(columns);
  for (let row = 0; row < rows; row++) {
    sums.fill(0);
    for (let k = 0; k < inner; k++) {
      const factor = a[row * inner + k]!;
      const start = k * columns;
      for (let column = 0; column < columns; column++) sums[column]! += factor * b[start + column]!;
    }
    out.set(sums, row * columns);
  }
}

export function productWork([a]: readonly ValueType[], result: ValueType): { readonly flops: number } {
  const inner = tensorOf(a).shape.at(-1) ?? 1;
  return { flops: 2 * elementCount(tensorOf(result).shape) * elementCount([inner]) };
}

/** The product's sum in the local `sum`, for the result element at `i0`, `i1`, … */
export function lowerProductSum(
  a: TensorType,
  b: TensorType,
  result: TensorType,
  names = ["a", "b"],
): readonly Statement[] {
  const lead = result.shape.slice(0, -2);
  const indices = indicesOf(result.shape);
  const row = indices.slice(-2, -1);
  const column = indices.slice(-1);
  const inLeft = [...broadcastIndices(a.shape.slice(0, -2), lead, indices), ...row, index("k")];
  const inRight = [...broadcastIndices(b.shape.slice(0, -2), lead, indices), index("k"), ...column];
  const [left = "a", right = "b"] = names;
  return dot("sum", "k", a.shape.at(-1) ?? 1, [loadFloat(left, ...inLeft), loadFloat(right, ...inRight)]);
}

/** Inner extents are now and then a multiple of 32, so that guards on quantization groups can be met. */
function drawInner(random: Random): number {
  return random.below(4) === 0 ? pick(random, [32, 64]) : drawExtent(random);
}

/** Types of both factors that fit what is known of them and of the product; undefined when nothing does. */
export function drawProduct(random: Random, { operands, result }: DrawRequest): Drawn | undefined {
  const [a, b] = [knownTensor(operands[0]), knownTensor(operands[1])];
  const whole = knownTensor(result);
  const dtype = (a ?? b ?? whole)?.dtype ?? drawFloat(random);
  const inner = a?.shape.at(-1) ?? b?.shape.at(-2) ?? drawInner(random);
  const rows = whole?.shape.at(-2) ?? drawExtent(random);
  const columns = whole?.shape.at(-1) ?? drawExtent(random);
  const lead: readonly Dim[] =
    (whole ?? a ?? b)?.shape.slice(0, -2) ?? pick(random, [[], [], [drawExtent(random)]]);
  // A weight has no leading dimensions, and a few operands stretch a 1.
  const leadOf = (): readonly Dim[] => pick(random, [lead, lead, lead, [], lead.map(() => 1)]);
  return {
    operands: [
      operands[0] ?? tensorType(dtype, [...leadOf(), rows, inner]),
      operands[1] ?? tensorType(dtype, [...leadOf(), inner, columns]),
    ],
    attrs: {},
  };
}

const matmul = defineCoreOp({
  name: "matmul",
  doc: "The matrix product of the last two dimensions; leading dimensions are broadcast.",
  operands: ["a", "b"],
  attrs: {},
  traits: ["pure"],
  infer: ([a, b]) => inferProduct("matmul", a, b),
  evaluate: (operands, _, result) => evaluateProduct(tensorAt(operands, 0), tensorAt(operands, 1), result),
  work: (operands, _, result) => productWork(operands, result),
  lower: (input) => {
    const { shape } = resultOf(input);
    const [a, b] = [tensorOf(input.operands[0]), tensorOf(input.operands[1])];
    return overElements(shape, [
      ...lowerProductSum(a, b, resultOf(input)),
      store("result", indicesOf(shape), local("sum")),
    ]);
  },
  draw: drawProduct,
  samples: [
    { operands: [tensor("f32", "T", 16), tensor("f32", 16, 5)], attrs: {}, dims: { T: 3 } },
    { operands: [tensor("f32", 2, "T", 4), tensor("f32", 2, 4, "C")], attrs: {}, dims: { T: 3, C: 7 } },
    { operands: [tensor("f32", 3, 1, 2, 4), tensor("f32", 2, 4, 3)], attrs: {} },
    { operands: [tensor("f16", 3, 8), tensor("f16", 8, 2)], attrs: {} },
    { operands: [tensor("bf16", 1, 33), tensor("bf16", 33, 1)], attrs: {} },
  ],
});

export const productOps = [matmul] as const;
