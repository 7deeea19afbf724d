// Random terms, patterns and rules over a small language: a, b, c (leaves), f/1, g/2, h/3, w/5 (an e-node
// that takes two slots).

import fc from "fast-check";
import type { EClassId, EGraph, Pattern, Premise, Rule, Template } from "../../../src/egraph-ts/index.js";
import type { ListedTerm } from "./naive.js";

const ARITY = { a: 0, b: 0, c: 0, f: 1, g: 2, h: 3, w: 5 } as const;
type Op = keyof typeof ARITY;
const OPS = Object.keys(ARITY) as readonly Op[];

/** Terms that read earlier terms only. */
export const terms: fc.Arbitrary<readonly ListedTerm[]> = fc
  .array(fc.tuple(fc.constantFrom(...OPS), fc.array(fc.nat(), { minLength: 5, maxLength: 5 })), {
    minLength: 1,
    maxLength: 24,
  })
  .map((rows) =>
    rows.map(([op, picks], i) => {
      const isLeaf = i === 0 || ARITY[op] === 0;
      if (isLeaf) return { op: ARITY[op] === 0 ? op : "a", children: [] };
      return { op, children: picks.slice(0, ARITY[op]).map((pick) => pick % i) };
    }),
  );

/** Pairs of positions, to be taken modulo the number of terms. */
export const pairs = fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 8 });

export function addTerms<D>(graph: EGraph<D>, list: readonly ListedTerm[]): readonly EClassId[] {
  const ids: EClassId[] = [];
  for (const { op, children } of list) ids.push(graph.add(graph.label(op), children.map((c) => ids[c]!)));
  return ids;
}

/** Like a pattern, with variables as their names. */
type Shape = string | { readonly op: Op; readonly children: readonly Shape[] };

const { shape } = fc.letrec<{ shape: Shape; node: Shape }>((tie) => ({
  shape: fc.oneof({ depthSize: "small", withCrossShrink: true }, fc.constantFrom("x", "y", "z"), tie("node")),
  node: fc.constantFrom(...OPS).chain((op) =>
    fc.tuple(...Array.from({ length: ARITY[op] }, () => tie("shape"))).map((children) => ({ op, children })),
  ),
}));

function toPattern(from: Shape): Pattern {
  if (typeof from === "string") return { kind: "variable", name: from };
  return { kind: "node", op: from.op, payload: { kind: "exact", key: "" }, children: from.children.map(toPattern) };
}

function toTemplate(from: Shape): Template<number> {
  if (typeof from === "string") return { kind: "variable", name: from };
  return { kind: "node", op: from.op, payload: { key: "" }, children: from.children.map(toTemplate) };
}

function variablesOf(from: Shape): readonly string[] {
  return typeof from === "string" ? [from] : from.children.flatMap(variablesOf);
}

function renamed(from: Shape, known: readonly string[]): Shape {
  if (typeof from !== "string") return { op: from.op, children: from.children.map((c) => renamed(c, known)) };
  return known.includes(from) ? from : (known[0] ?? { op: "a", children: [] });
}

export const premises: fc.Arbitrary<readonly Premise[]> = fc.array(
  fc.tuple(fc.constantFrom("x", "p", "q"), shape).map(([root, from]) => ({ root, pattern: toPattern(from) })),
  { minLength: 1, maxLength: 2 },
);

export const rules: fc.Arbitrary<readonly Rule<number>[]> = fc.array(
  fc.tuple(shape, shape).map(([left, right]): Rule<number> => ({
    name: "random",
    premises: [{ root: "root", pattern: toPattern(left) }],
    conclusions: [{ root: "root", template: toTemplate(renamed(right, variablesOf(left))) }],
  })),
  { minLength: 1, maxLength: 4 },
);
