/**
 * Guards that are always or never true, over drawn operands. Draws have numbers for extents, so a guard that
 * asks for an extent, which is not known where it is symbolic, is never called superfluous.
 */

import { findDraws, mentionsSettings, guardHolds } from "../check/find-draws.js";
import { callsOf } from "../check-expression.js";
import type { CompiledRule, RuleForm } from "../rule.js";
import type { ExpressionSyntax } from "../syntax.js";
import type { LintFinding } from "./lint-rules.js";

const seed = 1;
/** Draws that must agree before a guard counts as always true. */
const wanted = 240;
const tries = 2400;

/** Taken to hold in every draw, so draws say nothing about them. */
const presumed: ReadonlySet<string> = new Set(["constant", "distinct"]);
const aboutExtents: ReadonlySet<string> = new Set(["dim", "rows", "cols", "shape", "elements", "element"]);

export function guardFindings(rule: CompiledRule): readonly LintFinding[] {
  const [form] = rule.forms;
  if (form === undefined) return [];
  return form.guards.filter(isJudged).flatMap((guard) => {
    const found = judge(form, guard);
    return found === undefined ? [] : [describe(rule, guard, found)];
  });
}

/** Whether drawn operands say anything about a guard. */
export function isJudged(guard: ExpressionSyntax): boolean {
  return !mentionsSettings(guard) && !callsOf(guard).some((name) => presumed.has(name));
}

/** Whether a guard asks for an extent, which draws know and a program may not. */
export function asksForExtents(guard: ExpressionSyntax): boolean {
  return callsOf(guard).some((name) => aboutExtents.has(name));
}

type Judgement = "always" | "never";

function judge(form: RuleForm, guard: ExpressionSyntax): Judgement | undefined {
  const alone = findDraws({ ...form, guards: [guard] }, seed, { wanted: 1, tries });
  if (alone.fitting.length === 0 && alone.differing === 0) return fits(form, []) ? "never" : undefined;
  if (asksForExtents(guard) || callsOf(guard).length === 0) return undefined;
  return appliesWithout(form, guard) ? undefined : "always";
}

function fits(form: RuleForm, guards: RuleForm["guards"]): boolean {
  return findDraws({ ...form, guards }, seed, { wanted: 1, tries }).fitting.length > 0;
}

/** Whether some operands are refused by this guard alone. True also when too few draws were found to say. */
export function appliesWithout(form: RuleForm, guard: ExpressionSyntax): boolean {
  const others = form.guards.filter((each) => each !== guard);
  const { fitting } = findDraws({ ...form, guards: others }, seed, { wanted, tries });
  return fitting.length < wanted / 2 || fitting.some(({ draw }) => !guardHolds(form, draw, guard));
}

function describe(rule: CompiledRule, guard: ExpressionSyntax, judgement: Judgement): LintFinding {
  const { start, end } = guard.span;
  const text = rule.place.source.text.slice(start, end);
  if (judgement === "never") {
    const hint = "the left side leaves no operands for which it is true";
    return { code: "rule/guard-never", rule, span: guard.span, message: `\`${text}\` never holds here`, hint };
  }
  const message = `\`${text}\` always holds where the rule applies`;
  const hint = "the types of both sides ask for it already; leave it out";
  return { code: "rule/guard-always", rule, span: guard.span, message, hint };
}
