/**
 * Warnings about rules that are sound and still not what their author meant: guards that say nothing or too
 * much, two rules for one left side, growth without bound, formats that rounding depends on left open.
 */

import type { Diagnostic, Place, Span } from "../../diagnostics/index.js";
import { diagnostic } from "../../diagnostics/index.js";
import type { CompiledRule, RuleFamily } from "../rule.js";
import { guardFindings } from "./guards.js";
import { growthFindings } from "./growth.js";
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

/** Warnings in the order of the rules; those that a rule's notes explain are left out. */
export function lintFamilies(families: readonly RuleFamily[]): readonly Diagnostic[] {
  const rules = families.flatMap((family) => family.rules);
  const across = sameLeftFindings(rules);
  return rules.flatMap((rule) => {
    const shared = across.filter((each) => each.rule === rule);
    return lintRule(rule, [...lintAlone(rule), ...shared]);
  });
}

/** What can be said of a rule without any other: slow enough to be worth keeping. */
function lintAlone(rule: CompiledRule): readonly LintFinding[] {
  return [...guardFindings(rule), ...growthFindings(rule), ...openDtypeFindings(rule)];
}

function lintRule(rule: CompiledRule, findings: readonly LintFinding[]): readonly Diagnostic[] {
  const notes = notesOf(rule).filter(({ kind }) => kind === "lint");
  const unexplained = findings.filter(({ code }) => !notes.some(({ about }) => about === code));
  const stale = notes.filter(({ about }) => !findings.some(({ code }) => code === about));
  return [
    ...unexplained.map(toDiagnostic),
    ...stale.map(({ about, span }) =>
      diagnostic("rule/stale-note", `there is nothing to say about \`${about}\` here`, { place: placeOf(rule, span) }),
    ),
  ];
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
