/**
 * What the grammar of the rule language builds: plain objects with the span they were read from. Nothing is
 * checked here but the shape; `resolve.ts` gives names their meaning.
 */

import type { Span } from "../diagnostics/index.js";

export interface NameSyntax {
  readonly text: string;
  readonly span: Span;
}

export interface VariableSyntax {
  readonly kind: "variable";
  /** Without the question mark. */
  readonly name: string;
  readonly span: Span;
}

export interface WildcardSyntax {
  readonly kind: "wildcard";
  readonly span: Span;
}

/** A pattern when it stands left of the arrow, a template when it stands right of it. */
export type TermSyntax = VariableSyntax | WildcardSyntax | ApplicationSyntax;

export interface ApplicationSyntax {
  readonly kind: "apply";
  readonly op: NameSyntax;
  readonly args: readonly ArgumentSyntax[];
  /** `: type(?x)`, the written type of a `typed` op. */
  readonly type: CallSyntax | null;
  readonly span: Span;
}

export type ArgumentSyntax = OperandSyntax | AttributeSyntax;

export interface OperandSyntax {
  readonly kind: "operand";
  readonly term: TermSyntax;
  readonly span: Span;
}

export interface AttributeSyntax {
  readonly kind: "attribute";
  readonly name: NameSyntax;
  readonly value: ExpressionSyntax;
  readonly span: Span;
}

export type ComparisonOperator = "==" | "!=" | "<" | "<=" | ">" | ">=";
export type ArithmeticOperator = "+" | "-" | "*" | "/" | "%";

/** Attribute values and guards. */
export type ExpressionSyntax =
  | { readonly kind: "number"; readonly value: number; readonly span: Span }
  | { readonly kind: "string"; readonly value: string; readonly span: Span }
  /** A bare word: a dtype, `true`, `false`. */
  | { readonly kind: "word"; readonly text: string; readonly span: Span }
  | VariableSyntax
  | WildcardSyntax
  | { readonly kind: "list"; readonly items: readonly ExpressionSyntax[]; readonly span: Span }
  | CallSyntax
  | { readonly kind: "negate"; readonly operand: ExpressionSyntax; readonly span: Span }
  | { readonly kind: "not"; readonly operand: ExpressionSyntax; readonly span: Span }
  | {
      readonly kind: "arithmetic";
      readonly operator: ArithmeticOperator;
      readonly left: ExpressionSyntax;
      readonly right: ExpressionSyntax;
      readonly span: Span;
    }
  | {
      readonly kind: "compare";
      readonly operator: ComparisonOperator;
      readonly left: ExpressionSyntax;
      readonly right: ExpressionSyntax;
      readonly span: Span;
    }
  /** `or`: true if any item is. */
  | { readonly kind: "any"; readonly items: readonly ExpressionSyntax[]; readonly span: Span };

export interface CallSyntax {
  readonly kind: "call";
  readonly name: NameSyntax;
  readonly args: readonly ExpressionSyntax[];
  readonly span: Span;
}

export interface PremiseSyntax {
  readonly root: VariableSyntax | null;
  readonly term: TermSyntax;
  readonly span: Span;
}

export interface BindingSyntax {
  readonly name: VariableSyntax;
  readonly term: TermSyntax;
  readonly span: Span;
}

export type RightSyntax =
  | { readonly kind: "term"; readonly term: TermSyntax; readonly span: Span }
  | {
      readonly kind: "bindings";
      /** Whether the word `let` was written. */
      readonly let: boolean;
      readonly bindings: readonly BindingSyntax[];
      readonly span: Span;
    };

export type Arrow = "=>" | "<=>" | "~>";

/** One `///` or `//!` line, without its mark. */
export interface DocLineSyntax {
  readonly text: string;
  readonly span: Span;
}

export interface RuleSyntax {
  readonly kind: "rule";
  readonly doc: string;
  readonly docLines: readonly DocLineSyntax[];
  /** The word before `rule`, whatever it is. */
  readonly numerics: NameSyntax | null;
  readonly name: NameSyntax;
  readonly premises: readonly PremiseSyntax[];
  readonly arrow: { readonly text: Arrow; readonly span: Span };
  readonly right: RightSyntax;
  readonly guards: readonly ExpressionSyntax[];
  readonly span: Span;
}

/** `fusion name { elementwise into matmul, softmax }`: names of ops, traits, or `any`. */
export interface FusionSyntax {
  readonly kind: "fusion";
  readonly doc: string;
  readonly docLines: readonly DocLineSyntax[];
  readonly name: NameSyntax;
  readonly producers: readonly NameSyntax[];
  readonly readers: readonly NameSyntax[];
  readonly span: Span;
}

export interface ImportSyntax {
  readonly kind: "import";
  readonly path: NameSyntax;
  readonly span: Span;
}

export interface PhaseSyntax {
  readonly name: NameSyntax;
  readonly families: readonly NameSyntax[];
  readonly limits: readonly { readonly name: NameSyntax; readonly value: number; readonly span: Span }[];
  readonly span: Span;
}

export interface ScheduleSyntax {
  readonly kind: "schedule";
  readonly phases: readonly PhaseSyntax[];
  readonly span: Span;
}

/** `f32[T, 8]`, or `kv_cache(layers: 2, …)`. */
export type DeclaredTypeSyntax =
  | {
      readonly kind: "tensor";
      readonly dtype: NameSyntax;
      readonly shape: readonly { readonly value: number | string; readonly span: Span }[];
      readonly span: Span;
    }
  | { readonly kind: "applied"; readonly term: ApplicationSyntax; readonly span: Span };

export interface DeclarationSyntax {
  readonly name: VariableSyntax;
  /** Whether `const` was written: the value is a weight. */
  readonly constant: boolean;
  readonly type: DeclaredTypeSyntax;
  readonly span: Span;
}

/** Leaves of tests: of all that follow it in the file, or of the one it stands in. */
export interface GivenSyntax {
  readonly kind: "given";
  readonly declarations: readonly DeclarationSyntax[];
  readonly span: Span;
}

export interface TestSyntax {
  readonly kind: "test";
  readonly title: NameSyntax;
  /** Families that take part besides the file's own; none when `with` was not written. */
  readonly families: readonly NameSyntax[];
  readonly options: readonly { readonly name: NameSyntax; readonly value: NameSyntax; readonly span: Span }[];
  readonly given: GivenSyntax | null;
  readonly start: TermSyntax;
  readonly arrow: { readonly text: "=>" | "!=>"; readonly span: Span };
  readonly goal: TermSyntax;
  readonly span: Span;
}

export type ItemSyntax = ImportSyntax | ScheduleSyntax | GivenSyntax | TestSyntax | RuleSyntax | FusionSyntax;

export interface HeaderSyntax {
  readonly family: NameSyntax;
  readonly purpose: NameSyntax;
  readonly span: Span;
}

export interface FileSyntax {
  /** The `//!` lines. */
  readonly doc: string;
  readonly docLines: readonly DocLineSyntax[];
  readonly header: HeaderSyntax | null;
  readonly items: readonly ItemSyntax[];
  readonly span: Span;
}
