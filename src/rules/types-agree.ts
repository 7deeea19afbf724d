/**
 * Asks, before a rule is used, whether its right side can ever have the type of what it replaces: operands
 * are drawn for the left side, and both sides inferred. One agreement is enough, since a rule is refused
 * where the types differ; none in many draws is a mistake.
 */

import { findDraws } from "./check/find-draws.js";
import type { Findings } from "./findings.js";
import type { RuleForm } from "./rule.js";

/** Draws in which both sides have a type: fewer than this prove nothing. */
const least = 6;
const limits = { wanted: 1, tries: 24 };

export function checkTypes(form: RuleForm, findings: Findings): void {
  const { fitting, differing, difference } = findDraws(form, 1, limits);
  // Any other refusal may come from extents that are too small: a kernel's, or a group's.
  if (fitting.length > 0 || differing < least) return;
  const message = `the sides of \`${form.name}\` never agree: ${difference}`;
  findings.report("rule/type-mismatch", form.rightSpan, message);
}
