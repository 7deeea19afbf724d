/** Types, the op registry, graphs, the text form, the verifier and the reference evaluator. */

export * from "./attrs.js";
export * from "./core-ops.js";
export * from "./evaluate.js";
export * from "./graph.js";
export * from "./loop-form.js";
export * from "./op.js";
export { roundHeads } from "./ops/cache.js";
export { roundToCodes } from "./ops/codes.js";
export { erf } from "./ops/erf.js";
export { castNumber } from "./ops/number-casts.js";
export * from "./parse.js";
export * from "./print.js";
export * from "./registry.js";
export * from "./selected-program.js";
export * from "./serialize-value.js";
export * from "./step-inputs.js";
export * from "./types.js";
export * from "./values.js";
export { stepParams } from "./verify-entry.js";
export { verifyFunctions, verifyModule } from "./verify.js";
