// Extraction problems for tests: hand-made ones, seeded random ones, and the exact answer by enumeration.

import type { ExtractionNode, ExtractionProblem } from "../../../../src/egraph-ts/index.js";

/** `[class, [children], cost]` for each node. */
export type NodeRow = readonly [classIndex: number, children: readonly number[], cost: number];

export function problemOf(rows: readonly NodeRow[], roots: readonly number[]): ExtractionProblem {
  const nodes = rows.map(([classIndex, children, cost]) => ({ classIndex, children, cost }));
  const classCount = Math.max(...rows.flatMap(([cls, children]) => [cls, ...children]), ...roots) + 1;
  return { nodes, classCount, roots };
}

/** A small generator of pseudo-random numbers in [0, 1) (mulberry32). */
export function randomSource(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/**
 * Layers of a transformer as plain and merged forms: three projections of one operand, each a product of its
 * own (cost 10) or a slice (cost 1) of a shared merged product (cost 15); a residual stream of two readers
 * each layer. The best choice merges everywhere.
 */
export function projectionLayers(layers: number): ExtractionProblem {
  const rows: NodeRow[] = [[0, [], 1]];
  let stream = 0;
  let next = 1;
  for (let layer = 0; layer < layers; layer++) {
    const merged = next++;
    rows.push([merged, [stream], 15]);
    const projections = [next++, next++, next++];
    for (const cls of projections) rows.push([cls, [stream], 10], [cls, [merged], 1]);
    const attention = next++;
    rows.push([attention, projections, 2], [attention, [...projections, stream], 3]);
    const residual = next++;
    rows.push([residual, [attention, stream], 1], [residual, [stream, attention], 1.5]);
    stream = residual;
  }
  return problemOf(rows, [stream]);
}

export function projectionOptimum(layers: number): number {
  return 1 + layers * (15 + 3 + 2 + 1);
}

export function randomProblem(seed: number, classCount: number, nodesPerClass: number): ExtractionProblem {
  const random = randomSource(seed);
  const pick = (n: number): number => Math.floor(random() * n);
  const nodes: ExtractionNode[] = [];
  for (let cls = 0; cls < classCount; cls++) {
    for (let i = 0; i <= pick(nodesPerClass); i++) {
      const arity = cls === 0 ? 0 : pick(4);
      // mostly downwards, so that most classes have a finite choice; sometimes anywhere, to make cycles
      const child = (): number => (random() < 0.85 ? pick(Math.max(cls, 1)) : pick(classCount));
      const cost = random() < 0.1 ? 0 : pick(10) + 1;
      nodes.push({ classIndex: cls, children: Array.from({ length: arity }, child), cost });
    }
  }
  return { nodes, classCount, roots: [classCount - 1, pick(classCount)] };
}

/** The least DAG cost, by trying every choice for every class. Undefined if no choice will do. */
export function optimalCost(problem: ExtractionProblem): number | undefined {
  const choice = new Map<number, ExtractionNode>();
  let best = Number.POSITIVE_INFINITY;
  const isAcyclic = (): boolean => {
    const done = new Set<number>();
    const visit = (cls: number, above: ReadonlySet<number>): boolean => {
      if (done.has(cls)) return true;
      if (above.has(cls)) return false;
      const path = new Set(above).add(cls);
      const isFine = choice.get(cls)?.children.every((child) => visit(child, path)) ?? false;
      done.add(cls);
      return isFine;
    };
    return problem.roots.every((root) => visit(root, new Set()));
  };
  const extend = (open: readonly number[], cost: number): void => {
    if (cost >= best) return;
    const [cls, ...rest] = open;
    if (cls === undefined) {
      if (isAcyclic()) best = cost;
      return;
    }
    if (choice.has(cls)) return extend(rest, cost);
    for (const node of problem.nodes) {
      if (node.classIndex !== cls || !Number.isFinite(node.cost)) continue;
      choice.set(cls, node);
      extend([...node.children, ...rest], cost + node.cost);
      choice.delete(cls);
    }
  };
  extend([...problem.roots], 0);
  return best === Number.POSITIVE_INFINITY ? undefined : best;
}
