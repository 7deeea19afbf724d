/**
 * Scalar expressions of the loop form as WGSL, which converts nothing by itself: every expression has one of
 * three types, and conversions are written out. Floats of every format are computed in single precision;
 * indices are 32-bit integers, since no buffer that a shader sees has more elements.
 *
 * Buffers are read and written through functions `read_<buffer>(index)` and `write_<buffer>(index, value)`
 * that the target puts before the kernel: where a value lies and how it is stored is not the kernel's
 * business. Functions that WGSL lacks, or does not compute well enough, are called by name and collected in
 * the scope.
 */

import { assertNever, at, invariant } from "../base/index.js";
import type { BinaryOperator, Dim, DType, LoopBuffer, Scalar, Statement, UnaryOperator } from "../ir/index.js";
import { isFloat } from "../ir/index.js";
import { wgslFloat, wgslIdentifier } from "./wgsl-names.js";

export type WgslShared = Extract<Statement, { kind: "shared" }>;
export type WgslType = "f32" | "i32" | "bool";

/** What is known while a kernel is printed. Collects what its text names. */
export interface WgslScope {
  readonly buffers: readonly LoopBuffer[];
  /** On-chip memory by name. */
  readonly shared: ReadonlyMap<string, WgslShared>;
  /** Whether invocations may load what others have stored. */
  readonly readsOwnStores: boolean;
  /** Buffers of which a kernel sees only the layer that it runs for: their first index is left out. */
  readonly ofOneLayer: ReadonlySet<string>;
  /** Locals by name, with their dtype. */
  readonly locals: Map<string, DType>;
  readonly dims: Set<string>;
  readonly read: Set<string>;
  readonly written: Set<string>;
  /** Functions of the library of numbers that the text calls. */
  readonly functions: Set<string>;
}

/** An expression, with how tightly its outermost operator binds: operands that bind less get parentheses. */
export interface WgslText {
  readonly text: string;
  readonly binding: number;
  readonly type: WgslType;
}

const ATOM = 20;
const PREFIX = 15;

export function wgslDim(dim: Dim, scope: Pick<WgslScope, "dims">): string {
  if (typeof dim === "number") return String(dim);
  scope.dims.add(wgslIdentifier(dim));
  return wgslIdentifier(dim);
}

/** The element's number in row-major order. */
export function wgslOffset(
  buffer: Pick<LoopBuffer, "name" | "shape">,
  indices: readonly Scalar[],
  scope: WgslScope,
): string {
  const skipped = scope.ofOneLayer.has(buffer.name) ? 1 : 0;
  const offset = indices.slice(skipped).reduce<WgslText>(
    (outer, each, axis) => {
      const scaled = times(outer, wgslDim(at(buffer.shape, axis + skipped), scope));
      return plus(scaled, converted("i32", wgslScalar(each, scope)));
    },
    atom("0", "i32"),
  );
  return offset.text;
}

/** An element of on-chip memory. */
export function wgslSharedElement(shared: WgslShared, indices: readonly Scalar[], scope: WgslScope): string {
  return `${wgslIdentifier(shared.name)}[${wgslOffset(shared, indices, scope)}]`;
}

/**
 * A value as an element or a local of the dtype: a float that is rounded to the format, an integer in range.
 */
export function wgslRounded(dtype: DType, value: Scalar, scope: WgslScope): string {
  return convert(dtype, wgslScalar(value, scope), scope).text;
}

/** A value as `write_<buffer>` takes it: 16-bit floats are rounded there, when they become bits. */
export function wgslStored(dtype: DType, value: Scalar, scope: WgslScope): string {
  if (dtype !== "f16" && dtype !== "bf16") return wgslRounded(dtype, value, scope);
  const exact = value.kind === "cast" && value.dtype === dtype ? value.operand : value;
  return converted("f32", wgslScalar(exact, scope)).text;
}

/** The type that an element or a local of a dtype has in expressions. */
export function wgslLocalType(dtype: DType): WgslType {
  if (dtype === "i1") return "bool";
  return isFloat(dtype) ? "f32" : "i32";
}

export function wgslScalar(scalar: Scalar, scope: WgslScope): WgslText {
  switch (scalar.kind) {
    case "number":
      return numberText(scalar, scope);
    case "index":
      return atom(wgslIdentifier(scalar.name), "i32");
    case "extent":
      return atom(wgslDim(scalar.dim, scope), "i32");
    case "local":
      return localText(scalar.name, scope);
    case "load":
      return loadText(scalar, scope);
    case "unary":
      return unaryText(scalar.operator, wgslScalar(scalar.operand, scope), scope);
    case "binary":
      return binaryText(
        scalar.operator,
        [wgslScalar(scalar.left, scope), wgslScalar(scalar.right, scope)],
        scope,
      );
    case "select":
      return selectText(scalar, scope);
    case "cast":
      return convert(scalar.dtype, wgslScalar(scalar.operand, scope), scope);
    default:
      return assertNever(scalar);
  }
}

export function wgslCondition(scalar: Scalar, scope: WgslScope): string {
  return converted("bool", wgslScalar(scalar, scope)).text;
}

/* ---- Parts ---- */

function atom(text: string, type: WgslType): WgslText {
  return { text, binding: ATOM, type };
}

function call(name: string, type: WgslType, scope: WgslScope, ...operands: readonly WgslText[]): WgslText {
  scope.functions.add(name);
  return atom(`${name}(${operands.map(({ text }) => text).join(", ")})`, type);
}

function wrapped({ text, binding }: WgslText, least: number): string {
  return binding < least ? `(${text})` : text;
}

/** Products and sums of indices with constants folded away. */
function times(left: WgslText, extent: string): WgslText {
  if (left.text === "0" || extent === "1") return left;
  return { text: `${wrapped(left, 12)} * ${extent}`, binding: 12, type: "i32" };
}

function plus(left: WgslText, right: WgslText): WgslText {
  if (left.text === "0") return right;
  if (right.text === "0") return left;
  return { text: `${wrapped(left, 11)} + ${wrapped(right, 12)}`, binding: 11, type: "i32" };
}

/** The same number as a value of another type. */
function converted(type: WgslType, from: WgslText): WgslText {
  if (from.type === type) return from;
  if (type !== "bool") return atom(`${type}(${from.text})`, type);
  return { text: `${wrapped(from, 10)} != ${from.type === "f32" ? "0.0" : "0"}`, binding: 9, type };
}

function convert(dtype: DType, from: WgslText, scope: WgslScope): WgslText {
  switch (dtype) {
    case "f32":
      return converted("f32", from);
    case "f16":
      return call("round_to_half", "f32", scope, converted("f32", from));
    case "bf16":
      return call("round_to_brain", "f32", scope, converted("f32", from));
    case "i1":
      return converted("bool", from);
    case "i32":
      return from.type === "f32" ? call("to_i32", "i32", scope, from) : converted("i32", from);
    case "i8":
      return clamped(from, [-128, 127], scope);
    case "u8":
      return clamped(from, [0, 255], scope);
    default:
      return assertNever(dtype);
  }
}

function clamped(from: WgslText, [least, most]: readonly [number, number], scope: WgslScope): WgslText {
  const whole = convert("i32", from, scope);
  return atom(`clamp(${whole.text}, ${least}, ${most})`, "i32");
}

function numberText({ value, dtype }: Extract<Scalar, { kind: "number" }>, scope: WgslScope): WgslText {
  const type = isFloat(dtype) ? "f32" : "i32";
  const text = type === "f32" ? wgslFloat(value) : integerText(value);
  const called = /([a-z_]+)\(\)$/.exec(text)?.[1];
  if (called !== undefined) scope.functions.add(called);
  return { text, binding: text.startsWith("-") ? PREFIX : ATOM, type };
}

/** The least integer has no literal: its magnitude is one too large. */
function integerText(value: number): string {
  return value === -(2 ** 31) ? "(-2147483647 - 1)" : String(value);
}

function localText(name: string, { locals }: WgslScope): WgslText {
  const dtype = locals.get(name);
  invariant(dtype !== undefined, `the local ${name} is declared`);
  return atom(wgslIdentifier(name), wgslLocalType(dtype));
}

function loadText({ buffer: name, indices }: Extract<Scalar, { kind: "load" }>, scope: WgslScope): WgslText {
  const shared = scope.shared.get(name);
  if (shared !== undefined) {
    return atom(wgslSharedElement(shared, indices, scope), wgslLocalType(shared.dtype));
  }
  const buffer = scope.buffers.find((each) => each.name === name);
  invariant(buffer !== undefined, `the kernel has a buffer ${name}`);
  scope.read.add(name);
  return atom(`read_${wgslIdentifier(name)}(${wgslOffset(buffer, indices, scope)})`, wgslLocalType(buffer.dtype));
}

/** `select` computes both sides; a load that lies outside is clamped by WebGPU and its value not used. */
function selectText(scalar: Extract<Scalar, { kind: "select" }>, scope: WgslScope): WgslText {
  const { condition, then, otherwise } = scalar;
  const [yes, no] = [wgslScalar(then, scope), wgslScalar(otherwise, scope)];
  const type = widest(yes, no);
  const [a, b] = [converted(type, yes), converted(type, no)];
  return atom(`select(${b.text}, ${a.text}, ${wgslCondition(condition, scope)})`, type);
}

/** Floats win over integers, integers over truth values, as in C. */
function widest(left: WgslText, right: WgslText): WgslType {
  if (left.type === "f32" || right.type === "f32") return "f32";
  return left.type === "bool" && right.type === "bool" ? "bool" : "i32";
}

/** Functions of one float: WGSL's own where they round correctly, else those of the library of numbers. */
type CalledOperator = Exclude<UnaryOperator, "neg" | "not" | "abs" | "floor" | "sqrt">;

const functions: Readonly<Record<CalledOperator, string>> = {
  exp: "exponential",
  exp2: "exponential2",
  log: "logarithm",
  sin: "sine",
  cos: "cosine",
  tanh: "hyperbolic_tangent",
  erf: "error_function",
  round: "round_away",
};

function unaryText(operator: UnaryOperator, operand: WgslText, scope: WgslScope): WgslText {
  switch (operator) {
    case "not":
      return { text: `!${wrapped(converted("bool", operand), PREFIX)}`, binding: PREFIX, type: "bool" };
    case "neg":
      return negated(operand.type === "bool" ? converted("i32", operand) : operand);
    case "abs":
      return absolute(operand);
    case "floor":
    case "sqrt":
      return atom(`${operator}(${converted("f32", operand).text})`, "f32");
    default:
      return call(functions[operator], "f32", scope, converted("f32", operand));
  }
}

function absolute(operand: WgslText): WgslText {
  const type = operand.type === "f32" ? "f32" : "i32";
  return atom(`abs(${converted(type, operand).text})`, type);
}

function negated(operand: WgslText): WgslText {
  // Two signs in a row would be a decrement, which WGSL reserves.
  const inner = operand.text.startsWith("-") ? `(${operand.text})` : wrapped(operand, PREFIX);
  return { text: `-${inner}`, binding: PREFIX, type: operand.type };
}

const arithmetic: Readonly<Partial<Record<BinaryOperator, readonly [symbol: string, binding: number]>>> = {
  mul: ["*", 12],
  div: ["/", 12],
  quotient: ["/", 12],
  remainder: ["%", 12],
  add: ["+", 11],
  sub: ["-", 11],
};

const comparisons: Readonly<Partial<Record<BinaryOperator, string>>> = {
  lt: "<",
  le: "<=",
  gt: ">",
  ge: ">=",
  eq: "==",
  ne: "!=",
};

function binaryText(
  operator: BinaryOperator,
  [left, right]: readonly [WgslText, WgslText],
  scope: WgslScope,
): WgslText {
  if (operator === "and" || operator === "or") return connective(operator, left, right);
  const type = widest(left, right);
  const compared = comparisons[operator];
  if (compared !== undefined) {
    const [a, b] = [converted(type, left), converted(type, right)];
    return { text: `${wrapped(a, 10)} ${compared} ${wrapped(b, 10)}`, binding: 9, type: "bool" };
  }
  const number = type === "bool" ? "i32" : type;
  const [a, b] = [converted(number, left), converted(number, right)];
  const written = arithmetic[operator];
  if (written !== undefined) {
    const [symbol, binding] = written;
    return { text: `${wrapped(a, binding)} ${symbol} ${wrapped(b, binding + 1)}`, binding, type: number };
  }
  if (operator === "pow") return call("power", "f32", scope, converted("f32", a), converted("f32", b));
  if (number === "f32") return call(operator === "max" ? "larger" : "smaller", "f32", scope, a, b);
  return atom(`${operator}(${a.text}, ${b.text})`, "i32");
}

/** WGSL refuses to mix the two without parentheses. */
function connective(operator: "and" | "or", left: WgslText, right: WgslText): WgslText {
  const binding = operator === "and" ? 4 : 3;
  const part = (each: WgslText): string => {
    const truth = converted("bool", each);
    return wrapped(truth, truth.binding === binding ? binding : 5);
  };
  return { text: `${part(left)} ${operator === "and" ? "&&" : "||"} ${part(right)}`, binding, type: "bool" };
}
