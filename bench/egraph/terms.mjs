// Terms and rules of the workloads in the engine's vocabulary.

import { parseSexp, rulesOf } from "./workloads.mjs";

function split(term) {
  return Array.isArray(term)
    ? { op: term[0], key: "", children: term.slice(1) }
    : { op: "leaf", key: term, children: [] };
}

function addTerm(graph, term) {
  const { op, key, children } = split(term);
  return graph.add(graph.label(op, key, key), children.map((child) => addTerm(graph, child)));
}

/** The class of an s-expression. */
export function buildTerm(graph, text) {
  return addTerm(graph, parseSexp(text));
}

function side(term, isPattern) {
  if (typeof term === "string" && term.startsWith("?")) return { kind: "variable", name: term.slice(1) };
  const { op, key, children } = split(term);
  const payload = isPattern ? { kind: "exact", payload: key, key } : { payload: key, key };
  return { kind: "node", op, payload, children: children.map((child) => side(child, isPattern)) };
}

export function buildRules(set) {
  return rulesOf(set).map(([name, left, right]) => ({
    name,
    premises: [{ root: "@root", pattern: side(parseSexp(left), true) }],
    conclusions: [{ root: "@root", template: side(parseSexp(right), false) }],
  }));
}
