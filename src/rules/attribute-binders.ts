/**
 * Where the attribute variables of a form are found: which node of the left side, which attribute, which
 * element. The first place of a name defines it, the others must agree with it.
 */

import type { AttrValue } from "../ir/index.js";
import type { ExpressionValue } from "./expression-values.js";
import { fromElement, sameAttribute } from "./expression-values.js";
import type { NodePayload } from "./facts.js";
import type { AttrPattern, NodePattern, PremiseForm, ScalarPattern } from "./rule.js";

/** One place where a name is bound. `element` is the position in a list. */
export interface Binder {
  readonly name: string;
  readonly node: NodePattern;
  readonly attr: string;
  readonly element?: number;
}

/** The nodes of all premises, each premise's root first. */
export function nodesOf(premises: readonly PremiseForm[]): readonly NodePattern[] {
  const nodes: NodePattern[] = [];
  const visit = (node: NodePattern): void => {
    nodes.push(node);
    for (const operand of node.operands) if (operand.kind === "node") visit(operand);
  };
  for (const { pattern } of premises) visit(pattern);
  return nodes;
}

export function bindersOf(node: NodePattern): readonly Binder[] {
  return Object.entries(node.attrs).flatMap(([attr, pattern]): Binder[] => {
    if (pattern.kind === "bind") return [{ name: pattern.name, node, attr }];
    if (pattern.kind !== "list") return [];
    return pattern.items.flatMap((item, element) => (item.kind === "bind" ? [{ name: item.name, node, attr, element }] : []));
  });
}

/** What a binder reads from the attributes of the node it stands for. */
export function readBinder({ attr, element }: Binder, { attrs }: NodePayload): AttrValue | undefined {
  const value = attrs[attr];
  if (element === undefined || value === undefined) return value;
  return (value as readonly (number | string)[])[element];
}

/** The same as an expression sees it: an element that is a name is a symbolic dimension. */
export function readBinderValue(binder: Binder, payload: NodePayload): ExpressionValue | undefined {
  const value = readBinder(binder, payload);
  return binder.element === undefined || value === undefined ? value : fromElement(value);
}

/**
 * Whether attributes fit a node's literals and the lengths of its lists; variables are left to the
 * binders.
 */
export function fitsLiterals(node: NodePattern, { attrs }: NodePayload): boolean {
  return Object.entries(node.attrs).every(([name, pattern]) => fitsPattern(pattern, attrs[name]));
}

function fitsPattern(pattern: AttrPattern, value: AttrValue | undefined): boolean {
  if (value === undefined) return false;
  if (pattern.kind !== "list") return fitsScalar(pattern, value);
  if (!Array.isArray(value) || value.length !== pattern.items.length) return false;
  const elements: readonly (number | string)[] = value as readonly (number | string)[];
  return pattern.items.every((item, i) => fitsScalar(item, elements[i]!));
}

function fitsScalar(pattern: ScalarPattern, value: AttrValue): boolean {
  return pattern.kind !== "literal" || sameAttribute(pattern.value, value);
}
