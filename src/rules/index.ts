/** The rule language: parse, resolve, compile to the engine, check by machine. */

export {
  type CheckOptions,
  type CheckReport,
  checkRule,
  type CounterExample,
  DEFAULT_CHECK_OPTIONS,
} from "./check/check-rule.js";
export * from "./facts.js";
export * from "./load.js";
export { parseRuleFile } from "./parse.js";
export { permissiveSettings, type PreludeFunction, prelude, quantizationLevels } from "./prelude.js";
export type * from "./rule.js";
export type * from "./syntax.js";
export { resolveTests, type RuleTest, type TestLeaf } from "./test-blocks/resolve-tests.js";
export { type RulesOfFamily, runTest, type TestReport } from "./test-blocks/run-tests.js";
export { formatRuleFile } from "./format/format-file.js";
export { lintAcross, lintRule } from "./lint/lint-rules.js";
export {
  judgeMutants,
  type MutantFate,
  type MutantReport,
  type MutateOptions,
  type RuleMutants,
} from "./mutate/judge-mutants.js";
export { checkImports } from "./imports.js";
export { analyse, type AnalyseOptions, checkSides, type RuleFileAnalysis } from "./service/analyse.js";
export { complete, type Completion } from "./service/complete.js";
export { describeSymbol } from "./service/describe.js";
export { renamable, rename } from "./service/rename.js";
export { type FileSymbol, symbolAt, symbolsOf, usesOf } from "./service/symbols.js";
export { findNearMisses, type NearMiss, type NearMisses } from "./near-misses.js";
export { withoutRules } from "./without-rules.js";
export { type Disagreement, judgeSides, sideOf } from "./check/judge-sides.js";
export { showValue } from "./check/report.js";
export { drawKernelUses, type KernelUse } from "./check/kernel-uses.js";
