/**
 * Two rules that match the same terms under the same guards: one of them does the other's work, or is wrong.
 */

import type { CompiledRule } from "../rule.js";
import type { LintFinding } from "./lint-rules.js";
import { placeOf } from "./lint-rules.js";

/** A target may have several kernels for one op, and exploring has many answers by design. */
const purposes: ReadonlySet<string> = new Set(["simplify", "normalise"]);

export function sameLeftFindings(rules: readonly CompiledRule[]): readonly LintFinding[] {
  const seen = new Map<string, CompiledRule>();
  const findings: LintFinding[] = [];
  for (const rule of rules) {
    if (!purposes.has(rule.purpose)) continue;
    const key = leftKey(rule);
    const earlier = seen.get(key);
    if (earlier === undefined) seen.set(key, rule);
    else findings.push(describe(rule, earlier));
  }
  return findings;
}

function describe(rule: CompiledRule, earlier: CompiledRule): LintFinding {
  return {
    code: "rule/same-left",
    rule,
    span: rule.ast.name.span,
    message: `\`${rule.name}\` matches what \`${earlier.name}\` matches`,
    related: [{ message: "the other one is here", place: placeOf(earlier, earlier.ast.name.span) }],
    hint: "write one rule, or say in a guard which of them applies",
  };
}

/** Left side and guards, with variables numbered in the order of the text. */
function leftKey({ ast }: CompiledRule): string {
  const numbers = new Map<string, number>();
  const named = (name: string): string => {
    if (!numbers.has(name)) numbers.set(name, numbers.size);
    return `?${numbers.get(name) ?? 0}`;
  };
  return JSON.stringify([ast.premises, ast.guards], function (this: object, key, value: unknown) {
    if (key === "span") return undefined;
    const isName = key === "name" && "kind" in this && this.kind === "variable" && typeof value === "string";
    if (isName) return named(value);
    return typeof value === "number" ? String(value) : value;
  });
}
