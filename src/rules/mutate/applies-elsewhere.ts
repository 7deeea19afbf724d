/**
 * Whether a mutant with a weaker left side applies to any operands that the rule itself does not: when many
 * draws find none, types and kernels refuse what the missing premise refused, and the mutant says the same as
 * the rule.
 */

import { bindersOf, fitsLiterals, nodesOf, readBinder } from "../attribute-binders.js";
import { findDraws, guardHolds } from "../check/find-draws.js";
import type { LeftDraw } from "../check/draw-left.js";
import { sameAttribute } from "../expression-values.js";
import type { AttrValue } from "../../ir/index.js";
import { asksForExtents, isJudged } from "../lint/guards.js";
import type { CompiledRule, NodePattern, RuleForm } from "../rule.js";
import { meaning } from "./mutations.js";

/** Fewer draws than this prove nothing. */
const least = 20;
const limits = { wanted: 60, tries: 3000 };

/**
 * How many draws agree that the mutant applies to nothing else; undefined when some do not, or too few were
 * found.
 */
export function drawsThatAgree(rule: CompiledRule, mutant: CompiledRule, seed: number): number | undefined {
  const [form] = rule.forms;
  const [other] = mutant.forms;
  if (form === undefined || other === undefined || rule.forms.length > 1) return undefined;
  const sameRight = meaning(rule.ast.right) === meaning(mutant.ast.right);
  if (!sameRight || losesUnseen(form, other)) return undefined;
  const { fitting } = findDraws(other, seed, limits);
  const agree = fitting.length >= least && fitting.every(({ draw }) => fits(form, other, draw));
  return agree ? fitting.length : undefined;
}

/** Whether the mutant lacks a guard of which draws say nothing, such as `constant`, or not enough. */
function losesUnseen({ guards }: RuleForm, other: RuleForm): boolean {
  const kept = new Set(other.guards.map(meaning));
  return guards.some((guard) => !kept.has(meaning(guard)) && (!isJudged(guard) || asksForExtents(guard)));
}

/** Whether a draw of the mutant's left side is one of the rule's. */
function fits(form: RuleForm, other: RuleForm, draw: LeftDraw): boolean {
  const [own, others] = [nodesOf(form.premises), nodesOf(other.premises)];
  if (own.length !== others.length || !sameVariables(own, others)) return false;
  const attributes = new Map<string, AttrValue>();
  const payloads = new Map(draw.payloads);
  for (const [i, node] of own.entries()) {
    const payload = draw.payloads.get(others[i]!);
    if (payload === undefined || !fitsLiterals(node, payload)) return false;
    for (const binder of bindersOf(node)) {
      const value = readBinder(binder, payload);
      const earlier = attributes.get(binder.name);
      if (value === undefined || (earlier !== undefined && !sameAttribute(earlier, value))) return false;
      attributes.set(binder.name, value);
    }
    payloads.set(node, payload);
  }
  const same = { ...pickTypes(draw), payloads, attributes };
  return form.guards.every((guard) => guardHolds(form, same, guard));
}

function pickTypes({ types, nodeTypes }: LeftDraw): Pick<LeftDraw, "types" | "nodeTypes"> {
  return { types, nodeTypes };
}

/** A name that no longer has to agree is about values, of which types say nothing. */
function sameVariables(own: readonly NodePattern[], others: readonly NodePattern[]): boolean {
  return own.every((node, i) =>
    node.operands.every((operand, k) => {
      const other = others[i]!.operands[k];
      if (operand.kind !== "variable" || other?.kind !== "variable") return operand.kind === other?.kind;
      return operand.name === other.name;
    }),
  );
}
