/**
 * Draws uses of the kernel that a lowering rule selects, with what the left side means for the same operands:
 * what a test on real machine code holds the kernel to.
 */

import type { Attrs, OpRecord, Value, ValueType } from "../../ir/index.js";
import type { CompiledRule, NodeTemplate, RuleForm } from "../rule.js";
import { boundFor } from "./compare.js";
import { firstNormalGrain, planValues } from "./draw-values.js";
import { evaluateLeft, evaluateRight, evaluateTerm } from "./evaluate-sides.js";
import type { DrawnForm } from "./find-draws.js";
import { findDraws } from "./find-draws.js";

export interface KernelUse {
  readonly record: OpRecord;
  readonly attrs: Attrs;
  readonly operands: readonly Value[];
  readonly operandTypes: readonly ValueType[];
  readonly result: ValueType;
  /** What the left side gives. */
  readonly expected: Value;
  /** How far a number of the result may be off. */
  readonly allowed: number;
}

/** Up to `cases` uses of the ops at the roots of a rule's right sides, with ordinary values. */
export function drawKernelUses(rule: CompiledRule, seed: number, cases: number): readonly KernelUse[] {
  return rule.forms.flatMap((form) => {
    const { fitting } = findDraws(form, seed, { wanted: 3 * cases, tries: 300 * cases });
    const step = Math.max(1, Math.floor(fitting.length / cases));
    const chosen = fitting.filter((_, i) => i % step === 0).slice(0, cases);
    return chosen.flatMap((drawn, i) => usesOf(form, drawn, seed + i));
  });
}

function usesOf(form: RuleForm, drawn: DrawnForm, seed: number): readonly KernelUse[] {
  const plan = planValues(form, drawn, "reassociates");
  const grains = plan?.grained.map(({ count }, k) =>
    Array.from({ length: count }, (_, i) => firstNormalGrain + ((seed + 7919 * k + 31 * i) % 2000)),
  );
  const values = plan?.values(grains ?? [], seed);
  const left = values && evaluateLeft(form, drawn, values);
  if (left === undefined) return [];
  const allowed = boundFor(left, evaluateRight(form, drawn, left.values));
  return form.conclusions.flatMap(({ template }, i): KernelUse[] => {
    if (template.kind !== "node") return [];
    return [{ ...useOf(template, form, drawn, left.values), expected: left.results[i]!, allowed }];
  });
}

function useOf(
  template: NodeTemplate,
  form: RuleForm,
  drawn: DrawnForm,
  left: ReadonlyMap<string, Value>,
): Omit<KernelUse, "expected" | "allowed"> {
  return {
    record: template.record,
    attrs: drawn.facts.payloadOf(template).attrs,
    operands: template.operands.map((each) => evaluateTerm(each, { form, drawn, left })),
    operandTypes: template.operands.map((each) => drawn.facts.factsOf(each).type),
    result: drawn.facts.factsOf(template).type,
  };
}
