/**
 * Values of expressions in guards and attributes, and their kinds. `undefined` stands for "not known": a
 * symbolic dimension in arithmetic, a division by zero. What is not known makes a guard fail.
 */

import type { AttrKind, AttrValue, Dim, ValueType } from "../ir/index.js";
import { printType } from "../ir/index.js";

/** What an expression is, as far as can be said without running it. A number is a dim, too. */
export type Kind = "number" | "dim" | "string" | "bool" | "dtype" | "list" | "type" | "operand";

/** A dimension known only at run time. */
export interface SymbolicDim {
  readonly kind: "symbolic";
  readonly name: string;
}

/** What is known of the value that a variable stands for. */
export interface Operand {
  readonly kind: "operand";
  readonly type: ValueType;
  readonly constant: boolean;
  /** Equal for two operands that are one value. */
  readonly identity: number;
}

export type ExpressionValue = number | string | boolean | readonly Dim[] | SymbolicDim | ValueType | Operand;

export function kindOfAttribute(kind: AttrKind): Kind {
  switch (kind) {
    case "int":
    case "float":
      return "number";
    case "ints":
    case "dims":
      return "list";
    case "string":
    case "bool":
    case "dtype":
      return kind;
  }
}

export function fromDim(dim: Dim): number | SymbolicDim {
  return typeof dim === "number" ? dim : { kind: "symbolic", name: dim };
}

/** An attribute's value as an expression sees it: only elements of `dims` can be symbolic. */
export function fromElement(value: AttrValue): ExpressionValue {
  return typeof value === "string" ? fromDim(value) : value;
}

export function isSymbolic(value: ExpressionValue): value is SymbolicDim {
  return typeof value === "object" && !isList(value) && value.kind === "symbolic";
}

export function isOperand(value: ExpressionValue): value is Operand {
  return typeof value === "object" && !isList(value) && value.kind === "operand";
}

export function isList(value: ExpressionValue): value is readonly Dim[] {
  return Array.isArray(value);
}

export function isType(value: ExpressionValue): value is ValueType {
  return typeof value === "object" && !isList(value) && !isSymbolic(value) && !isOperand(value);
}

/** Equality of three values: a symbolic dimension equals itself, and nothing is known of it otherwise. */
export function equalValues(a: ExpressionValue, b: ExpressionValue): boolean | undefined {
  if (isSymbolic(a) || isSymbolic(b)) return symbolName(a) === symbolName(b) ? true : undefined;
  if (isList(a) && isList(b)) return equalLists(a, b);
  if (isType(a) && isType(b)) return printType(a) === printType(b);
  return a === b;
}

function symbolName(value: ExpressionValue): string | undefined {
  if (typeof value === "string") return value;
  return isSymbolic(value) ? value.name : undefined;
}

function equalLists(a: readonly Dim[], b: readonly Dim[]): boolean | undefined {
  if (a.length !== b.length) return false;
  let known: boolean | undefined = true;
  for (const [i, dim] of a.entries()) {
    const equal = equalValues(fromDim(dim), fromDim(b[i]!));
    if (equal === false) return false;
    known &&= equal;
  }
  return known;
}

/** Whether two attribute values are the same one: as keys of labels see them, so −0 is not 0. */
export function sameAttribute(a: AttrValue | undefined, b: AttrValue | undefined): boolean {
  if (!Array.isArray(a) || !Array.isArray(b)) return Object.is(a, b);
  return a.length === b.length && a.every((each, i) => Object.is(each, b[i]));
}
