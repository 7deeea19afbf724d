/** Comparison, logic on i1, choice and change of dtype: elementwise, broadcast like arithmetic. */

import { at } from "../../base/index.js";
import type { BinaryOperator } from "../loop-form.js";
import { binary, cast as convert, load, select as choose, store, unary } from "../loop-form.js";
import type { OpRecord } from "../op.js";
import type { TensorType, ValueType } from "../types.js";
import { dtypes, elementCount, tensor } from "../types.js";
import { attrOr, defineCoreOp, drawFloat, drawShape, pick, tensorType } from "./drawing.js";
import { drawElementwiseShapes } from "./elementwise-drawing.js";
import { broadcastIndices, indicesOf, overElements, resultOf, tensorOf } from "./loop-parts.js";
import { castNumber } from "./number-casts.js";
import { broadcastOffsets, mapBinary, mapUnary, newResult, tensorAt } from "./tensor-access.js";
import { broadcastShapes, refuse, requireDType, requireSameDType, requireTensor } from "./type-checks.js";

/** One operation an element. */
function onePerElement(
  _operands: readonly ValueType[],
  _attrs: unknown,
  result: ValueType,
): { readonly flops: number } {
  return { flops: elementCount(tensorOf(result).shape) };
}

const predicates: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  eq: (a, b) => a === b,
  ne: (a, b) => a !== b,
  lt: (a, b) => a < b,
  le: (a, b) => a <= b,
  gt: (a, b) => a > b,
  ge: (a, b) => a >= b,
};

const compare = defineCoreOp({
  name: "compare",
  doc: "Whether the predicate (eq, ne, lt, le, gt, ge) holds for a and b.",
  operands: ["a", "b"],
  attrs: { predicate: "string" },
  traits: ["pure", "elementwise"],
  infer: ([left, right], { predicate }) => {
    const [a, b] = [requireTensor("compare", left), requireTensor("compare", right)];
    if (!Object.hasOwn(predicates, predicate)) {
      refuse(`\`compare\` knows the predicates ${Object.keys(predicates).join(", ")}, found "${predicate}"`);
    }
    requireSameDType("compare", a, b);
    return { kind: "tensor", dtype: "i1", shape: broadcastShapes("compare", a.shape, b.shape) };
  },
  evaluate: (operands, { predicate }, result) => {
    const holds = predicates[predicate];
    return mapBinary([tensorAt(operands, 0), tensorAt(operands, 1)], result, (a, b) =>
      holds?.(a, b) ? 1 : 0,
    );
  },
  work: onePerElement,
  lower: ({ operands, attrs, result }) => {
    const { shape } = tensorOf(result);
    const [a = [], b = []] = operands.map((type) =>
      broadcastIndices(tensorOf(type).shape, shape, indicesOf(shape)),
    );
    const value = binary(attrs.predicate as BinaryOperator, load("a", ...a), load("b", ...b));
    return overElements(shape, [store("result", indicesOf(shape), value)]);
  },
  draw: (random, request) => {
    const shapes = drawElementwiseShapes(random, request, 2);
    const known = request.operands.find((type) => type?.kind === "tensor");
    const dtype = known?.kind === "tensor" ? known.dtype : pick(random, ["f32", "i32", "i32"] as const);
    return (
      shapes && {
        operands: shapes.map((shape, i) => request.operands[i] ?? tensorType(dtype, shape)),
        attrs: { predicate: attrOr(request, "predicate", () => pick(random, Object.keys(predicates))) },
      }
    );
  },
  samples: Object.keys(predicates).flatMap((predicate) => [
    { operands: [tensor("i32", "T", 1), tensor("i32", 1, "C")], attrs: { predicate }, dims: { T: 3, C: 4 } },
    { operands: [tensor("f32", 6), tensor("f32", 6)], attrs: { predicate } },
  ]),
});

/** `and` and `or`. */
function connective<const Name extends "and" | "or">(
  name: Name,
  doc: string,
  apply: (a: number, b: number) => number,
): OpRecord & { readonly name: Name } {
  return defineCoreOp({
    name,
    doc,
    operands: ["a", "b"],
    attrs: {},
    traits: ["pure", "elementwise"],
    infer: ([left, right]) => {
      const [a, b] = [requireTensor(name, left), requireTensor(name, right)];
      requireDType(name, a, "i1");
      requireDType(name, b, "i1");
      return { ...a, shape: broadcastShapes(name, a.shape, b.shape) };
    },
    evaluate: (operands, _, result) =>
      mapBinary([tensorAt(operands, 0), tensorAt(operands, 1)], result, apply),
    work: onePerElement,
    lower: ({ operands, result }) => {
      const { shape } = tensorOf(result);
      const [a = [], b = []] = operands.map((type) =>
        broadcastIndices(tensorOf(type).shape, shape, indicesOf(shape)),
      );
      const value = binary(name, load("a", ...a), load("b", ...b));
      return overElements(shape, [store("result", indicesOf(shape), value)]);
    },
    draw: (random, request) => {
      const shapes = drawElementwiseShapes(random, request, 2);
      return (
        shapes && {
          operands: shapes.map((shape, i) => request.operands[i] ?? tensorType("i1", shape)),
          attrs: {},
        }
      );
    },
    samples: [{ operands: [tensor("i1", "T", 4), tensor("i1", 1, 4)], attrs: {}, dims: { T: 3 } }],
  });
}

const not = defineCoreOp({
  name: "not",
  doc: "The opposite of a truth value.",
  operands: ["x"],
  attrs: {},
  traits: ["pure", "elementwise"],
  infer: ([type]) => {
    const x = requireTensor("not", type);
    requireDType("not", x, "i1");
    return x;
  },
  evaluate: (operands, _, result) => mapUnary(tensorAt(operands, 0), result, (x) => 1 - x),
  work: onePerElement,
  lower: (input) => {
    const { shape } = resultOf(input);
    return overElements(shape, [
      store("result", indicesOf(shape), unary("not", load("x", ...indicesOf(shape)))),
    ]);
  },
  draw: (random, { operands: [x], result }) => ({
    operands: [x ?? result ?? tensorType("i1", drawShape(random))],
    attrs: {},
  }),
  samples: [{ operands: [tensor("i1", "T", 3)], attrs: {}, dims: { T: 2 } }],
});

const select = defineCoreOp({
  name: "select",
  doc: "a where the condition holds, b elsewhere.",
  operands: ["condition", "a", "b"],
  attrs: {},
  traits: ["pure", "elementwise"],
  infer: ([test, left, right]) => {
    const [condition, a, b] = [test, left, right].map((type) => requireTensor("select", type)) as [
      TensorType,
      TensorType,
      TensorType,
    ];
    requireDType("select", condition, "i1");
    requireSameDType("select", a, b);
    const shape = broadcastShapes("select", broadcastShapes("select", a.shape, b.shape), condition.shape);
    return { ...a, shape };
  },
  evaluate: (operands, _, result) => {
    const out = newResult(result);
    const [condition, a, b] = [tensorAt(operands, 0), tensorAt(operands, 1), tensorAt(operands, 2)];
    const [where, fromA, fromB] = [condition, a, b].map((each) => broadcastOffsets(each.shape, out.shape));
    for (let i = 0; i < out.data.length; i++) {
      const holds = condition.data[where?.[i] ?? i]! !== 0;
      out.data[i] = holds ? a.data[fromA?.[i] ?? i]! : b.data[fromB?.[i] ?? i]!;
    }
    return out;
  },
  work: onePerElement,
  lower: ({ operands, result }) => {
    const { shape } = tensorOf(result);
    const places = operands.map((type) => broadcastIndices(tensorOf(type).shape, shape, indicesOf(shape)));
    const value = choose(
      load("condition", ...at(places, 0)),
      load("a", ...at(places, 1)),
      load("b", ...at(places, 2)),
    );
    return overElements(shape, [store("result", indicesOf(shape), value)]);
  },
  draw: (random, request) => {
    const shapes = drawElementwiseShapes(random, request, 3);
    const known = [request.operands[1], request.operands[2], request.result].find(
      (type) => type?.kind === "tensor",
    );
    const dtype = known?.kind === "tensor" ? known.dtype : drawFloat(random);
    return (
      shapes && {
        operands: shapes.map((shape, i) => request.operands[i] ?? tensorType(i === 0 ? "i1" : dtype, shape)),
        attrs: {},
      }
    );
  },
  samples: [
    { operands: [tensor("i1", "T", 4), tensor("f32", 2, "T", 4), tensor("f32")], attrs: {}, dims: { T: 3 } },
    { operands: [tensor("i1", 5), tensor("i32", 5), tensor("i32", 5)], attrs: {} },
  ],
});

const cast = defineCoreOp({
  name: "cast",
  doc: 'The same numbers in another dtype. Floats round to nearest; integers truncate and saturate; i1 is "not zero".',
  operands: ["x"],
  attrs: { dtype: "dtype" },
  traits: ["pure", "elementwise"],
  infer: ([x], { dtype }) => ({ ...requireTensor("cast", x), dtype }),
  evaluate: (operands, { dtype }, result) => {
    const x = tensorAt(operands, 0);
    // Every f16 and bf16 is an f32: widening is the identity on how floats are held here.
    if (dtype === "f32" && x.data instanceof Float32Array) return { ...x, dtype };
    return mapUnary(x, result, (each) => castNumber(dtype, each));
  },
  work: onePerElement,
  lower: (input) => {
    const { shape } = resultOf(input);
    const value = convert(input.attrs.dtype, load("x", ...indicesOf(shape)));
    return overElements(shape, [store("result", indicesOf(shape), value)]);
  },
  draw: (random, { operands: [x], result, attrs }) => {
    const shape = result?.kind === "tensor" ? result.shape : drawShape(random);
    const operand = x ?? tensorType(pick(random, ["f32", "f16", "bf16", "i32"]), shape);
    const dtype =
      result?.kind === "tensor" ? result.dtype : pick(random, ["f32", "f32", "f16", "bf16"] as const);
    return { operands: [operand], attrs: { dtype, ...attrs } };
  },
  samples: [
    ...dtypes.map((dtype) => ({ operands: [tensor("f32", "T", 3)], attrs: { dtype }, dims: { T: 4 } })),
    { operands: [tensor("f16", 6)], attrs: { dtype: "f32" } },
    { operands: [tensor("i32", 6)], attrs: { dtype: "bf16" } },
    { operands: [tensor("i1", 6)], attrs: { dtype: "f32" } },
  ],
});

export const logicOps = [
  compare,
  connective("and", "Whether both a and b hold.", (a, b) => a & b),
  connective("or", "Whether a or b holds.", (a, b) => a | b),
  not,
  select,
  cast,
] as const;
