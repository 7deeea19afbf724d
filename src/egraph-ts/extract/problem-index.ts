/**
 * A checked extraction problem in flat arrays: children of each node without repeats, nodes of each class,
 * and the nodes that read each class. Nodes of infinite cost are left out everywhere.
 */
import { EGraphError } from "../errors.js";
import type { ExtractionProblem } from "./problem.js";

/** Rows of varying length: row r is `items[starts[r]] .. items[starts[r + 1] - 1]`. */
export interface Rows {
  readonly starts: Int32Array;
  readonly items: Int32Array;
}

export interface ProblemIndex {
  readonly nodeCount: number;
  readonly classCount: number;
  readonly roots: readonly number[];
  readonly cost: Float64Array;
  readonly classOf: Int32Array;
  /** For each node, the classes it reads, ascending, each once; empty for a node of infinite cost. */
  readonly children: Rows;
  /** For each class, its nodes of finite cost. */
  readonly members: Rows;
  /** For each class, the nodes of finite cost that read it. */
  readonly readers: Rows;
}

export function indexProblem(problem: ExtractionProblem): ProblemIndex {
  const { nodes, classCount, roots } = problem;
  for (const root of roots) checkClass(root, classCount, "a root");
  const cost = Float64Array.from(nodes, (node, n) => checkedCost(node.cost, n));
  const usable = (n: number): boolean => cost[n]! < Number.POSITIVE_INFINITY;
  const classOf = Int32Array.from(nodes, (node, n) => checkClass(node.classIndex, classCount, `node ${n}`));
  const children = rows(
    nodes.map((node, n) => {
      for (const child of node.children) checkClass(child, classCount, `a child of node ${n}`);
      return usable(n) ? [...new Set(node.children)].sort((a, b) => a - b) : [];
    }),
  );
  const members: number[][] = Array.from({ length: classCount }, () => []);
  const readers: number[][] = Array.from({ length: classCount }, () => []);
  nodes.forEach((_, n) => {
    if (!usable(n)) return;
    members[classOf[n]!]!.push(n);
    for (let i = children.starts[n]!; i < children.starts[n + 1]!; i++) readers[children.items[i]!]!.push(n);
  });
  return {
    nodeCount: nodes.length,
    classCount,
    roots: [...new Set(roots)],
    cost,
    classOf,
    children,
    members: rows(members),
    readers: rows(readers),
  };
}

function checkClass(cls: number, classCount: number, what: string): number {
  if (Number.isInteger(cls) && cls >= 0 && cls < classCount) return cls;
  throw new EGraphError("bad-problem", `${what} names class ${cls}, but there are ${classCount} classes`);
}

function checkedCost(cost: number, node: number): number {
  if (cost >= 0) return cost;
  throw new EGraphError("bad-problem", `node ${node} costs ${cost}; a cost is at least 0`);
}

function rows(lists: readonly (readonly number[])[]): Rows {
  const starts = new Int32Array(lists.length + 1);
  lists.forEach((list, r) => {
    starts[r + 1] = starts[r]! + list.length;
  });
  const items = new Int32Array(starts[lists.length] ?? 0);
  lists.forEach((list, r) => items.set(list, starts[r]));
  return { starts, items };
}
