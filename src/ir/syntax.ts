/**
 * What `grammars/ir.peggy` gives: the text of a module as plain tagged objects with their places.
 * Nothing is resolved yet: names may be unknown, counts and types may disagree.
 */

import type { Span } from "../diagnostics/index.js";

export interface NameSyntax {
  /** Without `%`, `@` or quotes. */
  readonly text: string;
  /** With them. */
  readonly span: Span;
}

export interface ModuleSyntax {
  readonly functions: readonly FunctionSyntax[];
  readonly span: Span;
}

export interface FunctionSyntax {
  readonly name: NameSyntax;
  readonly params: readonly { readonly name: NameSyntax; readonly type: TypeSyntax }[];
  readonly results: readonly TypeSyntax[];
  readonly operations: readonly OperationSyntax[];
  readonly end: ReturnSyntax;
  readonly span: Span;
}

export interface OperationSyntax {
  /** With its dialect: `llm.matmul`. */
  readonly op: NameSyntax;
  readonly operands: readonly UseSyntax[];
  readonly attrs: readonly NamedAttrSyntax[];
  /** `%a, %b` are two names of count 1, `%y:2` is one name of count 2. */
  readonly results: readonly { readonly name: NameSyntax; readonly count: number }[];
  readonly operandTypes: TypeListSyntax;
  readonly resultTypes: TypeListSyntax;
  readonly span: Span;
}

export interface ReturnSyntax {
  /** The place of the word `return`. */
  readonly word: Span;
  readonly operands: readonly UseSyntax[];
  readonly types: readonly TypeSyntax[];
  readonly span: Span;
}

/** `%y#1`; the index is 0 when it is not written. */
export interface UseSyntax {
  readonly name: NameSyntax;
  readonly index: number;
  readonly span: Span;
}

export interface NamedAttrSyntax {
  readonly name: NameSyntax;
  readonly value: AttrSyntax;
}

/**
 * `type` of a number is the word after its colon. Numbers may be unsafe or infinite: they are not
 * checked yet.
 */
export type AttrSyntax =
  | { readonly kind: "int"; readonly value: number; readonly type: string | null; readonly span: Span }
  | { readonly kind: "float"; readonly value: number; readonly type: string | null; readonly span: Span }
  | { readonly kind: "hex"; readonly digits: string; readonly type: string | null; readonly span: Span }
  | { readonly kind: "string"; readonly value: string; readonly span: Span }
  | { readonly kind: "bool"; readonly value: boolean; readonly span: Span }
  | { readonly kind: "array"; readonly items: readonly AttrSyntax[]; readonly span: Span }
  | { readonly kind: "function"; readonly name: NameSyntax; readonly span: Span }
  | { readonly kind: "type"; readonly type: TypeSyntax; readonly span: Span };

export interface TypeListSyntax {
  readonly types: readonly TypeSyntax[];
  readonly span: Span;
}

export type TypeSyntax =
  | {
      readonly kind: "tensor";
      /** null is a `?`. */
      readonly shape: readonly (number | null)[];
      readonly element: string;
      readonly encoding: string | null;
      readonly span: Span;
    }
  /** `!name<body>`; the body is text. */
  | { readonly kind: "dialect"; readonly name: string; readonly body: string; readonly span: Span }
  /** A bare word such as `f32`: the value of a type attribute. */
  | { readonly kind: "scalar"; readonly name: string; readonly span: Span };
