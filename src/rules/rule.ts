/**
 * A rule after its names have been given their meaning (`RuleForm`), and as the optimizer takes it
 * (`CompiledRule`, `RuleProgram`).
 */

import type { Place, Source, Span } from "../diagnostics/index.js";
import type { Limits, MatchView, Rule } from "../egraph-ts/index.js";
import type { AttrKind, AttrValue, OpRecord } from "../ir/index.js";
import type { Facts } from "./facts.js";
import type { ExpressionSyntax, FileSyntax, RuleSyntax } from "./syntax.js";

export const numericClasses = ["exact", "reassociates", "approximate"] as const;
export type NumericClass = (typeof numericClasses)[number];

export const purposes = ["simplify", "normalise", "replace", "lower", "explore"] as const;
export type Purpose = (typeof purposes)[number];

/** What one element of a list, or a whole attribute, must be. */
export type ScalarPattern =
  | { readonly kind: "any" }
  | { readonly kind: "bind"; readonly name: string }
  | { readonly kind: "literal"; readonly value: AttrValue };

export type AttrPattern = ScalarPattern | { readonly kind: "list"; readonly items: readonly ScalarPattern[] };

export interface VariableTerm {
  readonly kind: "variable";
  /** Names made here start with `$`: unnamed roots and `_`. */
  readonly name: string;
  readonly span: Span;
}

export interface NodePattern {
  readonly kind: "node";
  readonly record: OpRecord;
  /** Every attribute of the record. */
  readonly attrs: Readonly<Record<string, AttrPattern>>;
  readonly operands: readonly PatternTerm[];
  readonly span: Span;
}

export type PatternTerm = VariableTerm | NodePattern;

export interface PremiseForm {
  readonly root: string;
  readonly pattern: NodePattern;
}

export interface NodeTemplate {
  readonly kind: "node";
  readonly record: OpRecord;
  readonly attrs: readonly AttrTemplate[];
  readonly operands: readonly TemplateTerm[];
  /** The type of a `typed` op. */
  readonly type?: ExpressionSyntax;
  readonly span: Span;
}

export interface AttrTemplate {
  readonly name: string;
  readonly kind: AttrKind;
  readonly value: ExpressionSyntax;
}

export type TemplateTerm = VariableTerm | NodeTemplate;

export interface TemplateBinding {
  readonly name: string;
  readonly template: TemplateTerm;
}

/** One direction of a rule. */
export interface RuleForm {
  /** The rule's name, with `.reverse` for the second direction of `<=>`. */
  readonly name: string;
  readonly premises: readonly PremiseForm[];
  /** Shared terms, in the order in which they may read each other. */
  readonly lets: readonly TemplateBinding[];
  /** New forms of premise roots. */
  readonly conclusions: readonly TemplateBinding[];
  readonly guards: readonly ExpressionSyntax[];
  /** Where the right side stands. */
  readonly rightSpan: Span;
}

/** An engine rule that can say which of its premises kept it from firing. */
export interface EngineRule extends Rule<Facts> {
  /** Why the rule does not apply to what its patterns matched, in one sentence; undefined when it does. */
  readonly refusal: (match: MatchView<Facts>) => string | undefined;
}

export interface CompiledRule {
  readonly name: string;
  readonly family: string;
  readonly purpose: Purpose;
  readonly numerics: NumericClass;
  readonly doc: string;
  /** Relative to the folder of rules. */
  readonly file: string;
  /** Of the rule's name, from 1. */
  readonly line: number;
  /** The whole rule. */
  readonly place: Place;
  /** One for each direction; `forms[i]` is what `engineRules[i]` was made from. */
  readonly engineRules: readonly EngineRule[];
  readonly forms: readonly RuleForm[];
  readonly ast: RuleSyntax;
}

/** A rule about the loop kernels of any op: an operand is computed where it is read. */
export interface CompiledFusion {
  readonly name: string;
  readonly family: string;
  readonly doc: string;
  /** Relative to the folder of rules. */
  readonly file: string;
  /** Of the fusion's name, from 1. */
  readonly line: number;
  readonly place: Place;
  /** Whether the op's result may be computed where it is read, and whether the op may do so. */
  readonly produces: (record: OpRecord) => boolean;
  readonly reads: (record: OpRecord) => boolean;
}

export interface RuleFamily {
  /** The file's path below the folder of rules, without `.rules`. */
  readonly name: string;
  readonly file: string;
  readonly purpose: Purpose;
  readonly doc: string;
  readonly imports: readonly string[];
  readonly rules: readonly CompiledRule[];
  readonly fusions: readonly CompiledFusion[];
  readonly source: Source;
  readonly syntax: FileSyntax;
}

export interface RulePhase {
  readonly name: string;
  /** In order; a family comes after those it imports. */
  readonly families: readonly string[];
  readonly rules: readonly CompiledRule[];
  readonly limits: Partial<Limits>;
}

export interface RuleProgram {
  readonly rules: readonly CompiledRule[];
  /** Run when all phases are over. */
  readonly fusions: readonly CompiledFusion[];
  readonly families: readonly RuleFamily[];
  readonly phases: readonly RulePhase[];
}

/** Compile options that guards may read, by name: `quantize` is "none", "q8" or "q4". */
export type Settings = Readonly<Record<string, string>>;
