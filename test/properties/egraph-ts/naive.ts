// The e-graph's meaning in its plainest form: congruence closure by fixed point over a list of terms, and
// matching by trying every class for every premise. Slow, obvious, and sharing nothing with the engine.

import type { EGraph, EClassId, ENodeId, Pattern, Premise } from "../../../src/egraph-ts/index.js";

/** A term whose children are earlier terms of the same list. */
export interface ListedTerm {
  readonly op: string;
  readonly children: readonly number[];
}

/** For each term, the smallest term it is equal to. */
export function congruenceClosure(
  terms: readonly ListedTerm[],
  equalities: readonly (readonly [number, number])[],
): readonly number[] {
  let classOf = terms.map((_, i) => i);
  const merge = (a: number, b: number): void => {
    const [low, high] = [Math.min(classOf[a]!, classOf[b]!), Math.max(classOf[a]!, classOf[b]!)];
    classOf = classOf.map((cls) => (cls === high ? low : cls));
  };
  for (const [a, b] of equalities) merge(a, b);
  for (let before = ""; before !== classOf.join(); ) {
    before = classOf.join();
    const contents = terms.map(({ op, children }) => `${op}(${children.map((c) => classOf[c]).join()})`);
    contents.forEach((content, i) => merge(i, contents.indexOf(content)));
  }
  return classOf;
}

type Substitution = Readonly<Record<string, EClassId>>;

/** Every substitution of the premises, one for each choice of e-nodes, as sorted text. */
export function naiveMatches(graph: EGraph, premises: readonly Premise[]): readonly string[] {
  let found: readonly Substitution[] = [{}];
  for (const { root, pattern } of premises) {
    const classes = [...graph.classes()];
    const extend = (substitution: Substitution, cls: EClassId): readonly Substitution[] =>
      bind(substitution, root, cls).flatMap((bound) => matchClass(graph, pattern, cls, bound));
    found = found.flatMap((substitution) => classes.flatMap((cls) => extend(substitution, cls)));
  }
  return found.map(describeSubstitution).sort();
}

export function describeSubstitution(substitution: Substitution): string {
  const names = Object.keys(substitution).sort();
  return names.map((name) => `${name}=${substitution[name]!}`).join(" ");
}

function bind(substitution: Substitution, name: string, cls: EClassId): readonly Substitution[] {
  const known = substitution[name];
  if (known === undefined) return [{ ...substitution, [name]: cls }];
  return known === cls ? [substitution] : [];
}

function matchClass(
  graph: EGraph,
  pattern: Pattern,
  cls: EClassId,
  known: Substitution,
): readonly Substitution[] {
  if (pattern.kind === "variable") return bind(known, pattern.name, cls);
  return graph.nodesOf(cls).flatMap((node) => matchNode(graph, pattern, node, known));
}

function matchNode(
  graph: EGraph,
  pattern: Pattern & { readonly kind: "node" },
  node: ENodeId,
  known: Substitution,
): readonly Substitution[] {
  const label = graph.nodeLabel(node);
  const children = graph.nodeChildren(node);
  if (graph.labelOp(label) !== pattern.op || children.length !== pattern.children.length) return [];
  if (pattern.payload.kind === "exact" && pattern.payload.key !== graph.labelKey(label)) return [];
  let found: readonly Substitution[] = [known];
  pattern.children.forEach((child, k) => {
    found = found.flatMap((substitution) => matchClass(graph, child, children[k]!, substitution));
  });
  return found;
}
