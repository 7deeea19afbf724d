/**
 * Elementwise arithmetic on floats. Operands have one dtype and are broadcast as numpy does it: aligned at
 * the last dimension, 1 stretches. Each element is computed in double and rounded once.
 */

import type { Scalar } from "../loop-form.js";
import { binary, number, store, unary } from "../loop-form.js";
import type { DrawRequest, LoweringInput, OpRecord } from "../op.js";
import type { FloatDType } from "../types.js";
import { elementCount, isFloat, tensor } from "../types.js";
import { defineCoreOp, drawFloat, drawShape, tensorType } from "./drawing.js";
import { drawElementwiseShapes } from "./elementwise-drawing.js";
import { erf } from "./erf.js";
import {
  add as plus,
  broadcastIndices,
  div as over,
  indicesOf,
  loadFloat,
  mul as times,
  overElements,
  resultOf,
  sub as minus,
  tensorOf,
} from "./loop-parts.js";
import { mapBinary, mapUnary, tensorAt } from "./tensor-access.js";
import { broadcastShapes, requireFloat, requireSameDType } from "./type-checks.js";

/** Floating-point operations that a transcendental function counts as. */
const TRANSCENDENTAL = 8;

interface UnarySpec<Name extends string> {
  readonly name: Name;
  readonly doc: string;
  readonly flops: number;
  readonly apply: (x: number) => number;
  readonly scalar: (x: Scalar) => Scalar;
}

function unaryOp<const Name extends string>(spec: UnarySpec<Name>): OpRecord & { readonly name: Name } {
  return defineCoreOp({
    name: spec.name,
    doc: spec.doc,
    operands: ["x"],
    attrs: {},
    traits: ["pure", "elementwise"],
    infer: ([x]) => requireFloat(spec.name, x),
    evaluate: (operands, _, result) => mapUnary(tensorAt(operands, 0), result, spec.apply),
    work: (_operands, _attrs, result) => ({ flops: spec.flops * elementCount(tensorOf(result).shape) }),
    lower: (input) => {
      const { shape } = resultOf(input);
      const indices = indicesOf(shape);
      return overElements(shape, [store("result", indices, spec.scalar(loadFloat("x", ...indices)))]);
    },
    draw: (random, { operands: [x], result, attrs }) => ({
      operands: [x ?? result ?? tensorType(drawFloat(random), drawShape(random))],
      attrs: attrs as Record<string, never>,
    }),
    samples: [
      { operands: [tensor("f32", "T", 5)], attrs: {}, dims: { T: 3 } },
      { operands: [tensor("f16", 7)], attrs: {} },
      { operands: [tensor("bf16")], attrs: {} },
    ],
  });
}

interface BinarySpec<Name extends string> {
  readonly name: Name;
  readonly doc: string;
  readonly flops: number;
  readonly apply: (a: number, b: number) => number;
  readonly scalar: (a: Scalar, b: Scalar) => Scalar;
}

function binaryOp<const Name extends string>(spec: BinarySpec<Name>): OpRecord & { readonly name: Name } {
  return defineCoreOp({
    name: spec.name,
    doc: spec.doc,
    operands: ["a", "b"],
    attrs: {},
    traits: ["pure", "elementwise"],
    infer: ([left, right]) => {
      const [a, b] = [requireFloat(spec.name, left), requireFloat(spec.name, right)];
      requireSameDType(spec.name, a, b);
      return { ...a, shape: broadcastShapes(spec.name, a.shape, b.shape) };
    },
    evaluate: (operands, _, result) =>
      mapBinary([tensorAt(operands, 0), tensorAt(operands, 1)], result, spec.apply),
    work: (_operands, _attrs, result) => ({ flops: spec.flops * elementCount(tensorOf(result).shape) }),
    lower: (input) => {
      const { shape } = resultOf(input);
      const [a, b] = loadBroadcast(input);
      return overElements(shape, [store("result", indicesOf(shape), spec.scalar(a, b))]);
    },
    draw: (random, request) => {
      const shapes = drawElementwiseShapes(random, request, 2);
      const dtype = commonFloat(request) ?? drawFloat(random);
      return (
        shapes && {
          operands: shapes.map((shape, i) => request.operands[i] ?? tensorType(dtype, shape)),
          attrs: {},
        }
      );
    },
    samples: [
      { operands: [tensor("f32", "T", 5), tensor("f32", "T", 5)], attrs: {}, dims: { T: 3 } },
      { operands: [tensor("f32", 2, "T", 4), tensor("f32", "T", 1)], attrs: {}, dims: { T: 3 } },
      { operands: [tensor("f16", 3, 1), tensor("f16", 4)], attrs: {} },
      { operands: [tensor("f32", 2, 3), tensor("f32")], attrs: {} },
    ],
  });
}

function loadBroadcast(input: LoweringInput<unknown>): [Scalar, Scalar] {
  const { shape } = resultOf(input);
  const [a, b] = input.operands.map((type) =>
    broadcastIndices(tensorOf(type).shape, shape, indicesOf(shape)),
  );
  return [loadFloat("a", ...(a ?? [])), loadFloat("b", ...(b ?? []))];
}

function commonFloat({ operands, result }: DrawRequest): FloatDType | undefined {
  const known = [...operands, result].find((type) => type?.kind === "tensor");
  return known?.kind === "tensor" && isFloat(known.dtype) ? known.dtype : undefined;
}

const one = number(1);

function logistic(x: Scalar): Scalar {
  return over(one, plus(one, unary("exp", unary("neg", x))));
}

/** sqrt(2/pi) (x + 0.044715 x^3) */
function geluInner(x: number): number {
  return Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x);
}

function geluInnerScalar(x: Scalar): Scalar {
  const cube = times(times(x, x), x);
  return times(number(Math.sqrt(2 / Math.PI)), plus(x, times(number(0.044715), cube)));
}

export const arithmeticOps = [
  binaryOp({ name: "add", doc: "a + b", flops: 1, apply: (a, b) => a + b, scalar: plus }),
  binaryOp({ name: "sub", doc: "a - b", flops: 1, apply: (a, b) => a - b, scalar: minus }),
  binaryOp({ name: "mul", doc: "a * b", flops: 1, apply: (a, b) => a * b, scalar: times }),
  binaryOp({ name: "div", doc: "a / b", flops: 1, apply: (a, b) => a / b, scalar: over }),
  binaryOp({
    name: "maximum",
    doc: "The larger of a and b.",
    flops: 1,
    apply: (a, b) => Math.max(a, b),
    scalar: (a, b) => binary("max", a, b),
  }),
  binaryOp({
    name: "minimum",
    doc: "The smaller of a and b.",
    flops: 1,
    apply: (a, b) => Math.min(a, b),
    scalar: (a, b) => binary("min", a, b),
  }),
  binaryOp({
    name: "pow",
    doc: "a to the power of b.",
    flops: 2 * TRANSCENDENTAL,
    apply: (a, b) => a ** b,
    scalar: (a, b) => binary("pow", a, b),
  }),
  unaryOp({ name: "neg", doc: "-x", flops: 1, apply: (x) => -x, scalar: (x) => unary("neg", x) }),
  unaryOp({ name: "abs", doc: "|x|", flops: 1, apply: Math.abs, scalar: (x) => unary("abs", x) }),
  unaryOp({
    name: "exp",
    doc: "e to the power of x.",
    flops: TRANSCENDENTAL,
    apply: Math.exp,
    scalar: (x) => unary("exp", x),
  }),
  unaryOp({
    name: "log",
    doc: "The natural logarithm of x.",
    flops: TRANSCENDENTAL,
    apply: Math.log,
    scalar: (x) => unary("log", x),
  }),
  unaryOp({
    name: "sqrt",
    doc: "The square root of x.",
    flops: 1,
    apply: Math.sqrt,
    scalar: (x) => unary("sqrt", x),
  }),
  unaryOp({
    name: "rsqrt",
    doc: "1 / sqrt(x)",
    flops: 2,
    apply: (x) => 1 / Math.sqrt(x),
    scalar: (x) => over(one, unary("sqrt", x)),
  }),
  unaryOp({
    name: "sin",
    doc: "The sine of x radians.",
    flops: TRANSCENDENTAL,
    apply: Math.sin,
    scalar: (x) => unary("sin", x),
  }),
  unaryOp({
    name: "cos",
    doc: "The cosine of x radians.",
    flops: TRANSCENDENTAL,
    apply: Math.cos,
    scalar: (x) => unary("cos", x),
  }),
  unaryOp({
    name: "tanh",
    doc: "The hyperbolic tangent of x.",
    flops: TRANSCENDENTAL,
    apply: Math.tanh,
    scalar: (x) => unary("tanh", x),
  }),
  unaryOp({
    name: "sigmoid",
    doc: "1 / (1 + exp(-x))",
    flops: TRANSCENDENTAL + 2,
    apply: (x) => 1 / (1 + Math.exp(-x)),
    scalar: logistic,
  }),
  unaryOp({
    name: "silu",
    doc: "x * sigmoid(x)",
    flops: TRANSCENDENTAL + 3,
    apply: silu,
    scalar: siluScalar,
  }),
  unaryOp({
    name: "erf",
    doc: "The error function of x.",
    flops: TRANSCENDENTAL,
    apply: erf,
    scalar: (x) => unary("erf", x),
  }),
  unaryOp({
    name: "gelu",
    doc: "x times the standard normal distribution function of x: x/2 (1 + erf(x / sqrt 2)).",
    flops: TRANSCENDENTAL + 4,
    apply: gelu,
    scalar: geluScalar,
  }),
  unaryOp({
    name: "gelu_tanh",
    doc: "The usual approximation of `gelu`: x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))).",
    flops: TRANSCENDENTAL + 8,
    apply: geluTanh,
    scalar: geluTanhScalar,
  }),
  unaryOp({
    name: "gelu_quick",
    doc: "x * sigmoid(1.702 x), a coarser approximation of `gelu` that some models were trained with.",
    flops: TRANSCENDENTAL + 4,
    apply: (x) => x / (1 + Math.exp(-1.702 * x)),
    scalar: (x) => times(x, logistic(times(number(1.702), x))),
  }),
] as const;

export function silu(x: number): number {
  return x / (1 + Math.exp(-x));
}

export function gelu(x: number): number {
  return (x / 2) * (1 + erf(x * Math.SQRT1_2));
}

export function geluScalar(x: Scalar): Scalar {
  return times(times(number(0.5), x), plus(one, unary("erf", times(x, number(Math.SQRT1_2)))));
}

export function geluTanh(x: number): number {
  return (x / 2) * (1 + Math.tanh(geluInner(x)));
}

export function geluTanhScalar(x: Scalar): Scalar {
  return times(times(number(0.5), x), plus(one, unary("tanh", geluInnerScalar(x))));
}

export function siluScalar(x: Scalar): Scalar {
  return over(x, plus(one, unary("exp", unary("neg", x))));
}
