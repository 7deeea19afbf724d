/** Finds the part that each index variable plays: from the ops that read it, on either side of the rule. */

import type { OpRecord, ValueType } from "../../ir/index.js";
import { hasTrait, operandName } from "../../ir/index.js";
import type { RuleForm } from "../rule.js";
import type { DrawnForm } from "./find-draws.js";
import type { StepRole } from "./step-inputs.js";
import { stepRoles } from "./step-inputs.js";

export interface IndexRoles {
  readonly step: ReadonlyMap<string, StepRole>;
  /** Exclusive bounds of variables that select rows. */
  readonly bounds: ReadonlyMap<string, number>;
}

/** Patterns and templates alike. */
type Term =
  | { readonly kind: "variable"; readonly name: string }
  | { readonly kind: "node"; readonly record: OpRecord; readonly operands: readonly Term[] };

export function indexRoles(form: RuleForm, { draw }: DrawnForm): IndexRoles {
  const step = new Map<string, StepRole>();
  const bounds = new Map<string, number>();
  const typeOf = (term: Term): ValueType | undefined =>
    term.kind === "variable" ? draw.types.get(term.name) : [...draw.nodeTypes].find(([node]) => node === term)?.[1];
  const visit = (term: Term): void => {
    if (term.kind === "variable") return;
    const [table] = term.operands;
    term.operands.forEach((operand, i) => {
      const name = operandName(term.record, i);
      const variable = throughViews(operand);
      if (variable === undefined) return;
      const role = stepRoles.find((each) => each === name);
      if (role !== undefined && !step.has(variable)) step.set(variable, role);
      if (name === "indices" && table) narrow(bounds, variable, rowsOf(typeOf(table)));
    });
    for (const operand of term.operands) visit(operand);
  };
  for (const { pattern } of form.premises) visit(pattern);
  for (const { template } of [...form.lets, ...form.conclusions]) visit(template);
  return { step, bounds };
}

function throughViews(term: Term): string | undefined {
  if (term.kind === "variable") return term.name;
  const [operand] = term.operands;
  return operand && hasTrait(term.record, "view") ? throughViews(operand) : undefined;
}

function rowsOf(type: ValueType | undefined): number | undefined {
  const rows = type?.kind === "tensor" ? type.shape[0] : undefined;
  return typeof rows === "number" ? rows : undefined;
}

function narrow(bounds: Map<string, number>, name: string, bound: number | undefined): void {
  if (bound !== undefined) bounds.set(name, Math.min(bound, bounds.get(name) ?? bound));
}
