/**
 * Tree extraction: for each class the cheapest tree, where a shared subterm is paid for at every use. Optimal
 * for trees, fast, and the usual starting point; on graphs with much sharing it can be far from the best DAG.
 */
import { cheapestTrees } from "./knuth.js";
import { type Extraction, type ExtractionProblem, type Unreachable } from "./problem.js";
import { indexProblem, type ProblemIndex } from "./problem-index.js";

export function extractTree(problem: ExtractionProblem): Extraction | Unreachable {
  const index = indexProblem(problem);
  const trees = cheapestTrees(index);
  return unreachableRoots(index, trees.choice) ?? selected(index, trees.choice);
}

export function unreachableRoots(index: ProblemIndex, choice: Int32Array): Unreachable | undefined {
  const unreachable = index.roots.filter((root) => choice[root] === -1);
  return unreachable.length > 0 ? { unreachable } : undefined;
}

/** Keeps the choices that the roots reach, and prices them. */
export function selected(index: ProblemIndex, choice: Int32Array): Extraction {
  const { children } = index;
  const kept = new Int32Array(index.classCount).fill(-1);
  const stack = [...index.roots];
  let cost = 0;
  for (let cls = stack.pop(); cls !== undefined; cls = stack.pop()) {
    if (kept[cls] !== -1) continue;
    const node = choice[cls]!;
    kept[cls] = node;
    cost += index.cost[node]!;
    for (let i = children.starts[node]!; i < children.starts[node + 1]!; i++) stack.push(children.items[i]!);
  }
  return { choice: kept, cost };
}
