/**
 * The rule applications that a plan rests on: for each chosen kernel and each of its operands, the proof
 * that the operand which was chosen equals the one that the kernel was made with; and for each result of a
 * function the proof that the chosen kernel equals what the model computes.
 */

import { invariant } from "../../base/index.js";
import type { EClassId, ENodeId, Proof } from "../../egraph-ts/index.js";
import type { CompiledRule, RuleForm, RuleProgram } from "../../rules/index.js";
import type { ProblemClass } from "../extraction-problem.js";
import type { Optimized } from "../optimize.js";
import { chosenNode } from "../select.js";
import type { Term, Terms } from "./terms.js";

/** One instance of a rule: its left side, and what the rule says it equals. */
export interface RuleApplication {
  readonly rule: CompiledRule;
  readonly form: RuleForm;
  readonly conclusion: number;
  /** What the pattern of the conclusion's premise stands for. */
  readonly left: Term;
  readonly right: Term;
  /** Of the variables of the left side, roots included. */
  readonly substitution: ReadonlyMap<string, Term>;
  /** What the pattern of each premise stands for. */
  readonly instances: readonly Term[];
}

/** In an order in which what a kernel reads comes before what it computes; each once. */
export function planApplications(
  optimized: Optimized,
  rules: RuleProgram,
  terms: Terms,
): readonly RuleApplication[] {
  const forms = new Map(
    rules.rules.flatMap((rule) => rule.forms.map((form) => [form.name, { rule, form }] as const)),
  );
  const found = new Map<string, RuleApplication>();
  for (const [from, to] of provedPairs(optimized)) {
    const proof = optimized.input.graph.explain(from, to);
    const made = terms.ofProof(proof);
    for (const step of proof.steps) {
      if (step.kind !== "rule") continue;
      const known = forms.get(step.rule);
      if (known === undefined) continue;
      const application = readStep(step, made, known);
      const { conclusion, left, right } = application;
      found.set([step.rule, conclusion, terms.numberOf(left), terms.numberOf(right)].join(" "), application);
    }
  }
  return [...found.values()];
}

type RuleStep = Extract<Proof["steps"][number], { kind: "rule" }>;

function readStep(
  { conclusion, right, substitution, premises }: RuleStep,
  terms: readonly Term[],
  { rule, form }: Pick<RuleApplication, "rule" | "form">,
): RuleApplication {
  const name = form.conclusions[conclusion]?.name;
  const premise = form.premises.findIndex(({ root }) => root === name);
  const instances = premises.map(({ instance }) => terms[instance]!);
  const left = instances[premise];
  invariant(left !== undefined, "a conclusion is about a premise's root");
  const variables = Object.entries(substitution).map(([each, index]) => [each, terms[index]!] as const);
  return { rule, form, conclusion, left, right: terms[right]!, substitution: new Map(variables), instances };
}

/** What must be equal for the plan to be right. */
function provedPairs(optimized: Optimized): readonly (readonly [EClassId, ENodeId])[] {
  const walk = new Walk(optimized);
  optimized.input.scenarios.forEach((_, scenario) => {
    optimized.input.regions.forEach(({ results, carried }, region) => {
      for (const id of [...results, ...carried.flat()]) walk.root(id, { scenario, region });
    });
  });
  return [...walk.pairs.values()];
}

interface Where {
  readonly scenario: number;
  readonly region: number;
}

/** Invariant: the pairs below a chosen node stand before the pair that leads to it. */
class Walk {
  readonly pairs = new Map<string, readonly [EClassId, ENodeId]>();
  readonly #optimized: Optimized;
  readonly #visited = new Set<string>();

  constructor(optimized: Optimized) {
    this.#optimized = optimized;
  }

  root(id: EClassId, where: Where): void {
    const chosen = this.#chosen(id, where);
    this.#visit(chosen, where);
    this.pairs.set(`${id} ${chosen}`, [id, chosen]);
  }

  #visit(node: ENodeId, where: Where): void {
    const key = `${node} ${where.scenario} ${where.region}`;
    if (this.#visited.has(key)) return;
    this.#visited.add(key);
    for (const child of this.#optimized.input.graph.termChildren(node)) this.root(child, where);
  }

  #chosen(id: EClassId, where: Where): ENodeId {
    const { input, problem } = this.#optimized;
    const cls = input.graph.find(id);
    const what: ProblemClass = input.graph.data(cls).constant ? { kind: "term", cls } : { kind: "value", cls, ...where };
    const index = problem.indexOf(what);
    invariant(index !== undefined, "what a chosen node reads is part of the problem");
    const { enode } = chosenNode(this.#optimized, index);
    invariant(enode !== undefined, "a value or a term is an e-node");
    return enode;
  }
}
