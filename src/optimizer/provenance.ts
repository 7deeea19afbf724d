/**
 * Which rules led to an e-node: the rule that made it, and before that the rules that made the nodes
 * which that rule matched, back to the plain graph.
 */

import type { EGraph, ENodeId } from "../egraph-ts/index.js";
import type { RuleReference } from "../ir/index.js";
import type { Facts } from "../rules/index.js";
import { LOOPS_PREFIX } from "./price.js";

export interface RulePlaces {
  /** Where an engine rule is written; undefined for a rule that writes itself. */
  placeOf(rule: string): { readonly name: string; readonly file: string; readonly line: number } | undefined;
}

/** Oldest first, each rule once. */
export function ruleChain(
  graph: EGraph<Facts>,
  enode: ENodeId,
  places: RulePlaces,
): readonly RuleReference[] {
  const chain = new Map<string, RuleReference>();
  const seen = new Set<ENodeId>();
  const visit = (node: ENodeId): void => {
    if (seen.has(node)) return;
    seen.add(node);
    const op = graph.labelOp(graph.nodeLabel(node));
    const application = graph.origin(node);
    if (application === undefined && op.startsWith(LOOPS_PREFIX)) {
      for (const twin of loweredFrom(graph, node)) visit(twin);
      chain.set(op, { name: op });
      return;
    }
    if (application === undefined) return;
    for (const matched of application.matched) visit(matched);
    if (!chain.has(application.rule)) chain.set(application.rule, reference(application.rule, places));
  };
  visit(enode);
  return [...chain.values()];
}

function reference(rule: string, places: RulePlaces): RuleReference {
  return places.placeOf(rule) ?? { name: rule };
}

/** The node whose loop form a `loops.` node is: same attributes, same operands, same class. */
function loweredFrom(graph: EGraph<Facts>, node: ENodeId): ENodeId[] {
  const label = graph.nodeLabel(node);
  const op = graph.labelOp(label).slice(LOOPS_PREFIX.length);
  const key = graph.labelKey(label);
  const children = graph.nodeChildren(node).join();
  return [...graph.nodesOf(graph.nodeClass(node))].filter((twin) => {
    const other = graph.nodeLabel(twin);
    return (
      graph.labelOp(other) === op &&
      graph.labelKey(other) === key &&
      graph.nodeChildren(twin).join() === children
    );
  });
}
