/** From an e-graph to an extraction problem, and the way back from its indices. */
import type { EGraph } from "../egraph.js";
import type { EClassId, ENodeId } from "../types.js";
import type { ExtractionNode, ExtractionProblem } from "./problem.js";

export interface GraphProblem extends ExtractionProblem {
  /** Problem node to e-node. */
  readonly nodeIds: readonly ENodeId[];
  /** Problem class to canonical e-class. */
  readonly classIds: readonly EClassId[];
  /** The problem class of an e-class; the e-class must be reachable from the roots. */
  classIndexOf(cls: EClassId): number;
}

/**
 * Whatever the roots reach, numbered in order of discovery; subsumed e-nodes cost infinity. The graph must be
 * rebuilt, and not change meanwhile.
 */
export function toProblem<D>(
  graph: EGraph<D>,
  roots: readonly EClassId[],
  nodeCost: (node: ENodeId) => number,
): GraphProblem {
  const indexOf = new Map<EClassId, number>();
  const classIds: EClassId[] = [];
  const classIndex = (id: EClassId): number => {
    const cls = graph.find(id);
    const known = indexOf.get(cls);
    if (known !== undefined) return known;
    indexOf.set(cls, classIds.length);
    return classIds.push(cls) - 1;
  };
  const rootIndices = roots.map(classIndex);
  const nodes: ExtractionNode[] = [];
  const nodeIds: ENodeId[] = [];
  for (let at = 0; at < classIds.length; at++) {
    for (const node of graph.nodesOf(classIds[at]!)) {
      nodeIds.push(node);
      const children = graph.nodeChildren(node).map(classIndex);
      const cost = graph.isSubsumed(node) ? Number.POSITIVE_INFINITY : nodeCost(node);
      nodes.push({ classIndex: at, children, cost });
    }
  }
  return {
    nodes,
    classCount: classIds.length,
    roots: rootIndices,
    nodeIds,
    classIds,
    classIndexOf: (cls) => indexOf.get(graph.find(cls)) ?? -1,
  };
}
