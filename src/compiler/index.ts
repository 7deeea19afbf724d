/** The stages of a compilation, its options, the targets, and artifacts. */

export * from "./artifact.js";
export { checkRules, compileChecked } from "./checked-rules.js";
export * from "./compile.js";
export * from "./options.js";
export type { PackReport, QuantizationError } from "./pack.js";
export * from "./rule-files.js";
export * from "./rule-verdicts.js";
export * from "./targets.js";
