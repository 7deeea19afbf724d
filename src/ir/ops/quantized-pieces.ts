/** Parts of quantized matrices: cut along either axis, and columns taken by number. */

import type { Random } from "../../base/index.js";
import { load, store } from "../loop-form.js";
import type { Drawn, DrawRequest } from "../op.js";
import type { QuantizedType } from "../types.js";
import { tensor, typeBytes } from "../types.js";
import { newQuantized, quantizedArrays } from "../values.js";
import { attrOr, defineCoreOp, draftBySignature, drawExtent, pick } from "./drawing.js";
import { indicesOf, int, overElements, resultOf, tensorOf } from "./loop-parts.js";
import {
  dequantized,
  drawQuantized,
  loadQuantized,
  quantizedType,
  relateRows,
  sampleMinimums,
  sampleNibbles,
  sampleTwoLevels,
  sampleWeights,
} from "./quantized.js";
import { inferBySignature, signature } from "./signature.js";
import { intsOf, newResult, quantizedAt, tensorAt } from "./tensor-access.js";
import { refuse } from "./type-checks.js";

const sliceQuantized = defineCoreOp({
  name: "slice_quantized",
  doc: "`size` rows (axis 0) or columns (axis 1) of a quantized matrix. Rows are cut between groups alone.",
  operands: ["q"],
  attrs: { axis: "int", start: "int", size: "int" },
  traits: ["pure"],
  infer: ([type], { axis, start, size }) => {
    if (type?.kind !== "quantized") return refuse("`slice_quantized` takes a quantized matrix");
    const extent = axis === 0 || axis === 1 ? type.shape[axis] : refuse(`a matrix has no axis ${axis}`);
    if (start < 0 || size < 1 || start + size > extent) {
      refuse(`\`slice_quantized\` takes ${size} from ${start} on, but axis ${axis} has ${extent}`);
    }
    const step = type.superGroup ?? type.group;
    if (axis === 0 && (start % step !== 0 || size % step !== 0)) {
      refuse(`\`slice_quantized\` cuts between groups of ${step} rows, not at ${start} and ${start + size}`);
    }
    return { ...type, shape: axis === 0 ? [size, type.shape[1]] : [type.shape[0], size] };
  },
  evaluate: (operands, { axis, start }, result) => {
    const whole = quantizedAt(operands, 0);
    const [, width] = whole.type.shape;
    const part = newQuantized(quantizedType(result));
    const [rows, columns] = part.type.shape;
    const [top, left] = axis === 0 ? [start, 0] : [0, start];
    const targets = quantizedArrays(part);
    quantizedArrays(whole).forEach((from, i) => {
      const to = targets[i]!;
      const firstRow = (top * (to.length / columns)) / rows;
      for (let row = 0; row * columns < to.length; row++) {
        const begin = (firstRow + row) * width + left;
        to.set(from.subarray(begin, begin + columns), row * columns);
      }
    });
    return part;
  },
  work: () => ({ flops: 0 }),
  draw: drawCut,
  samples: [
    { operands: [sampleWeights], attrs: { axis: 0, start: 32, size: 32 } },
    { operands: [sampleNibbles], attrs: { axis: 1, start: 1, size: 3 } },
    { operands: [sampleMinimums], attrs: { axis: 0, start: 64, size: 64 } },
    { operands: [sampleTwoLevels], attrs: { axis: 1, start: 2, size: 3 } },
  ],
});

function drawCut(random: Random, request: DrawRequest): Drawn | undefined {
  const given = request.operands[0]?.kind === "quantized" ? request.operands[0] : undefined;
  const result = request.result?.kind === "quantized" ? request.result : undefined;
  const extents = { K: pick(random, [64, 96]), N: drawExtent(random) };
  const whole: QuantizedType | undefined = given ?? result ?? drawQuantized(extents, random);
  if (whole === undefined) return undefined;
  const axis = attrOr(request, "axis", () => random.below(2));
  const step = axis === 0 ? (whole.superGroup ?? whole.group) : 1;
  const extent = whole.shape[axis === 0 ? 0 : 1];
  const size = attrOr(request, "size", () => result?.shape[axis] ?? step * (1 + random.below(extent / step)));
  const room = given === undefined ? random.below(3) : Math.max(0, (extent - size) / step);
  const start = attrOr(request, "start", () => step * random.below(Math.floor(room) + 1));
  const shape = whole.shape.with(axis, Math.max(extent, start + size)) as [number, number];
  return { operands: [given ?? { ...whole, shape }], attrs: { axis, start, size } };
}

const takeTypes = signature("q: quantized[K, N], indices: i32[T] -> f32[T, K]");

const takeQuantized = defineCoreOp({
  name: "take_quantized",
  doc: "Columns of the matrix that q stands for, by number, as rows: an embedding table that stays in its codes.",
  operands: takeTypes.names,
  attrs: {},
  traits: ["pure"],
  infer: (types) => inferBySignature("take_quantized", takeTypes, types),
  evaluate: (operands, _, result) => {
    const { shape: [rows = 0, columns = 0], data } = dequantized(quantizedAt(operands, 0));
    const out = newResult(result);
    intsOf(tensorAt(operands, 1)).forEach((column, i) => {
      if (column < 0 || column >= columns) {
        throw new RangeError(`row ${column} of a table of ${columns} rows was asked for`);
      }
      for (let row = 0; row < rows; row++) out.data[i * rows + row] = data[row * columns + column]!;
    });
    return out;
  },
  work: ([, indices], _, result) => ({
    flops: 0,
    bytesRead: typeBytes(result) + typeBytes(tensorOf(indices)),
  }),
  lower: (input) => {
    const { shape } = resultOf(input);
    const [t = int(0), k = int(0)] = indicesOf(shape);
    const value = loadQuantized("q", quantizedType(input.operands[0]), k, load("indices", t));
    return overElements(shape, [store("result", [t, k], value)]);
  },
  draw: draftBySignature(takeTypes, { relate: relateRows, quantized: drawQuantized }),
  samples: [
    { operands: [sampleWeights, tensor("i32", "T")], attrs: {}, dims: { T: 4 }, indexBounds: { 1: 3 } },
    { operands: [sampleNibbles, tensor("i32", 2)], attrs: {}, indexBounds: { 1: 5 } },
    { operands: [sampleTwoLevels, tensor("i32", 2)], attrs: {}, indexBounds: { 1: 5 } },
  ],
});

export const quantizedPieceOps = [sliceQuantized, takeQuantized] as const;
