/** Which rules fired in a compiled model, where, and which of them the chosen kernels come from. */

import type { CompiledRule, RuleProgram } from "../rules/index.js";
import type { Optimized } from "./optimize.js";
import { valueNames } from "./value-names.js";

export interface RuleCoverage {
  readonly rule: CompiledRule;
  /** Applications that changed the graph, over all phases and directions. */
  readonly applications: number;
  /** Kernels of the plan, over all scenarios, that the rule led to. */
  readonly kernels: number;
  /** Values of the model that it gave another form: `@function %value`, each once, sorted. */
  readonly places: readonly string[];
}

/** One row for each rule, those that did nothing included. */
export function ruleCoverage(optimized: Optimized, { rules }: RuleProgram): readonly RuleCoverage[] {
  const places = placesByRule(optimized);
  const functions = optimized.selected.scenarios.flatMap((scenario) => scenario.functions);
  const nodes = functions.flatMap((func) => func.nodes);
  const tallies = optimized.report.phases.flatMap(({ report }) => report.perRule);
  return rules.map((rule) => {
    const forms = new Set(rule.forms.map(({ name }) => name));
    const own = tallies.filter(({ name }) => forms.has(name));
    return {
      rule,
      applications: own.reduce((sum, { applications }) => sum + applications, 0),
      kernels: nodes.filter((node) => !node.view && node.rules.some(({ name }) => name === rule.name)).length,
      places: [...new Set([...forms].flatMap((form) => [...(places.get(form) ?? [])]))].sort(),
    };
  });
}

/** By the name of an engine rule. */
function placesByRule(optimized: Optimized): ReadonlyMap<string, ReadonlySet<string>> {
  const nameOf = valueNames(optimized);
  const places = new Map<string, Set<string>>();
  for (const { left, reason } of optimized.input.graph.equalities()) {
    if (typeof reason === "string") continue;
    const { func, value } = nameOf(left);
    const own = places.get(reason.rule) ?? new Set<string>();
    if (func !== undefined) own.add(`@${func} ${value}`);
    places.set(reason.rule, own);
  }
  return places;
}
