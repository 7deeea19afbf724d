/**
 * Which mutants of a rule are caught, and by what: refused when the file is loaded, shown wrong by the
 * checker, or failing a test of the rule's own file. A survivor is either a gap in the tests or says
 * something that is true as well; a note beside the rule records why.
 */

import type { Diagnostic, Span } from "../../diagnostics/index.js";
import { diagnostic } from "../../diagnostics/index.js";
import type { Registry } from "../../ir/index.js";
import { checkRule } from "../check/check-rule.js";
import { Findings } from "../findings.js";
import type { Note } from "../lint/notes.js";
import { notesOf } from "../lint/notes.js";
import { compileRule, DEFAULT_LOAD_OPTIONS } from "../load.js";
import type { CompiledRule, RuleFamily } from "../rule.js";
import type { RuleTest } from "../test-blocks/resolve-tests.js";
import type { RulesOfFamily } from "../test-blocks/run-tests.js";
import { runTest } from "../test-blocks/run-tests.js";
import { drawsThatAgree } from "./applies-elsewhere.js";
import type { Mutation } from "./mutations.js";
import { mutationsOf } from "./mutations.js";

/**
 * What caught a mutant. `equal` applies to nothing that the rule does not apply to, as far as draws can show;
 * `explained` has survived and a note says why; `survived` has no note.
 */
export type MutantFate = "static" | "check" | "test" | "equal" | "explained" | "survived";

export interface MutantReport {
  readonly rule: string;
  readonly title: string;
  readonly span: Span;
  readonly fate: MutantFate;
  /** The code that refused it, the test that failed, the draws that agreed, or the note's reason. */
  readonly by: string;
}

export interface MutateOptions {
  readonly registry: Registry;
  /** Tests of the family's file. */
  readonly tests: readonly RuleTest[];
  readonly others: RulesOfFamily;
  readonly seed: number;
  /** Draws for each mutant. */
  readonly cases: number;
}

/** Values for each draw: an error that a mutant makes is seldom subtle. */
const valuesPerCase = 6;
/** A first look, before the tests: most mutants are wrong everywhere. */
const quickCases = 4;

export interface RuleMutants {
  readonly mutants: readonly MutantReport[];
  /** Notes about mutants that are caught or that there are not. */
  readonly diagnostics: readonly Diagnostic[];
}

export async function judgeMutants(
  rule: CompiledRule,
  family: RuleFamily,
  options: MutateOptions,
): Promise<RuleMutants> {
  const notes = notesOf(rule).filter(({ kind }) => kind === "mutant");
  const mutants: MutantReport[] = [];
  for (const mutation of mutationsOf(rule.ast, rule.place.source.text, options.registry)) {
    mutants.push(await judge(mutation, { rule, family, notes }, options));
  }
  const stale = notes.filter(({ about }) => !mutants.some(({ title, fate }) => title === about && fate === "explained"));
  return { mutants, diagnostics: stale.map((note) => staleNote(rule, note)) };
}

interface Original {
  readonly rule: CompiledRule;
  readonly family: RuleFamily;
  readonly notes: readonly Note[];
}

async function judge(mutation: Mutation, original: Original, options: MutateOptions): Promise<MutantReport> {
  const { title, span } = mutation;
  const { name } = original.rule;
  const report = (fate: MutantFate, by: string): MutantReport => ({ rule: name, title, span, fate, by });
  const findings = new Findings(original.rule.place.source);
  const context = { registry: options.registry, findings, options: DEFAULT_LOAD_OPTIONS };
  const [mutant] = compileRule(mutation.rule, original.family, context);
  const fault = findings.list().find(({ severity }) => severity === "error");
  if (mutant === undefined || fault !== undefined) return report("static", fault?.code ?? "");
  const { seed, cases } = options;
  const check = async (count: number): Promise<string | undefined> =>
    (await checkRule(mutant, { seed, cases: count, valuesPerCase })).diagnostics[0]?.code;
  const obvious = await check(Math.min(quickCases, cases));
  if (obvious !== undefined && obvious !== "rule/unchecked") return report("check", obvious);
  const failing = failingTest(mutant, original, options);
  if (failing !== undefined) return report("test", failing);
  const found = await check(cases);
  if (found !== undefined) return report("check", found);
  const draws = drawsThatAgree(original.rule, mutant, seed);
  if (draws !== undefined) return report("equal", `${draws} draws apply to nothing else`);
  const note = original.notes.find(({ about }) => about === title);
  return note === undefined ? report("survived", "") : report("explained", note.reason);
}

/** The title of the first test that fails with the mutant in the rule's place. */
function failingTest(
  mutant: CompiledRule,
  { rule, family }: Original,
  { tests, others, registry }: MutateOptions,
): string | undefined {
  const rules = family.rules.map((each) => (each === rule ? mutant : each));
  return tests.find((test) => !runTest(test, rules, others, registry).passed)?.title;
}

function staleNote({ place }: CompiledRule, { about, span }: Note): Diagnostic {
  const message = `there is no surviving mutant \`${about}\``;
  return diagnostic("rule/stale-note", message, { place: { source: place.source, span } });
}
