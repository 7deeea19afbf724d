/** Writes the forms of a class as terms, so that a person sees how far the rules came. */

import type { EClassId, EGraph, ENodeId } from "../../egraph-ts/index.js";
import { describeAttribute } from "../describe-values.js";
import type { Facts, NodePayload } from "../facts.js";

const maxForms = 4;
const maxDepth = 4;

/** The first forms of a class, the oldest first; below them each class is its oldest form. */
export function describeForms(graph: EGraph<Facts>, cls: EClassId): readonly string[] {
  return graph
    .nodesOf(cls)
    .slice(0, maxForms)
    .map((node) => describeNode(graph, node, maxDepth));
}

function describeNode(graph: EGraph<Facts>, node: ENodeId, depth: number): string {
  const label = graph.nodeLabel(node);
  const op = graph.labelOp(label);
  const { attrs } = (graph.labelPayload(label) as NodePayload | undefined) ?? { attrs: {} };
  const name = attrs["name"];
  if ((op === "param" || op === "weight") && typeof name === "string") return `?${name}`;
  const operands = graph.nodeChildren(node).map((child) => describeClass(graph, child, depth - 1));
  const written = Object.entries(attrs).map(([key, value]) => `${key}: ${describeAttribute(value)}`);
  return `${op}(${[...operands, ...written].join(", ")})`;
}

function describeClass(graph: EGraph<Facts>, cls: EClassId, depth: number): string {
  const [oldest] = graph.nodesOf(cls);
  return oldest === undefined || depth === 0 ? "…" : describeNode(graph, oldest, depth);
}
