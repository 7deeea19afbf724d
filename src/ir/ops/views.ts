/** Ops that rename elements: other shapes of the same numbers, permutations, repetition by broadcasting. */

import type { Random } from "../../base/index.js";
import { at } from "../../base/index.js";
import type { Scalar } from "../loop-form.js";
import { binary, load, store } from "../loop-form.js";
import type { Dim } from "../types.js";
import { tensor } from "../types.js";
import type { TensorValue } from "../values.js";
import {
  attrOr,
  defineCoreOp,
  divisorOf,
  drawFloat,
  drawShape,
  knownTensor,
  pick,
  tensorType,
} from "./drawing.js";
import {
  add,
  broadcastIndices,
  extentOf,
  indicesOf,
  int,
  mul,
  overElements,
  resultOf,
  tensorOf,
} from "./loop-parts.js";
import { broadcastOffsets, newResult, offsetsAlong, stridesOf, tensorAt } from "./tensor-access.js";
import {
  broadcastShapes,
  printShape,
  refuse,
  requireShape,
  requireTensor,
  symbolicCount,
} from "./type-checks.js";

const reshape = defineCoreOp({
  name: "reshape",
  doc: "The same elements in the same order under another shape.",
  operands: ["x"],
  attrs: { shape: "dims" },
  traits: ["pure", "view"],
  infer: ([type], { shape }) => {
    const x = requireTensor("reshape", type);
    requireShape("reshape", shape);
    const [from, to] = [symbolicCount(x.shape), symbolicCount(shape)];
    if (from !== to) {
      refuse(
        `\`reshape\` keeps every element, but ${printShape(x.shape)} has ${from} and ${printShape(shape)} has ${to}`,
      );
    }
    return { ...x, shape };
  },
  evaluate: (operands, _, result) => {
    const x = tensorAt(operands, 0);
    return { ...x, shape: tensorOf(result).shape.map(Number) };
  },
  work: () => ({ flops: 0, bytesRead: 0, bytesWritten: 0 }),
  lower: (input) => {
    const { shape } = resultOf(input);
    const from = regrouped(tensorOf(input.operands[0]).shape, shape, indicesOf(shape));
    return overElements(shape, [store("result", indicesOf(shape), load("x", ...from))]);
  },
  draw: (random, request) => {
    const known = knownTensor(request.operands[0]);
    const target = knownTensor(request.result)?.shape;
    const shape = attrOr<readonly Dim[]>(
      request,
      "shape",
      () => target ?? anotherShape(random, known?.shape ?? drawShape(random)),
    );
    if (!shape.every((dim) => typeof dim === "number")) return undefined;
    const dtype = knownTensor(request.result)?.dtype ?? drawFloat(random);
    return { operands: [known ?? tensorType(dtype, anotherShape(random, shape))], attrs: { shape } };
  },
  samples: [
    { operands: [tensor("f32", "T", 6)], attrs: { shape: ["T", 2, 3] }, dims: { T: 4 } },
    { operands: [tensor("f32", "T", 2, 3)], attrs: { shape: ["T", 6] }, dims: { T: 3 } },
    { operands: [tensor("i32", "T")], attrs: { shape: ["T", 1] }, dims: { T: 5 } },
    { operands: [tensor("f16", 4, "T")], attrs: { shape: [2, "T", 2] }, dims: { T: 3 } },
    { operands: [tensor("f32", 1)], attrs: { shape: [] } },
  ],
});

/** Indices into `from` of the element that stands at `indices` of `to`. */
function regrouped(from: readonly Dim[], to: readonly Dim[], indices: readonly Scalar[]): Scalar[] {
  const shared = to.findIndex((dim, i) => from[i] !== dim);
  const kept = shared === -1 ? to.length : shared;
  let position =
    indices
      .slice(kept)
      .reduce<Scalar | undefined>(
        (before, each, i) =>
          before === undefined ? each : add(mul(before, extentOf(at(to, kept + i))), each),
        undefined,
      ) ?? int(0);
  const inside: Scalar[] = [];
  for (let i = from.length - 1; i >= kept; i--) {
    const extent = extentOf(at(from, i));
    inside.unshift(i === kept ? position : binary("remainder", position, extent));
    position = binary("quotient", position, extent);
  }
  return [...indices.slice(0, kept), ...inside];
}

/** A random shape of as many elements: two dimensions merged, one split, a 1 more or less. */
function anotherShape(random: Random, shape: readonly number[]): number[] {
  const axis = random.below(Math.max(1, shape.length));
  const extent = shape[axis];
  if (extent === undefined) return pick(random, [[], [1], [1, 1]]);
  const divisor = divisorOf(random, extent);
  const choices = [
    shape.toSpliced(axis, 1, divisor, extent / divisor),
    shape.toSpliced(axis, 1, divisor, extent / divisor),
    axis + 1 < shape.length ? shape.toSpliced(axis, 2, extent * shape[axis + 1]!) : [...shape],
    axis + 1 < shape.length ? shape.toSpliced(axis, 2, extent * shape[axis + 1]!) : [...shape, 1],
    extent === 1 ? shape.toSpliced(axis, 1) : shape.toSpliced(axis, 0, 1),
  ];
  return pick(random, choices);
}

const transpose = defineCoreOp({
  name: "transpose",
  doc: "The dimensions in another order: dimension i of the result is dimension permutation[i] of x.",
  operands: ["x"],
  attrs: { permutation: "ints" },
  traits: ["pure"],
  infer: ([type], { permutation }) => {
    const x = requireTensor("transpose", type);
    const sorted = [...permutation].sort((a, b) => a - b);
    if (sorted.length !== x.shape.length || sorted.some((axis, i) => axis !== i)) {
      refuse(
        `\`transpose\` needs each axis of ${printShape(x.shape)} once, found ${printShape(permutation)}`,
      );
    }
    return { ...x, shape: permutation.map((axis) => at(x.shape, axis)) };
  },
  evaluate: (operands, { permutation }, result) => {
    const x = tensorAt(operands, 0);
    const out = newResult(result);
    if (permutation.length === 2 && permutation[0] === 1) {
      transposeMatrix(x, out);
      return out;
    }
    const strides = stridesOf(x.shape);
    const from = offsetsAlong(
      out.shape,
      permutation.map((axis) => at(strides, axis)),
    );
    for (let i = 0; i < out.data.length; i++) out.data[i] = x.data[from[i]!]!;
    return out;
  },
  work: () => ({ flops: 0 }),
  lower: (input) => {
    const { shape } = resultOf(input);
    const { permutation } = input.attrs;
    const indices = indicesOf(shape);
    const from = permutation.map((_, axis) => at(indices, permutation.indexOf(axis)));
    return overElements(shape, [store("result", indices, load("x", ...from))]);
  },
  draw: (random, request) => {
    const known = knownTensor(request.operands[0]);
    const result = knownTensor(request.result);
    const rank = (known ?? result)?.shape.length ?? pick(random, [2, 2, 3]);
    const permutation = attrOr(request, "permutation", () => drawPermutation(random, rank));
    const shape = result
      ? permutation.map((_, axis) => result.shape[permutation.indexOf(axis)] ?? 1)
      : undefined;
    const drawn = tensorType(
      result?.dtype ?? drawFloat(random),
      shape ?? drawShape(random, permutation.length),
    );
    return { operands: [known ?? drawn], attrs: { permutation } };
  },
  samples: [
    { operands: [tensor("f32", "T", 5)], attrs: { permutation: [1, 0] }, dims: { T: 3 } },
    { operands: [tensor("f32", "T", 2, 3)], attrs: { permutation: [1, 2, 0] }, dims: { T: 4 } },
    { operands: [tensor("i1", 2, 3)], attrs: { permutation: [1, 0] } },
  ],
});

/** Side of the squares in which a matrix is turned, so that both sides of the copy stay in a cache. */
const TILE = 32;

/** Weights are turned through here when they are packed. */
function transposeMatrix(x: TensorValue, out: TensorValue): void {
  const [rows = 0, columns = 0] = x.shape;
  const [source, target] = [x.data, out.data];
  for (let top = 0; top < rows; top += TILE) {
    const bottom = Math.min(rows, top + TILE);
    for (let left = 0; left < columns; left += TILE) {
      const right = Math.min(columns, left + TILE);
      for (let row = top; row < bottom; row++) {
        for (let column = left; column < right; column++) {
          target[column * rows + row] = source[row * columns + column]!;
        }
      }
    }
  }
}

/** Mostly an exchange of two dimensions. */
function drawPermutation(random: Random, rank: number): readonly number[] {
  const identity = Array.from({ length: rank }, (_, i) => i);
  if (rank < 2) return identity;
  const first = random.below(rank - 1);
  const swapped = identity.with(first, first + 1).with(first + 1, first);
  return rank > 2 && random.below(3) === 0 ? [...swapped.slice(1), at(swapped, 0)] : swapped;
}

const broadcast = defineCoreOp({
  name: "broadcast",
  doc: "x repeated to a larger shape: aligned at the last dimension, dimensions of 1 stretch.",
  operands: ["x"],
  attrs: { shape: "dims" },
  traits: ["pure"],
  infer: ([type], { shape }) => {
    const x = requireTensor("broadcast", type);
    requireShape("broadcast", shape);
    const whole = broadcastShapes("broadcast", x.shape, shape);
    if (printShape(whole) !== printShape(shape)) {
      refuse(`\`broadcast\` cannot stretch ${printShape(x.shape)} to ${printShape(shape)}`);
    }
    return { ...x, shape };
  },
  evaluate: (operands, _, result) => {
    const x = tensorAt(operands, 0);
    const out = newResult(result);
    const from = broadcastOffsets(x.shape, out.shape);
    for (let i = 0; i < out.data.length; i++) out.data[i] = x.data[from?.[i] ?? i]!;
    return out;
  },
  work: () => ({ flops: 0 }),
  lower: (input) => {
    const { shape } = resultOf(input);
    const from = broadcastIndices(tensorOf(input.operands[0]).shape, shape, indicesOf(shape));
    return overElements(shape, [store("result", indicesOf(shape), load("x", ...from))]);
  },
  draw: (random, request) => {
    const known = knownTensor(request.operands[0]);
    const target = knownTensor(request.result)?.shape;
    const shape = attrOr<readonly Dim[]>(request, "shape", () => target ?? stretched(random, known?.shape));
    const narrow = shape
      .slice(random.below(shape.length + 1))
      .map((dim) => (random.below(2) === 0 ? 1 : dim));
    const dtype = knownTensor(request.result)?.dtype ?? drawFloat(random);
    return { operands: [known ?? tensorType(dtype, narrow)], attrs: { shape } };
  },
  samples: [
    { operands: [tensor("f32", 3)], attrs: { shape: ["T", 3] }, dims: { T: 4 } },
    { operands: [tensor("f32", 2, 1)], attrs: { shape: [3, 2, 5] } },
    { operands: [tensor("f16")], attrs: { shape: [2, 2] } },
  ],
});

function stretched(random: Random, shape: readonly number[] | undefined): readonly number[] {
  if (shape === undefined) return drawShape(random);
  const wide = shape.map((extent) => (extent === 1 ? 1 + random.below(4) : extent));
  return random.below(2) === 0 ? wide : [1 + random.below(3), ...wide];
}

export const viewOps = [reshape, transpose, broadcast] as const;
