/** How operators of loop kernels are spelled, for printing and for reading. */

import type { BinaryOperator, UnaryOperator } from "../ir/index.js";

/** Operators that are written between their operands; the others are written as calls. */
const infixOperators = {
  add: "+",
  sub: "-",
  mul: "*",
  div: "/",
  quotient: "//",
  remainder: "%",
  eq: "==",
  ne: "!=",
  lt: "<",
  le: "<=",
  gt: ">",
  ge: ">=",
  and: "&&",
  or: "||",
} as const satisfies Partial<Record<BinaryOperator, string>>;

const called: Readonly<Record<Exclude<BinaryOperator, keyof typeof infixOperators>, true>> = {
  pow: true,
  max: true,
  min: true,
};

const unary: Readonly<Record<UnaryOperator, true>> = {
  neg: true,
  abs: true,
  not: true,
  exp: true,
  exp2: true,
  log: true,
  sqrt: true,
  sin: true,
  cos: true,
  tanh: true,
  erf: true,
  round: true,
  floor: true,
};

/** Undefined for an operator that is written as a call. */
export function infixSymbol(operator: BinaryOperator): string | undefined {
  const symbols: Readonly<Partial<Record<BinaryOperator, string>>> = infixOperators;
  return symbols[operator];
}

export function isUnaryOperator(name: string): name is UnaryOperator {
  return Object.hasOwn(unary, name);
}

/** A binary operator by how it is written: between operands, or as a call. */
export function binaryOperator(text: string): BinaryOperator | undefined {
  const infix = Object.entries(infixOperators).find(([, symbol]) => symbol === text);
  if (infix !== undefined) return infix[0] as BinaryOperator;
  return Object.hasOwn(called, text) ? (text as BinaryOperator) : undefined;
}
