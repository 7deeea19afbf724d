/** A program of rules with some of them left out, by name. */

import type { RuleProgram } from "./rule.js";

export function withoutRules(program: RuleProgram, names: ReadonlySet<string>): RuleProgram {
  const kept = <R extends { readonly name: string }>(rules: readonly R[]): readonly R[] =>
    rules.filter(({ name }) => !names.has(name));
  return {
    rules: kept(program.rules),
    fusions: kept(program.fusions),
    families: program.families.map((family) => {
      return { ...family, rules: kept(family.rules), fusions: kept(family.fusions) };
    }),
    phases: program.phases.map((phase) => ({ ...phase, rules: kept(phase.rules) })),
  };
}
