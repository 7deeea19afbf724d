/** Saturate, extract for all scenarios together, explain. */

export * from "./ablate.js";
export { bisectPlan, type BisectReport, type Blame, type PlanErrors } from "./bisect/bisect.js";
export type { Term } from "./bisect/terms.js";
export * from "./choose-threads.js";
export * from "./coverage.js";
export * from "./explain.js";
export * from "./loop-kernels.js";
export * from "./optimize.js";
export * from "./price.js";
export * from "./scenarios.js";
export * from "./why-not.js";
