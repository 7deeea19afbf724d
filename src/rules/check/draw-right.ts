/**
 * Types that would suit a right side: its ops are drawn from the root down, as far as that goes. They are a
 * hint for drawing the left side, which decides; a wrong one costs a try.
 */

import type { Random } from "../../base/index.js";
import type { AttrValue, ValueType } from "../../ir/index.js";
import { evaluateAttribute } from "../evaluate-expression.js";
import type { NodeTemplate, RuleForm, TemplateTerm } from "../rule.js";

/** Types for some variables of the left side, roots excepted. */
export function drawRight(form: RuleForm, random: Random): ReadonlyMap<string, ValueType> {
  const types = new Map<string, ValueType>();
  for (const { template } of form.conclusions) suggest(template, undefined, types, random);
  // A shared term is read by what follows it, so its type is known by now.
  for (const { name, template } of form.lets.toReversed()) suggest(template, types.get(name), types, random);
  for (const { root } of form.premises) types.delete(root);
  for (const { name } of form.lets) types.delete(name);
  return types;
}

function suggest(
  term: TemplateTerm,
  wanted: ValueType | undefined,
  types: Map<string, ValueType>,
  random: Random,
): void {
  if (term.kind === "variable") {
    if (wanted !== undefined && !types.has(term.name)) types.set(term.name, wanted);
    return;
  }
  const operands = term.operands.map((each) => (each.kind === "variable" ? types.get(each.name) : undefined));
  const request = { operands, attrs: literalAttributes(term), ...(wanted && { result: wanted }) };
  const drawn = term.record.draw?.(random, request);
  if (drawn === undefined) return;
  term.operands.forEach((each, i) => suggest(each, drawn.operands[i], types, random));
}

function literalAttributes({ attrs }: NodeTemplate): Readonly<Record<string, AttrValue>> {
  const nothing = { settings: {}, lookup: () => undefined };
  return Object.fromEntries(
    attrs.flatMap(({ name, kind, value }): [string, AttrValue][] => {
      const computed = evaluateAttribute(value, kind, nothing);
      return computed === undefined ? [] : [[name, computed]];
    }),
  );
}
