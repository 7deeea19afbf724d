/**
 * Exact DAG extraction: the integer program goes to a solver, which the caller brings, with the greedy choice
 * as its start. The answer is never worse than that, and says how far from the optimum it may be.
 */
import { extractDag } from "./dag.js";
import { type IntegerProgram, programOf } from "./integer-program.js";
import { cheapestTrees } from "./knuth.js";
import {
  type Extraction,
  type ExtractionProblem,
  isOverBudget,
  isUnreachable,
  type OverBudget,
  type Unreachable,
} from "./problem.js";
import { indexProblem } from "./problem-index.js";
import { Selection } from "./selection.js";
import { selected } from "./tree.js";
import { extractWithin } from "./within-budget.js";

export interface ProgramTask {
  readonly program: IntegerProgram;
  /** A feasible point, to start from. */
  readonly start: Float64Array | undefined;
  readonly timeLimitSeconds: number;
}

export interface ProgramSolution {
  /** "stopped": at the time limit; `x` and `bound` are what was reached. */
  readonly status: "optimal" | "infeasible" | "stopped";
  readonly x: Float64Array | undefined;
  /** No feasible point costs less. -Infinity if nothing is known. */
  readonly bound: number;
}

/** Solves integer programs, most likely in a worker: the call must not block. */
export type ProgramSolver = (task: ProgramTask) => Promise<ProgramSolution>;

export interface IlpOptions {
  readonly solver: ProgramSolver;
  /** Default 10. */
  readonly timeLimitSeconds?: number;
}

export interface BoundedExtraction extends Extraction {
  /** No choice costs less. */
  readonly lowerBound: number;
  /** (cost - lowerBound) / cost; 0 when the choice is proved to be the best. */
  readonly gap: number;
}

/** Share of the cost that counts as none. */
const ROUNDING = 1e-9;

export async function extractIlp(
  problem: ExtractionProblem,
  { solver, timeLimitSeconds = 10 }: IlpOptions,
): Promise<BoundedExtraction | Unreachable | OverBudget> {
  const greedy = problem.budget === undefined ? extractDag(problem) : extractWithin(problem);
  if (isUnreachable(greedy)) return greedy;
  const index = indexProblem(problem);
  const { program, encode, decode } = programOf(problem, index, cheapestTrees(index));
  const start = isOverBudget(greedy) ? undefined : encode(greedy.choice);
  const { status, x, bound } = await solver({ program, start, timeLimitSeconds });
  const choice = x === undefined || status === "infeasible" ? undefined : decode(x);
  const isWhole = choice !== undefined && isAcyclic(index, choice);
  const solved = isWhole ? selected(index, choice) : undefined;
  const best = cheaper(solved, isOverBudget(greedy) ? undefined : greedy);
  if (best === undefined) return isOverBudget(greedy) ? greedy : { overBudget: Number.POSITIVE_INFINITY };
  const lowerBound = Math.min(best.cost, status === "infeasible" ? best.cost : Math.max(bound, 0));
  const gap = best.cost - lowerBound <= ROUNDING * best.cost ? 0 : (best.cost - lowerBound) / best.cost;
  return { ...best, lowerBound, gap };
}

function isAcyclic(index: ReturnType<typeof indexProblem>, choice: Int32Array): boolean {
  const needed = index.roots.every((root) => choice[root] !== -1);
  return needed && isClosed(index, choice) && new Selection(index, choice).exactCost() !== undefined;
}

/** Whether every chosen node reads only classes with a choice. */
function isClosed({ children }: ReturnType<typeof indexProblem>, choice: Int32Array): boolean {
  return choice.every((node) => {
    if (node === -1) return true;
    const read = children.items.subarray(children.starts[node], children.starts[node + 1]);
    return read.every((child) => choice[child] !== -1);
  });
}

function cheaper(a: Extraction | undefined, b: Extraction | undefined): Extraction | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a.cost < b.cost ? a : b;
}
