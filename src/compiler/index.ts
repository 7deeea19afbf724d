/** The stages of a compilation, its options, the targets, and artifacts. */

export * from "./artifact.js";
export { checkRules, compileChecked } from "./checked-rules.js";
export * from "./compile.js";
export type {
  ActivationRounding, Artifact, CompileOptions, QuantizationError, QuantizationLevel,
} from "../artifacts/index.js";
export {
  activationRoundings, DEFAULT_COMPILE_OPTIONS, DEFAULT_CONTEXT, kvDtypes, quantizationLevels,
} from "../artifacts/index.js";
export { calibrate, forgetMeasurements, machineDescription, measurementsOf } from "./machine.js";
export type { PackReport } from "./pack.js";
export * from "./rule-files.js";
export * from "./rule-verdicts.js";
export * from "./targets.js";
