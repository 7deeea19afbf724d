/**
 * Runs a test block: the start term goes into an e-graph alone, the rules saturate it, and the goal is
 * reached when it is in the start's class. A test that runs into a limit has failed whatever it asks.
 */

import { assertNever, invariant } from "../../base/index.js";
import type { Diagnostic } from "../../diagnostics/index.js";
import { diagnostic } from "../../diagnostics/index.js";
import type { EClassId, Limits, SaturationReport } from "../../egraph-ts/index.js";
import { EGraph, saturate } from "../../egraph-ts/index.js";
import type { Registry } from "../../ir/index.js";
import { compileForm } from "../compile.js";
import type { Facts, NodePayload } from "../facts.js";
import { llmAnalysis, payloadKey } from "../facts.js";
import type { CompiledRule, Settings, TemplateTerm } from "../rule.js";
import type { TemplateFacts } from "../template-facts.js";
import { describeForms } from "./describe-forms.js";
import type { RuleTest } from "./resolve-tests.js";
import { factsOver } from "./resolve-tests.js";

export interface TestReport {
  readonly title: string;
  readonly passed: boolean;
  /** Names of the rules that changed something, in the order of their first application. */
  readonly applied: readonly string[];
  /** `rule/test-failed`, or nothing. */
  readonly diagnostics: readonly Diagnostic[];
}

/** Rules of a family by its name, as the tests see them. */
export type RulesOfFamily = (family: string) => readonly CompiledRule[] | undefined;

const limits: Partial<Limits> = { iterations: 30, nodes: 20_000 };

/** `rules` are those of the test's own file. */
export function runTest(
  test: RuleTest,
  rules: readonly CompiledRule[],
  others: RulesOfFamily,
  registry: Registry,
): TestReport {
  const all = [...rules];
  for (const { name, span } of test.families) {
    const family = others(name);
    if (family === undefined) {
      const place = { source: test.source, span };
      return failed(test, [], [diagnostic("rule/unknown-family", `there is no family \`${name}\``, { place })]);
    }
    all.push(...family.filter((rule) => !all.some((known) => known.name === rule.name)));
  }
  return prove(test, all, registry);
}

function prove(test: RuleTest, rules: readonly CompiledRule[], registry: Registry): TestReport {
  const graph = new EGraph<Facts>({ analysis: llmAnalysis(registry), explanations: true });
  const builder = new TermBuilder(graph, test);
  const start = builder.add(test.start);
  graph.rebuild();
  const report = saturate(graph, withSettings(rules, test.settings), { limits });
  const applied = report.perRule.filter(({ applications }) => applications > 0).map(({ name }) => name);
  if (report.stop !== "saturated") return failed(test, applied, [unfinished(test, report.stop)]);
  const shown = describeForms(graph, start);
  const goal = builder.add(test.goal);
  graph.rebuild();
  // What must not be equal must not become so from the goal's side either.
  if (!test.reaches) saturate(graph, withSettings(rules, test.settings), { limits });
  const reached = graph.find(start) === graph.find(goal);
  if (reached === test.reaches) return { title: test.title, passed: true, applied, diagnostics: [] };
  return failed(test, applied, [reached ? wronglyReached(test, applied) : notReached(test, applied, shown)]);
}

/** Guards may read compile options, so each test compiles its rules with its own. */
function withSettings(rules: readonly CompiledRule[], settings: Settings): ReturnType<typeof compileForm>[] {
  return rules.flatMap(({ forms }) => forms.map((form) => compileForm(form, settings)));
}

/** Invariant: every leaf that was asked for has one class. */
class TermBuilder {
  readonly #graph: EGraph<Facts>;
  readonly #test: RuleTest;
  readonly #facts: TemplateFacts;
  readonly #leaves = new Map<string, EClassId>();

  constructor(graph: EGraph<Facts>, test: RuleTest) {
    this.#graph = graph;
    this.#test = test;
    this.#facts = factsOver(test.leaves);
  }

  add(term: TemplateTerm): EClassId {
    switch (term.kind) {
      case "variable":
        return this.#leaf(term.name);
      case "node": {
        const operands = term.operands.map((each) => this.add(each));
        return this.#node(term.record.name, this.#facts.payloadOf(term), operands);
      }
      default:
        return assertNever(term);
    }
  }

  #leaf(name: string): EClassId {
    const known = this.#leaves.get(name);
    if (known !== undefined) return known;
    const leaf = this.#test.leaves.get(name);
    invariant(leaf !== undefined, "terms of a test read declared leaves");
    const cls = this.#node(leaf.constant ? "weight" : "param", { attrs: { name }, type: leaf.type }, []);
    this.#leaves.set(name, cls);
    return cls;
  }

  #node(op: string, payload: NodePayload, operands: readonly EClassId[]): EClassId {
    return this.#graph.add(this.#graph.label(op, payload, payloadKey(payload)), operands);
  }
}

function failed(
  { title }: RuleTest,
  applied: readonly string[],
  diagnostics: readonly Diagnostic[],
): TestReport {
  return { title, passed: false, applied, diagnostics };
}

function notReached(test: RuleTest, applied: readonly string[], shown: readonly string[]): Diagnostic {
  const hint =
    applied.length > 0
      ? `it is equal to ${shown.map((each) => `\`${each}\``).join(", ")}`
      : "no rule applies to what it starts from; the first guard or attribute that differs is the place to look";
  const place = { source: test.source, span: test.goalSpan };
  return diagnostic("rule/test-failed", `"${test.title}": the rules do not reach this goal`, { place, hint });
}

function wronglyReached(test: RuleTest, applied: readonly string[]): Diagnostic {
  const names = applied.map((each) => `\`${each}\``).join(", ");
  const hint = applied.length === 0 ? "both sides are one term" : `rules that were applied: ${names}`;
  const place = { source: test.source, span: test.goalSpan };
  return diagnostic("rule/test-failed", `"${test.title}": the rules reach what they must not`, { place, hint });
}

function unfinished(test: RuleTest, stop: SaturationReport["stop"]): Diagnostic {
  const place = { source: test.source, span: test.span };
  return diagnostic("rule/test-failed", `"${test.title}": the rules did not come to an end (${stop})`, {
    place,
    hint: "a rule that grows the graph belongs to an `explore` family, and its test to fewer families",
  });
}
