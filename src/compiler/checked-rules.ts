/**
 * No rule changes a program before it was found sound. `compileModel` refuses a rule without a verdict;
 * `compileChecked` checks such rules first, once for each text, and is what every door calls.
 */

import type { Host } from "../base/index.js";
import type { Diagnostic, Result } from "../diagnostics/index.js";
import { failure, success } from "../diagnostics/index.js";
import { checkRule } from "../rules/index.js";
import type { Compilation, Progress } from "./compile.js";
import { compileModel, readRules } from "./compile.js";
import type { CompileOptions } from "../artifacts/index.js";
import { DEFAULT_COMPILE_OPTIONS } from "../artifacts/index.js";
import { RULE_CHECK, RuleVerdicts, uncheckedRules } from "./rule-verdicts.js";
import { findTarget } from "./targets.js";

/** `compileModel`, after the rules that nobody has checked yet were checked. */
export async function compileChecked(
  host: Host,
  path: string,
  given: Partial<CompileOptions>,
  progress: Progress = {},
): Promise<Result<Compilation>> {
  // Nearly always every rule has its verdict, and nothing is read twice.
  const first = compileModel(host, path, given, progress);
  if (first.ok || !first.diagnostics.some(({ code }) => code === "rule/not-checked")) return first;
  const checked = await checkRules(host, given, progress);
  if (!checked.ok) return checked;
  const second = compileModel(host, path, given, progress);
  return second.ok ? second : failure(...checked.diagnostics, ...second.diagnostics);
}

/**
 * Checks the rules of a compilation that have no verdict. Fails when one is unsound; warns of what it cannot
 * judge.
 */
export async function checkRules(
  host: Host,
  given: Partial<CompileOptions>,
  progress: Progress,
): Promise<Result<undefined>> {
  const options = { ...DEFAULT_COMPILE_OPTIONS, ...given };
  const backend = findTarget(options.target);
  const rules = backend && readRules(host, backend, options);
  if (rules?.ok !== true) return success(undefined);
  const verdicts = new RuleVerdicts(host);
  const waiting = uncheckedRules(verdicts, rules.value);
  const found: Diagnostic[] = [];
  const started = host.nowMs();
  for (const [i, rule] of waiting.entries()) {
    const report = await checkRule(rule, RULE_CHECK);
    if (report.diagnostics.length === 0) verdicts.keep(rule, report, true);
    found.push(...report.diagnostics);
    progress.step?.("check", i + 1, waiting.length);
  }
  verdicts.save();
  progress.stage?.("check", host.nowMs() - started);
  return found.some(({ severity }) => severity === "error") ? failure(...found) : success(undefined, found);
}
