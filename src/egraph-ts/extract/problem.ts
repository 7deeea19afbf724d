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
}

export interface ExtractionProblem {
  readonly nodes: readonly ExtractionNode[];
  readonly classCount: number;
  /** Class indices. */
  readonly roots: readonly number[];
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

export function isUnreachable(result: Extraction | Unreachable): result is Unreachable {
  return "unreachable" in result;
}
