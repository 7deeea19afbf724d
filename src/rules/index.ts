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
export { type PreludeFunction, prelude, quantizationLevels } from "./prelude.js";
export type * from "./rule.js";
export type * from "./syntax.js";
