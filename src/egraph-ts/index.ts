/** The engine's public face. Nothing else in this folder is meant to be imported from outside it. */
export { EGraph, type EGraphOptions } from "./egraph.js";
export { type ConflictDetail, EGraphError, type EGraphErrorCode } from "./errors.js";
export { DEFAULT_DAG_OPTIONS, type DagOptions, extractDag } from "./extract/dag.js";
export { type GraphProblem, toProblem } from "./extract/from-graph.js";
export {
  type Extraction,
  type ExtractionNode,
  type ExtractionProblem,
  isUnreachable,
  type Unreachable,
} from "./extract/problem.js";
export { extractTree } from "./extract/tree.js";
export { validateExtraction } from "./extract/validate.js";
export { DEFAULT_LIMITS, saturate } from "./saturate.js";
export { type BackoffOptions, backoffScheduler, simpleScheduler } from "./schedulers.js";
export { serialize, type SerializedEGraph, type SerializedNode, type SerializeOptions, toDot } from "./serialize.js";
export type * from "./types.js";
export { validateEGraph } from "./validate.js";
