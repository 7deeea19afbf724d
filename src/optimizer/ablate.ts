/**
 * What each rule is worth: the program is chosen again without it, and the predicted times compared. A rule
 * that never fired is worth nothing, and is not tried.
 */

import type { Module } from "../ir/index.js";
import type { CompiledRule, RuleProgram } from "../rules/index.js";
import { withoutRules } from "../rules/index.js";
import { ruleCoverage } from "./coverage.js";
import type { Optimized, OptimizeOptions } from "./optimize.js";
import { optimize } from "./optimize.js";

export interface ScenarioWorth {
  readonly scenario: string;
  readonly withNs: number;
  /** Undefined when no program is left without the rule. */
  readonly withoutNs: number | undefined;
}

export interface Ablation {
  readonly rule: CompiledRule;
  readonly applications: number;
  readonly scenarios: readonly ScenarioWorth[];
}

export interface AblationRequest {
  readonly module: Module;
  readonly optimized: Optimized;
  readonly rules: RuleProgram;
  readonly memoryBytes: number;
  readonly now: OptimizeOptions["now"];
}

/** Lazily, rule by rule, so that a caller can show them as they come. `wanted` leaves the others out. */
export function* ablateRules(
  request: AblationRequest,
  wanted: (name: string) => boolean,
): IterableIterator<Ablation> {
  for (const { rule, applications } of ruleCoverage(request.optimized, request.rules)) {
    if (!wanted(rule.name)) continue;
    const { selected } = request.optimized;
    const other = applications === 0 ? selected : programWithout(request, rule);
    const scenarios = selected.scenarios.map(({ name, predictedNs }) => ({
      scenario: name,
      withNs: predictedNs,
      withoutNs: other?.scenarios.find((each) => each.name === name)?.predictedNs,
    }));
    yield { rule, applications, scenarios };
  }
}

function programWithout(
  { module, optimized, rules, memoryBytes, now }: AblationRequest,
  { name }: CompiledRule,
): Optimized["selected"] | undefined {
  const { scenarios, pricing } = optimized.input;
  const others = withoutRules(rules, new Set([name]));
  const found = optimize(module, { rules: others, scenarios, pricing, memoryBytes, now });
  return found.ok ? found.value.selected : undefined;
}
