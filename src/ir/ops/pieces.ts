/** Ops that cut, join, repeat and look up along one axis. */

import type { Random } from "../../base/index.js";
import { at } from "../../base/index.js";
import type { AttrValue } from "../attrs.js";
import { binary, load, store } from "../loop-form.js";
import type { Drawn, DrawRequest } from "../op.js";
import { tensor, typeBytes } from "../types.js";
import {
  attrOr,
  defineCoreOp,
  divisorOf,
  drawExtent,
  drawFloat,
  drawShape,
  knownTensor,
  pick,
  tensorType,
} from "./drawing.js";
import { add, indicesOf, int, overElements, resultOf, tensorOf } from "./loop-parts.js";
import { axisParts, intsOf, newResult, product, tensorAt } from "./tensor-access.js";
import {
  refuse,
  requireAxis,
  requireDType,
  requireExtent,
  requireSameDType,
  requireTensor,
} from "./type-checks.js";
import { printShape } from "./type-checks.js";

const slice = defineCoreOp({
  name: "slice",
  doc: "`size` consecutive elements along an axis, from `start` on.",
  operands: ["x"],
  attrs: { axis: "int", start: "int", size: "int" },
  traits: ["pure"],
  infer: ([type], { axis, start, size }) => {
    const x = requireTensor("slice", type);
    requireAxis("slice", axis, x);
    const extent = requireExtent("slice", axis, x);
    if (start < 0 || size < 1 || start + size > extent) {
      refuse(
        `\`slice\` takes ${size} from ${start} on, but axis ${axis} of ${printShape(x.shape)} has ${extent}`,
      );
    }
    return { ...x, shape: x.shape.with(axis, size) };
  },
  evaluate: (operands, { axis, start, size }, result) => {
    const x = tensorAt(operands, 0);
    const out = newResult(result);
    const { outer, along, inner } = axisParts(x.shape, axis);
    for (let o = 0; o < outer; o++) {
      const from = (o * along + start) * inner;
      out.data.set(x.data.subarray(from, from + size * inner), o * size * inner);
    }
    return out;
  },
  work: (_operands, _attrs, result) => ({ flops: 0, bytesRead: typeBytes(result) }),
  lower: (input) => {
    const { shape } = resultOf(input);
    const { axis, start } = input.attrs;
    const indices = indicesOf(shape);
    const from = indices.with(axis, add(at(indices, axis), int(start)));
    return overElements(shape, [store("result", indices, load("x", ...from))]);
  },
  draw: drawSlice,
  samples: [
    { operands: [tensor("f32", "T", 6)], attrs: { axis: 1, start: 2, size: 3 }, dims: { T: 3 } },
    { operands: [tensor("i32", 5, 2)], attrs: { axis: 0, start: 4, size: 1 } },
  ],
});

function drawSlice(random: Random, request: DrawRequest): Drawn | undefined {
  const known = knownTensor(request.operands[0]);
  const result = knownTensor(request.result);
  const shape = (known ?? result)?.shape ?? drawShapeWith(random, request.attrs.axis);
  const axis = attrOr(request, "axis", () => random.below(shape.length));
  const whole = known?.shape[axis];
  const most = whole ?? shape[axis] ?? 1;
  const size = attrOr(request, "size", () => result?.shape[axis] ?? 1 + random.below(most));
  const room = whole === undefined ? random.below(3) : Math.max(0, whole - size);
  const start = attrOr(request, "start", () => (whole === undefined ? room : random.below(room + 1)));
  const extent = start + size + random.below(3);
  if (axis >= shape.length) return undefined;
  const operand = known ?? tensorType(result?.dtype ?? drawFloat(random), shape.with(axis, extent));
  return { operands: [operand], attrs: { axis, start, size } };
}

/** A shape that has the axis. */
function drawShapeWith(random: Random, axis: AttrValue | undefined): readonly number[] {
  const shape = drawShape(random);
  return typeof axis !== "number" || axis < shape.length ? shape : drawShape(random, axis + 1 + random.below(2));
}

const concat = defineCoreOp({
  name: "concat",
  doc: "The operands one after another along an axis; their other dimensions are equal.",
  operands: ["...parts"],
  attrs: { axis: "int" },
  traits: ["pure"],
  infer: (types, { axis }) => {
    const parts = types.map((type) => requireTensor("concat", type));
    const first = at(parts, 0);
    let total = 0;
    for (const part of parts) {
      requireAxis("concat", axis, part);
      requireSameDType("concat", first, part);
      if (printShape(part.shape.with(axis, 1)) !== printShape(first.shape.with(axis, 1))) {
        refuse(
          `\`concat\` joins shapes that differ in axis ${axis} only, found ${printShape(first.shape)} and ${printShape(part.shape)}`,
        );
      }
      total += requireExtent("concat", axis, part);
    }
    return { ...first, shape: first.shape.with(axis, total) };
  },
  evaluate: (operands, { axis }, result) => {
    const out = newResult(result);
    const whole = axisParts(out.shape, axis);
    let start = 0;
    for (const [i] of operands.entries()) {
      const { shape, data } = tensorAt(operands, i);
      const run = shape[axis]! * whole.inner;
      for (let o = 0; o < whole.outer; o++) {
        out.data.set(data.subarray(o * run, (o + 1) * run), o * whole.along * whole.inner + start);
      }
      start += run;
    }
    return out;
  },
  work: () => ({ flops: 0 }),
  lower: (input) => {
    let start = 0;
    return input.operands.flatMap((type, i) => {
      const { shape } = tensorOf(type);
      const indices = indicesOf(shape);
      const { axis } = input.attrs;
      const to = indices.with(axis, add(at(indices, axis), int(start)));
      start += Number(shape[axis]);
      return overElements(shape, [store("result", to, load(`parts${i}`, ...indices))]);
    });
  },
  draw: drawConcat,
  samples: [
    { operands: [tensor("f32", "T", 2), tensor("f32", "T", 3)], attrs: { axis: 1 }, dims: { T: 3 } },
    { operands: [tensor("f16", 1, 2), tensor("f16", 3, 2), tensor("f16", 2, 2)], attrs: { axis: 0 } },
  ],
});

function drawConcat(random: Random, request: DrawRequest): Drawn | undefined {
  const result = knownTensor(request.result);
  const given = request.operands.map(knownTensor);
  const count = given.length || pick(random, [1, 2, 2, 3]);
  const pattern = result ?? given.find((each) => each !== undefined);
  const shape = pattern?.shape ?? drawShapeWith(random, request.attrs.axis);
  const differing = shape.findIndex((extent, i) => given.some((each) => each && each.shape[i] !== extent));
  const roomy = [...shape.keys()].filter((i) => result === undefined || shape[i]! >= count);
  const axis = attrOr(request, "axis", () => (differing >= 0 ? differing : (roomy[random.below(roomy.length)] ?? 0)));
  if (axis >= shape.length) return undefined;
  const open = Array.from({ length: count }, (_, i) => i).filter((i) => given[i] === undefined);
  const taken = given.reduce((sum, each) => sum + (each?.shape[axis] ?? 0), 0);
  const extents = result && splitInto(random, result.shape[axis]! - taken, open.length);
  if (result && extents === undefined) return undefined;
  const dtype = pattern?.dtype ?? drawFloat(random);
  const operands = Array.from({ length: count }, (_, i) => {
    const extent = extents?.[open.indexOf(i)] ?? drawExtent(random);
    return request.operands[i] ?? tensorType(dtype, shape.with(axis, extent));
  });
  return { operands, attrs: { axis } };
}

/** Positive numbers with a sum. */
function splitInto(random: Random, total: number, count: number): number[] | undefined {
  if (count === 0) return total === 0 ? [] : undefined;
  if (total < count) return undefined;
  const parts: number[] = [];
  for (let left = total; parts.length < count; left -= parts.at(-1) ?? 0) {
    const others = count - parts.length - 1;
    parts.push(others === 0 ? left : 1 + random.below(left - others));
  }
  return parts;
}

const repeatInterleave = defineCoreOp({
  name: "repeat_interleave",
  doc: "Each element along an axis `times` times in a row: a b becomes a a b b.",
  operands: ["x"],
  attrs: { axis: "int", times: "int" },
  traits: ["pure"],
  infer: ([type], { axis, times }) => {
    const x = requireTensor("repeat_interleave", type);
    requireAxis("repeat_interleave", axis, x);
    if (times < 1) refuse(`\`repeat_interleave\` repeats at least once, found ${times} times`);
    return { ...x, shape: x.shape.with(axis, requireExtent("repeat_interleave", axis, x) * times) };
  },
  evaluate: (operands, { axis, times }, result) => {
    const x = tensorAt(operands, 0);
    const out = newResult(result);
    const { outer, along, inner } = axisParts(x.shape, axis);
    for (let row = 0; row < outer * along; row++) {
      const element = x.data.subarray(row * inner, (row + 1) * inner);
      for (let i = 0; i < times; i++) out.data.set(element, (row * times + i) * inner);
    }
    return out;
  },
  work: () => ({ flops: 0 }),
  lower: (input) => {
    const { shape } = resultOf(input);
    const { axis, times } = input.attrs;
    const indices = indicesOf(shape);
    const from = indices.with(axis, binary("quotient", at(indices, axis), int(times)));
    return overElements(shape, [store("result", indices, load("x", ...from))]);
  },
  draw: (random, request) => {
    const known = knownTensor(request.operands[0]);
    const result = knownTensor(request.result);
    const shape = (known ?? result)?.shape ?? drawShape(random);
    const axis = attrOr(request, "axis", () => (shape.length === 0 ? 0 : random.below(shape.length)));
    const extent = shape[axis];
    if (extent === undefined) return undefined;
    const whole = result?.shape[axis];
    const times = attrOr(request, "times", () => {
      if (whole === undefined) return pick(random, [1, 2, 3]);
      return known ? whole / extent : divisorOf(random, whole);
    });
    const own = result ? shape.with(axis, (whole ?? 1) / times) : shape;
    return {
      operands: [known ?? tensorType(result?.dtype ?? drawFloat(random), own)],
      attrs: { axis, times },
    };
  },
  samples: [
    { operands: [tensor("f32", "C", 2, 3)], attrs: { axis: 1, times: 3 }, dims: { C: 4 } },
    { operands: [tensor("f16", 3)], attrs: { axis: 0, times: 2 } },
  ],
});

const gather = defineCoreOp({
  name: "gather",
  doc: "Rows of a table, by number.",
  operands: ["table", "indices"],
  attrs: {},
  traits: ["pure"],
  infer: ([first, second]) => {
    const [table, indices] = [requireTensor("gather", first), requireTensor("gather", second)];
    requireDType("gather", indices, "i32");
    if (table.shape.length === 0 || indices.shape.length !== 1) {
      refuse(
        `\`gather\` takes a table of rows and a list of numbers, found ${printShape(table.shape)} and ${printShape(indices.shape)}`,
      );
    }
    return { ...table, shape: [...indices.shape, ...table.shape.slice(1)] };
  },
  evaluate: (operands, _, result) => {
    const table = tensorAt(operands, 0);
    const out = newResult(result);
    const row = product(table.shape.slice(1));
    intsOf(tensorAt(operands, 1)).forEach((number, i) => {
      if (number < 0 || number >= table.shape[0]!) {
        throw new RangeError(`row ${number} of a table of ${table.shape[0]!} rows was asked for`);
      }
      out.data.set(table.data.subarray(number * row, (number + 1) * row), i * row);
    });
    return out;
  },
  work: ([, indices], _, result) => ({
    flops: 0,
    bytesRead: typeBytes(result) + typeBytes(tensorOf(indices)),
  }),
  lower: (input) => {
    const { shape } = resultOf(input);
    const [row, ...rest] = indicesOf(shape);
    const from = load("indices", row ?? int(0));
    return overElements(shape, [store("result", indicesOf(shape), load("table", from, ...rest))]);
  },
  draw: (random, { operands: [table, indices], result }) => {
    const known = knownTensor(result);
    const [count, ...row] = known?.shape ?? [
      drawExtent(random),
      ...drawShape(random, pick(random, [0, 1, 1])),
    ];
    const drawn = tensorType(known?.dtype ?? drawFloat(random), [drawExtent(random), ...row]);
    return { operands: [table ?? drawn, indices ?? tensorType("i32", [count ?? 1])], attrs: {} };
  },
  samples: [
    { operands: [tensor("f32", 7, 3), tensor("i32", "T")], attrs: {}, dims: { T: 4 }, indexBounds: { 1: 7 } },
    {
      operands: [tensor("f32", "T", 5), tensor("i32", "R")],
      attrs: {},
      dims: { T: 3, R: 2 },
      indexBounds: { 1: 3 },
    },
  ],
});

export const pieceOps = [slice, concat, repeatInterleave, gather] as const;
