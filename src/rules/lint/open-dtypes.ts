/**
 * Casts whose format a rule leaves open although what it promises depends on it: a bound that follows from
 * the coarsest format hides that a value was narrowed.
 */

import { nodesOf } from "../attribute-binders.js";
import { variablesOf } from "../check-expression.js";
import type { CompiledRule } from "../rule.js";
import type { LintFinding } from "./lint-rules.js";

export function openDtypeFindings(rule: CompiledRule): readonly LintFinding[] {
  const [form] = rule.forms;
  if (form === undefined || rule.numerics === "exact") return [];
  const asked = new Set(form.guards.flatMap((guard) => variablesOf(guard)));
  return nodesOf(form.premises).flatMap(({ record, attrs, span }): LintFinding[] => {
    const dtype = record.name === "cast" ? attrs["dtype"] : undefined;
    const open = dtype?.kind === "any" || (dtype?.kind === "bind" && !asked.has(dtype.name));
    if (!open) return [];
    const message = "this cast may round: its format is left open";
    const hint = "write the dtype, or ask for it in a guard";
    return [{ code: "rule/open-dtype", rule, span, message, hint }];
  });
}
