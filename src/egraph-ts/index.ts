/** The engine's public face. Nothing else in this folder is meant to be imported from outside it. */
export { EGraph, type EGraphOptions } from "./egraph.js";
export { type ConflictDetail, EGraphError, type EGraphErrorCode } from "./errors.js";
export { checkProof, type ProofVerdict } from "./explain/check-proof.js";
export {
  type Chain,
  type PremiseProof,
  printTerm,
  type Proof,
  type ProofStep,
  type ProofTerm,
  type StepUse,
} from "./explain/proof.js";
export { DEFAULT_DAG_OPTIONS, type DagOptions, extractDag } from "./extract/dag.js";
export { type GraphProblem, toProblem } from "./extract/from-graph.js";
export {
  EXTRACTION_METHODS,
  extractFromJson,
  type ExtractionMethod,
  type JsonExtraction,
  type JsonExtractionOptions,
  type NamedProblem,
  problemOf,
} from "./extract/from-json.js";
export {
  type BoundedExtraction,
  extractIlp,
  type IlpOptions,
  type ProgramSolution,
  type ProgramSolver,
  type ProgramTask,
} from "./extract/ilp.js";
export type { IntegerProgram } from "./extract/integer-program.js";
export {
  type Extraction,
  type ExtractionNode,
  type ExtractionProblem,
  isOverBudget,
  isUnreachable,
  type OverBudget,
  type Unreachable,
  weightOf,
} from "./extract/problem.js";
export { extractTree } from "./extract/tree.js";
export { validateExtraction } from "./extract/validate.js";
export { extractWithin } from "./extract/within-budget.js";
export { parseSerialized, type ReadGraph, readSerialized } from "./read-serialized.js";
export { DEFAULT_LIMITS, saturate } from "./saturate.js";
export { type BackoffOptions, backoffScheduler, simpleScheduler } from "./schedulers.js";
export { serialize, type SerializedEGraph, type SerializedNode, type SerializeOptions, toDot } from "./serialize.js";
export type * from "./types.js";
export { validateEGraph } from "./validate.js";
