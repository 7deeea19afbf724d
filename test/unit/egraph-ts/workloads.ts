// Arithmetic in s-expressions: terms, rules and the workloads whose counts are known exactly.
// Numbers and symbols are leaves of the op "leaf", keyed by their text; `?a` is a class variable.

import { EGraph, type EClassId, type ENodeId, type Pattern, type Rule, type Template } from "../../../src/egraph-ts/index.js";

export type Sexp = string | readonly Sexp[];

export function parseSexp(text: string): Sexp {
  const tokens = text.match(/[()]|[^\s()]+/g) ?? [];
  let at = 0;
  const read = (): Sexp => {
    const token = tokens[at++]!;
    if (token !== "(") return token;
    const items: Sexp[] = [];
    while (tokens[at] !== ")") items.push(read());
    at++;
    return items;
  };
  return read();
}

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

const RULE_TABLE: readonly (readonly [name: string, left: string, right: string, sets: string])[] = [
  ["comm-add", "(+ ?a ?b)", "(+ ?b ?a)", "AC micro pure"],
  ["comm-mul", "(* ?a ?b)", "(* ?b ?a)", "micro pure"],
  ["assoc-add", "(+ ?a (+ ?b ?c))", "(+ (+ ?a ?b) ?c)", "AC micro pure"],
  ["assoc-mul", "(* ?a (* ?b ?c))", "(* (* ?a ?b) ?c)", "micro pure"],
  ["sub-canon", "(- ?a ?b)", "(+ ?a (* -1 ?b))", "micro pure"],
  ["zero-add", "(+ ?a 0)", "?a", "micro pure"],
  ["zero-mul", "(* ?a 0)", "0", "micro pure"],
  ["one-mul", "(* ?a 1)", "?a", "micro pure"],
  ["add-zero", "?a", "(+ ?a 0)", "pure"],
  ["mul-one", "?a", "(* ?a 1)", "pure"],
  ["cancel-sub", "(- ?a ?a)", "0", "micro pure"],
  ["distribute", "(* ?a (+ ?b ?c))", "(+ (* ?a ?b) (* ?a ?c))", "micro pure"],
  ["factor", "(+ (* ?a ?b) (* ?a ?c))", "(* ?a (+ ?b ?c))", "micro pure"],
  ["pow-mul", "(* (pow ?a ?b) (pow ?a ?c))", "(pow ?a (+ ?b ?c))", "micro pure"],
  ["pow1", "(pow ?x 1)", "?x", "micro pure"],
  ["pow2", "(pow ?x 2)", "(* ?x ?x)", "micro pure"],
  ["d-add", "(d ?x (+ ?a ?b))", "(+ (d ?x ?a) (d ?x ?b))", "micro pure"],
  ["d-mul", "(d ?x (* ?a ?b))", "(+ (* ?a (d ?x ?b)) (* ?b (d ?x ?a)))", "micro pure"],
  ["d-sin", "(d ?x (sin ?x))", "(cos ?x)", "micro pure"],
  ["d-cos", "(d ?x (cos ?x))", "(* -1 (sin ?x))", "micro pure"],
  ["i-one", "(i 1 ?x)", "?x", "micro pure"],
  ["i-cos", "(i (cos ?x) ?x)", "(sin ?x)", "micro pure"],
  ["i-sin", "(i (sin ?x) ?x)", "(* -1 (cos ?x))", "micro pure"],
  ["i-sum", "(i (+ ?f ?g) ?x)", "(+ (i ?f ?x) (i ?g ?x))", "micro pure"],
  ["i-dif", "(i (- ?f ?g) ?x)", "(- (i ?f ?x) (i ?g ?x))", "micro pure"],
  ["i-parts", "(i (* ?a ?b) ?x)", "(- (* ?a (i ?b ?x)) (i (* (d ?x ?a) (i ?b ?x)) ?x))", "micro pure"],
];

export type RuleSet = "AC" | "micro" | "pure";

export function arithmeticRules<D = undefined>(set: RuleSet): readonly Rule<D>[] {
  const rows = RULE_TABLE.filter(([, , , sets]) => sets.split(" ").includes(set));
  return rows.map(([name, left, right]) => rewrite<D>(name, left, right));
}

export const SAMPLE_TERMS: readonly string[] = [
  "(i (ln x) x)",
  "(i (+ x (cos x)) x)",
  "(i (* (cos x) x) x)",
  "(d x (+ 1 (* 2 x)))",
  "(d x (- (pow x 3) (* 7 (pow x 2))))",
  "(+ (* y (+ x y)) (- (+ x 2) (+ x x)))",
  "(/ 1 (- (/ (+ 1 (sqrt five)) 2) (/ (- 1 (sqrt five)) 2)))",
];

/** `(+ 1 (+ 2 … (+ n-1 n)))` */
export function sumText(n: number): string {
  let text = String(n);
  for (let i = n - 1; i >= 1; i--) text = `(+ ${i} ${text})`;
  return text;
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
