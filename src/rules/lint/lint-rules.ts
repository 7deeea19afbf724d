/**
 * Warnings about rules that are sound and still not what their author meant: guards that say nothing or too
 * much, two rules for one left side, growth without bound, formats that rounding depends on left open.
 */

import type { Diagnostic, Place, Span } from "../../diagnostics/index.js";
import { diagnostic } from "../../diagnostics/index.js";
import type { CompiledRule, RuleFamily } from "../rule.js";
import { guardFindings } from "./guards.js";
import { growthFindings } from "./growth.js";
import type { Note } from "./notes.js";
import { notesOf } from "./notes.js";
import { openDtypeFindings } from "./open-dtypes.js";
import { sameLeftFindings } from "./same-left.js";

export type LintCode =
  | "rule/guard-always"
  | "rule/guard-never"
  | "rule/same-left"
  | "rule/grows"
  | "rule/open-dtype";

export interface LintFinding {
  readonly code: LintCode;
  readonly rule: CompiledRule;
  readonly span: Span;
  readonly message: string;
  readonly hint?: string;
  readonly related?: Diagnostic["related"];
}

/** What can be said of a rule by itself, and notes about nothing. Draws operands: worth keeping. */
export function lintRule(rule: CompiledRule): readonly Diagnostic[] {
  const findings = [...guardFindings(rule), ...growthFindings(rule), ...openDtypeFindings(rule)];
  const stale = notesOf(rule).filter(
    ({ kind, about }) => kind === "lint" && about !== across && !findings.some(({ code }) => code === about),
  );
  return [...unexplained(findings), ...stale.map((note) => staleNote(rule, note))];
}

/** What can be said of rules beside each other; their order is that of the diagnostics. */
export function lintAcross(families: readonly RuleFamily[]): readonly Diagnostic[] {
  return unexplained(sameLeftFindings(families.flatMap((family) => family.rules)));
}

const across: LintCode = "rule/same-left";

/** A note in the rule silences what it is about. */
function unexplained(findings: readonly LintFinding[]): readonly Diagnostic[] {
  return findings
    .filter(({ rule, code }) => !notesOf(rule).some(({ kind, about }) => kind === "lint" && about === code))
    .map(toDiagnostic);
}

function staleNote(rule: CompiledRule, { about, span }: Note): Diagnostic {
  const message = `there is nothing to say about \`${about}\` here`;
  return diagnostic("rule/stale-note", message, { place: placeOf(rule, span) });
}

function toDiagnostic({ code, rule, span, message, hint, related }: LintFinding): Diagnostic {
  return diagnostic(code, message, {
    place: placeOf(rule, span),
    ...(hint !== undefined && { hint }),
    ...(related && { related }),
  });
}

export function placeOf({ place }: CompiledRule, span: Span): Place {
  return { source: place.source, span };
}
