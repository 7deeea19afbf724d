/**
 * The extraction problem, independent of any graph: classes of alternative nodes, each with a cost and the
 * classes it reads. All extractors take this form and one validator judges all of them.
 */

export interface ExtractionNode {
  readonly classIndex: number;
  /** Class indices. A class read twice is paid for once. */
  readonly children: readonly number[];
  /** At least 0. A node of infinite cost is never chosen. */
  readonly cost: number;
  /** What the node takes of the budget, at least 0. Default 0. */
  readonly weight?: number;
}

export interface ExtractionProblem {
  readonly nodes: readonly ExtractionNode[];
  readonly classCount: number;
  /** Class indices. */
  readonly roots: readonly number[];
  /**
   * The chosen nodes may weigh so much together. Kept by `extractWithin` and `extractIlp`; `extractTree` and
   * `extractDag` do not look at it. Default: no bound.
   */
  readonly budget?: number;
}

export interface Extraction {
  /** Class index to node index; -1 for a class that the roots do not need. */
  readonly choice: Int32Array;
  /** The DAG cost: each chosen node that the roots reach is paid for once. */
  readonly cost: number;
}

/** The roots that no finite, acyclic choice reaches. Never empty. */
export interface Unreachable {
  readonly unreachable: readonly number[];
}

export function isUnreachable(result: object): result is Unreachable {
  return "unreachable" in result;
}

/** No choice that was found keeps within the budget. */
export interface OverBudget {
  /** The least weight of any choice that was found. */
  readonly overBudget: number;
}

export function isOverBudget(result: object): result is OverBudget {
  return "overBudget" in result;
}

/** What the chosen nodes weigh together. */
export function weightOf({ nodes }: ExtractionProblem, choice: Int32Array): number {
  return choice.reduce((sum, node) => sum + (node < 0 ? 0 : (nodes[node]?.weight ?? 0)), 0);
}
