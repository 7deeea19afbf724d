// Arithmetic in s-expressions, as terms and rules of the engine: those of the bench, whose counts are known
// exactly. Numbers and symbols are leaves of the op "leaf", keyed by their text; `?a` is a class variable.

import type { RuleSet, Sexp } from "../../../bench/egraph/workloads.mjs";
import { parseSexp, rulesOf } from "../../../bench/egraph/workloads.mjs";
import { EGraph, type EClassId, type ENodeId, type Pattern, type Rule, type Template } from "../../../src/egraph-ts/index.js";

export type { RuleSet } from "../../../bench/egraph/workloads.mjs";
export { parseSexp, SAMPLES as SAMPLE_TERMS, sumText } from "../../../bench/egraph/workloads.mjs";

function split(term: Sexp): { op: string; key: string; children: readonly Sexp[] } {
  if (typeof term === "string") return { op: "leaf", key: term, children: [] };
  return { op: term[0] as string, key: "", children: term.slice(1) };
}

export function addTerm<D>(graph: EGraph<D>, term: Sexp): EClassId {
  const { op, key, children } = split(term);
  return graph.add(graph.label(op, key, key), children.map((child) => addTerm(graph, child)));
}

export function addText<D>(graph: EGraph<D>, text: string): EClassId {
  return addTerm(graph, parseSexp(text));
}

export function toPattern(term: Sexp): Pattern {
  if (typeof term === "string" && term.startsWith("?")) return { kind: "variable", name: term.slice(1) };
  const { op, key, children } = split(term);
  return { kind: "node", op, payload: { kind: "exact", payload: key, key }, children: children.map(toPattern) };
}

export function toTemplate<D>(term: Sexp): Template<D> {
  if (typeof term === "string" && term.startsWith("?")) return { kind: "variable", name: term.slice(1) };
  const { op, key, children } = split(term);
  return { kind: "node", op, payload: { payload: key, key }, children: children.map((c) => toTemplate<D>(c)) };
}

/** A rule without conditions: `left => right`, both s-expressions. */
export function rewrite<D = undefined>(name: string, left: string, right: string): Rule<D> {
  return {
    name,
    premises: [{ root: "@root", pattern: toPattern(parseSexp(left)) }],
    conclusions: [{ root: "@root", template: toTemplate<D>(parseSexp(right)) }],
  };
}

export function arithmeticRules<D = undefined>(set: RuleSet): readonly Rule<D>[] {
  return rulesOf(set).map(([name, left, right]) => rewrite<D>(name, left, right));
}

export interface StartedGraph {
  readonly graph: EGraph;
  readonly roots: readonly EClassId[];
}

export function startGraph(terms: readonly string[], explanations = false): StartedGraph {
  const graph = new EGraph({ explanations });
  const roots = terms.map((text) => addText(graph, text));
  return { graph, roots };
}

/** Writes a node with its children's classes, for messages: `(+ 3 4)`. */
export function describeNode<D>(graph: EGraph<D>, node: ENodeId): string {
  const label = graph.nodeLabel(node);
  const name = graph.labelOp(label) === "leaf" ? graph.labelKey(label) : graph.labelOp(label);
  return `(${[name, ...graph.nodeChildren(node)].join(" ")})`;
}
