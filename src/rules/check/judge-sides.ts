/** Whether two values that a rule calls equal agree as its class promises. */

import type { Value } from "../../ir/index.js";
import type { CompiledRule, RuleForm, TemplateTerm } from "../rule.js";
import { allowedError, errorOf, firstDifference } from "./compare.js";
import type { Side } from "./evaluate-sides.js";
import { Measured } from "./evaluate-sides.js";

export interface Disagreement {
  /** Root mean square of the difference over that of the left side. */
  readonly relativeError: number;
  /** The first element that is too far off; of an approximate rule the error as a whole counts. */
  readonly element: { readonly index: number; readonly left: number; readonly right: number } | undefined;
  readonly allowed: number;
}

/** A side of one conclusion: its value, and all values that were computed or read on the way. */
export function sideOf(result: Value, computed: Iterable<Value>, read: Iterable<Value>): Side {
  const measured = new Measured();
  for (const value of computed) measured.see(value, true);
  for (const value of read) measured.see(value, false);
  return measured.side([result]);
}

export function judgeSides(
  { numerics }: CompiledRule,
  form: RuleForm,
  left: Side,
  right: Side,
): Disagreement | undefined {
  const { error, signal } = errorOf(left, right);
  const relativeError = error === 0 ? 0 : Math.sqrt(error / signal);
  if (numerics === "approximate") {
    const allowed = allowedErrorOf(form);
    return relativeError <= allowed ? undefined : { relativeError, element: undefined, allowed };
  }
  const found = firstDifference(left, right, numerics);
  return found && { relativeError, element: found, allowed: found.allowed };
}

/** What an approximate rule's codes of so many bits are allowed. */
export function allowedErrorOf(form: RuleForm): number {
  return allowedError(Math.min(...form.conclusions.map(({ template }) => bitsOf(template, form))));
}

/** The fewest bits that any op of a term rounds to: those of `quantize`, or 8. */
function bitsOf(term: TemplateTerm, form: RuleForm): number {
  if (term.kind === "variable") {
    const shared = form.lets.find(({ name }) => name === term.name);
    return shared ? bitsOf(shared.template, form) : 8;
  }
  const own = term.record.name === "quantize" ? term.attrs.find(({ name }) => name === "bits")?.value : undefined;
  const bits = own?.kind === "number" ? own.value : 8;
  return Math.min(bits, ...term.operands.map((each) => bitsOf(each, form)));
}
