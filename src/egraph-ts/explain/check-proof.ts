/**
 * Replays a proof against the rules, sharing nothing with the engine: it knows terms, patterns and templates,
 * no graph. Two things it takes as they are written: payloads that a rule computes, and conditions, since
 * both may ask the graph; `given` and `analysis` steps are what the proof assumes, and are named in the
 * verdict.
 */
import type { Pattern, Rule, Template } from "../types.js";
import type { Chain, Proof, ProofStep } from "./proof.js";

export interface ProofVerdict {
  /** One sentence for each fault; empty if the proof holds. */
  readonly faults: readonly string[];
  /** The steps that are taken on trust. */
  readonly assumptions: readonly ProofStep[];
}

export function checkProof<D>(proof: Proof, rules: readonly Rule<D>[]): ProofVerdict {
  const checker = new Checker(proof, rules);
  checker.check();
  const assumptions = proof.steps.filter(({ kind }) => kind === "given" || kind === "analysis");
  return { faults: checker.faults, assumptions };
}

type RuleStep = Extract<ProofStep, { kind: "rule" }>;
type CongruenceStep = Extract<ProofStep, { kind: "congruence" }>;

class Checker<D> {
  readonly faults: string[] = [];
  readonly #proof: Proof;
  readonly #rules: ReadonlyMap<string, Rule<D>>;
  #where = "";

  constructor(proof: Proof, rules: readonly Rule<D>[]) {
    this.#proof = proof;
    this.#rules = new Map(rules.map((rule) => [rule.name, rule]));
  }

  check(): void {
    const { terms, steps, left, right, chain } = this.#proof;
    terms.forEach(({ children }, i) => {
      if (children.some((child) => !(child >= 0 && child < i))) this.#fault(`term ${i} reads a later one`);
    });
    if (this.faults.length > 0) return;
    steps.forEach((step, i) => {
      this.#where = `step ${i}: `;
      this.#step(step, i);
    });
    this.#where = "";
    this.#chain(chain, left, right, steps.length);
  }

  /** Gives false, as every check that finds a fault does. */
  #fault(what: string): false {
    this.faults.push(this.#where + what);
    return false;
  }

  #step(step: ProofStep, index: number): boolean {
    switch (step.kind) {
      case "rule":
        return this.#rule(step, index);
      case "congruence":
        return this.#congruence(step, index);
      case "given":
      case "analysis":
        return true;
    }
  }

  /** Uses steps before `limit` only, each of which starts where the one before ended. */
  #chain(chain: Chain, from: number, to: number, limit: number): boolean {
    let at = from;
    for (const { step: index, direction } of chain) {
      const step = index < limit ? this.#proof.steps[index] : undefined;
      if (step === undefined) return this.#fault(`step ${index} is used before it is proved`);
      const [start, end] = direction === "forward" ? [step.left, step.right] : [step.right, step.left];
      if (start !== at) return this.#fault(`step ${index} does not start at term ${at}`);
      at = end;
    }
    return at === to || this.#fault(`a chain from term ${from} ends at ${at}, not at ${to}`);
  }

  #congruence({ left, right, children }: CongruenceStep, index: number): boolean {
    const [a, b] = [this.#proof.terms[left], this.#proof.terms[right]];
    const agree = a !== undefined && b !== undefined && a.op === b.op && a.key === b.key;
    if (!agree || a.children.length !== b.children.length || children.length !== a.children.length) {
      return this.#fault(`terms ${left} and ${right} are not of one form`);
    }
    children.forEach((chain, k) => this.#chain(chain, a.children[k]!, b.children[k]!, index));
    return true;
  }

  #rule(step: RuleStep, index: number): boolean {
    const rule = this.#rules.get(step.rule);
    const conclusion = rule?.conclusions[step.conclusion];
    if (rule === undefined || conclusion === undefined) return this.#fault(`there is no such rule: ${step.rule}`);
    const keys = new Map<string, string>();
    rule.premises.forEach(({ root, pattern }, i) => {
      const premise = step.premises[i];
      const isMatch = premise !== undefined && this.#matches(pattern, premise.instance, step, keys);
      if (premise === undefined) this.#fault(`premise ${i} has no proof`);
      else if (!isMatch) this.#fault(`premise ${i} is not its pattern`);
      else this.#chain(premise.chain, step.substitution[root] ?? -1, premise.instance, index);
    });
    if (step.substitution[conclusion.root] !== step.left) this.#fault("its left side is not the conclusion's root");
    if (this.#isInstance(conclusion.template, step.right, step)) return true;
    return this.#fault("its right side is not the template");
  }

  /** `keys` holds the payload names met so far. */
  #matches(pattern: Pattern, index: number, step: RuleStep, keys: Map<string, string>): boolean {
    if (pattern.kind === "variable") return step.substitution[pattern.name] === index;
    const term = this.#proof.terms[index];
    if (term?.op !== pattern.op || term.children.length !== pattern.children.length) return false;
    const { payload } = pattern;
    if (payload.kind === "exact" && payload.key !== term.key) return false;
    if (payload.kind === "any") {
      if (payload.test?.(term.payload) === false) return false;
      if (payload.bind !== undefined) {
        if ((keys.get(payload.bind) ?? term.key) !== term.key) return false;
        keys.set(payload.bind, term.key);
      }
    }
    return pattern.children.every((child, k) => this.#matches(child, term.children[k]!, step, keys));
  }

  #isInstance(template: Template<D>, index: number, step: RuleStep): boolean {
    if (template.kind === "variable") return step.substitution[template.name] === index;
    const term = this.#proof.terms[index];
    if (term?.op !== template.op || term.children.length !== template.children.length) return false;
    if (typeof template.payload !== "function" && template.payload.key !== term.key) return false;
    return template.children.every((child, k) => this.#isInstance(child, term.children[k]!, step));
  }
}
