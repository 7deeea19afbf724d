/**
 * DAG extraction: cheap choices for all roots together, where whatever is shared is paid for once. (Optimal
 * is NP-hard.) The better of two greedy starts is improved by local search until no move helps:
 *
 * - swap: give one selected class another node;
 * - pull-in: pretend that some class is paid for already, let everything that can profit from it switch, and
 *   see whether the whole is cheaper. It finds what no single swap can, such as one merged product that
 *   serves three projections: the first reader alone would pay for all of it.
 *
 * A move counts only if the exact cost of an acyclic whole falls, so the result is never worse than either
 * start.
 */
import { greedyDagChoice } from "./greedy-dag.js";
import { cheapestTrees, type TreeChoice } from "./knuth.js";
import { LocalSearch } from "./local-search.js";
import type { Extraction, ExtractionProblem, Unreachable } from "./problem.js";
import { indexProblem } from "./problem-index.js";
import { Selection } from "./selection.js";
import { selected, unreachableRoots } from "./tree.js";

export interface DagOptions {
  readonly swaps: boolean;
  readonly pullIns: boolean;
  /** Rounds of local search over all classes. */
  readonly passes: number;
  /** Moves tried in all; bounds the time on large problems. */
  readonly moves: number;
}

export const DEFAULT_DAG_OPTIONS: DagOptions = { swaps: true, pullIns: true, passes: 12, moves: 200_000 };

export function extractDag(
  problem: ExtractionProblem,
  options: Partial<DagOptions> = {},
): Extraction | Unreachable {
  const index = indexProblem(problem);
  const trees = cheapestTrees(index);
  const unreachable = unreachableRoots(index, trees.choice);
  if (unreachable !== undefined) return unreachable;
  const choices = [trees.choice, greedyDagChoice(index, trees)];
  const start = cheapest(choices.map((choice) => new Selection(index, choice)));
  const search = new LocalSearch(index, usableNodes(trees, problem), start);
  return selected(index, search.run({ ...DEFAULT_DAG_OPTIONS, ...options }));
}

/** The first is the tree choice, which is never cyclic. */
function cheapest(selections: readonly Selection[]): Selection {
  const costs = selections.map((selection) => selection.exactCost() ?? Number.POSITIVE_INFINITY);
  const best = costs.indexOf(Math.min(...costs));
  return selections[best]!;
}

/** Which nodes have a finite tree. */
function usableNodes(trees: TreeChoice, problem: ExtractionProblem): Uint8Array {
  return Uint8Array.from(problem.nodes, ({ cost, children }) => {
    const usable = Number.isFinite(cost) && children.every((child) => trees.choice[child] !== -1);
    return usable ? 1 : 0;
  });
}
