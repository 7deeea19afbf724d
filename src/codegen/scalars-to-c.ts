/**
 * Scalar expressions of the loop form as C. Floats of every format are computed in single precision;
 * 16-bit ones are widened when loaded and rounded when stored. Indices are 64-bit integers.
 */

import { assertNever, at, invariant } from "../base/index.js";
import type { BinaryOperator, Dim, DType, LoopBuffer, Scalar, UnaryOperator } from "../ir/index.js";
import { isFloat } from "../ir/index.js";
import { cFloat, cIdentifier } from "./c-names.js";

/** What is known while a kernel is printed. Collects which dimensions and buffers its text names. */
export interface CScope {
  readonly buffers: readonly LoopBuffer[];
  /** Locals by name, with their dtype. */
  readonly locals: Map<string, DType>;
  readonly dims: Set<string>;
  readonly read: Set<string>;
}

/** An expression, with how tightly its outermost operator binds: operands that bind less get parentheses. */
export interface CText {
  readonly text: string;
  readonly binding: number;
  readonly isFloat: boolean;
  /** An integer that C computes in 64 bits because a loop's variable or a dimension is part of it. */
  readonly isWide?: boolean;
}

const ATOM = 20;
const PREFIX = 15;
const SELECT = 1;

export function dimText(dim: Dim, scope: CScope): string {
  if (typeof dim === "number") return String(dim);
  scope.dims.add(cIdentifier(dim));
  return cIdentifier(dim);
}

/** The element's number in row-major order. */
export function offsetText(buffer: LoopBuffer, indices: readonly Scalar[], scope: CScope): string {
  scope.read.add(buffer.name);
  const offset = indices.reduce<CText>(
    (outer, each, axis) => {
      const isFirst = outer.text === "0";
      const scaled = isFirst ? outer : times(outer, dimText(at(buffer.shape, axis), scope));
      return plus(scaled, scalarText(each, scope));
    },
    integer("0"),
  );
  return offset.text;
}

function integer(text: string): CText {
  return { text, binding: ATOM, isFloat: false };
}

function wide(text: string): CText {
  return { ...integer(text), isWide: true };
}

/** Products and sums of indices with constants folded away. */
function times(left: CText, extent: string): CText {
  if (extent === "1") return left;
  // An index that was loaded has 32 bits: its offset may need more.
  const factor = left.isWide === true ? wrapped(left, 12) : `(int64_t)${wrapped(left, PREFIX)}`;
  return { text: `${factor} * ${extent}`, binding: 12, isFloat: false, isWide: true };
}

function plus(left: CText, right: CText): CText {
  if (left.text === "0") return right;
  if (right.text === "0") return left;
  return { text: `${wrapped(left, 11)} + ${wrapped(right, 12)}`, binding: 11, isFloat: false, isWide: true };
}

function wrapped({ text, binding }: CText, least: number): string {
  return binding < least ? `(${text})` : text;
}

/** A value as a buffer of the dtype stores it. */
export function storedText(dtype: DType, value: Scalar, scope: CScope): string {
  if (value.kind === "load" && bufferOf(value.buffer, scope).dtype === dtype) return elementText(value, scope);
  const { text } = scalarText(value, scope);
  if (dtype === "f16") return `to_half(${text})`;
  if (dtype === "bf16") return `to_brain(${text})`;
  return rounded(dtype, value, scope);
}

/** A value as a local of the dtype holds it: a float that has been rounded to the format, or an integer. */
export function rounded(dtype: DType, value: Scalar, scope: CScope): string {
  return convert(dtype, scalarText(value, scope)).text;
}

function convert(dtype: DType, from: CText): CText {
  switch (dtype) {
    case "f32":
      return from.isFloat ? from : { text: `(float)${wrapped(from, PREFIX)}`, binding: PREFIX, isFloat: true };
    case "f16":
      return call(`from_half(to_half(${from.text}))`, true);
    case "bf16":
      return call(`from_brain(to_brain(${from.text}))`, true);
    case "i1":
      return { text: `${wrapped(from, 10)} != 0`, binding: 9, isFloat: false };
    case "i32":
      return from.isFloat ? call(`to_i32(${from.text})`, false) : { ...from, text: `(int32_t)${wrapped(from, PREFIX)}`, binding: PREFIX };
    case "i8":
      return call(`to_i8(${from.isFloat ? "" : "(double)"}${wrapped(from, PREFIX)})`, false);
    case "u8":
      return call(`to_u8(${from.isFloat ? "" : "(double)"}${wrapped(from, PREFIX)})`, false);
    default:
      return assertNever(dtype);
  }
}

function call(text: string, float: boolean): CText {
  return { text, binding: ATOM, isFloat: float };
}

export function scalarText(scalar: Scalar, scope: CScope): CText {
  switch (scalar.kind) {
    case "number":
      return numberText(scalar);
    case "index":
      return wide(cIdentifier(scalar.name));
    case "extent":
      return typeof scalar.dim === "number" ? integer(String(scalar.dim)) : wide(dimText(scalar.dim, scope));
    case "local":
      return localText(scalar.name, scope);
    case "load":
      return loadText(scalar, scope);
    case "unary":
      return unaryText(scalar.operator, scalarText(scalar.operand, scope));
    case "binary":
      return binaryText(scalar.operator, scalarText(scalar.left, scope), scalarText(scalar.right, scope));
    case "select":
      return selectText(scalar, scope);
    case "cast":
      return convert(scalar.dtype, scalarText(scalar.operand, scope));
    default:
      return assertNever(scalar);
  }
}

function numberText({ value, dtype }: Extract<Scalar, { kind: "number" }>): CText {
  const isReal = isFloat(dtype);
  const text = isReal ? cFloat(value) : String(value);
  return { text, binding: text.startsWith("-") ? PREFIX : ATOM, isFloat: isReal };
}

function localText(name: string, { locals }: CScope): CText {
  const dtype = locals.get(name);
  invariant(dtype !== undefined, `the local ${name} is declared`);
  return { text: cIdentifier(name), binding: ATOM, isFloat: isFloat(dtype) };
}

type Load = Extract<Scalar, { kind: "load" }>;

function loadText(load: Load, scope: CScope): CText {
  const { dtype } = bufferOf(load.buffer, scope);
  const element = elementText(load, scope);
  if (dtype === "f16") return call(`from_half(${element})`, true);
  if (dtype === "bf16") return call(`from_brain(${element})`, true);
  return call(element, dtype === "f32");
}

/** The stored element itself. */
function elementText({ buffer, indices }: Load, scope: CScope): string {
  return `${cIdentifier(buffer)}[${offsetText(bufferOf(buffer, scope), indices, scope)}]`;
}

export function bufferOf(name: string, { buffers }: CScope): LoopBuffer {
  const buffer = buffers.find((each) => each.name === name);
  invariant(buffer !== undefined, `the kernel has a buffer ${name}`);
  return buffer;
}

function selectText({ condition, then, otherwise }: Extract<Scalar, { kind: "select" }>, scope: CScope): CText {
  const [yes, no] = [scalarText(then, scope), scalarText(otherwise, scope)];
  const text = `${wrapped(scalarText(condition, scope), SELECT + 1)} ? ${wrapped(yes, SELECT + 1)} : ${wrapped(no, SELECT + 1)}`;
  return { text, binding: SELECT, isFloat: yes.isFloat || no.isFloat };
}

/** Functions of single precision; the operators that C has stand in `unaryText`. */
const functions: Readonly<Record<Exclude<UnaryOperator, "neg" | "not">, string>> = {
  abs: "fabsf",
  exp: "expf",
  exp2: "exp2f",
  log: "logf",
  sqrt: "sqrtf",
  sin: "sinf",
  cos: "cosf",
  tanh: "tanhf",
  erf: "erff",
  round: "roundf",
  floor: "floorf",
};

function unaryText(operator: UnaryOperator, operand: CText): CText {
  if (operator === "not") return { text: `!${wrapped(operand, PREFIX)}`, binding: PREFIX, isFloat: false };
  if (operator === "neg") {
    // Two signs in a row would be C's decrement.
    const inner = operand.text.startsWith("-") ? `(${operand.text})` : wrapped(operand, PREFIX);
    return { text: `-${inner}`, binding: PREFIX, isFloat: operand.isFloat };
  }
  return call(`${functions[operator]}(${operand.text})`, true);
}

interface Infix {
  readonly symbol: string;
  readonly binding: number;
  /** Compares or connects: the result is a truth value whatever the operands. */
  readonly truth: boolean;
}

const infix: Readonly<Partial<Record<BinaryOperator, Infix>>> = {
  mul: { symbol: "*", binding: 12, truth: false },
  div: { symbol: "/", binding: 12, truth: false },
  quotient: { symbol: "/", binding: 12, truth: false },
  remainder: { symbol: "%", binding: 12, truth: false },
  add: { symbol: "+", binding: 11, truth: false },
  sub: { symbol: "-", binding: 11, truth: false },
  lt: { symbol: "<", binding: 9, truth: true },
  le: { symbol: "<=", binding: 9, truth: true },
  gt: { symbol: ">", binding: 9, truth: true },
  ge: { symbol: ">=", binding: 9, truth: true },
  eq: { symbol: "==", binding: 8, truth: true },
  ne: { symbol: "!=", binding: 8, truth: true },
};

function binaryText(operator: BinaryOperator, left: CText, right: CText): CText {
  const isReal = left.isFloat || right.isFloat;
  if (operator === "and" || operator === "or") return connective(operator, left, right);
  const written = infix[operator];
  if (written === undefined) return binaryCall(operator, left, right);
  const { symbol, binding, truth } = written;
  // Mixed comparisons bind alike to a reader's eye only with parentheses; gcc warns without them.
  const least = truth ? 10 : binding;
  const text = `${wrapped(left, least)} ${symbol} ${wrapped(right, truth ? 10 : binding + 1)}`;
  const isWide = !truth && (left.isWide === true || right.isWide === true);
  return { text, binding, isFloat: truth ? false : isReal, isWide };
}

function connective(operator: "and" | "or", left: CText, right: CText): CText {
  const symbol = operator === "and" ? "&&" : "||";
  const text = `${wrapped(left, 5)} ${symbol} ${wrapped(right, 5)}`;
  return { text, binding: operator === "and" ? 4 : 3, isFloat: false };
}

function binaryCall(operator: BinaryOperator, left: CText, right: CText): CText {
  const isReal = left.isFloat || right.isFloat;
  if (operator === "pow") return call(`powf(${left.text}, ${right.text})`, true);
  if (isReal) return call(`${operator === "max" ? "larger" : "smaller"}(${left.text}, ${right.text})`, true);
  const [a, b] = [wrapped(left, 10), wrapped(right, 10)];
  return { text: `${a} ${operator === "max" ? ">" : "<"} ${b} ? ${a} : ${b}`, binding: SELECT, isFloat: false };
}
