/**
 * Finds a proof that two classes are one, from the log of unions.
 *
 * Every id of the graph names an e-node, and every e-node stands for one term: the one made of the ids its
 * children had when it was made. The logged unions form a forest over ids; the path between two ids is the
 * only one, and each union on it was made for a reason that holds between earlier unions alone: equal
 * children for a congruence, a match for a rule. So the steps that are needed are gathered by following
 * reasons, and written in the order of the log.
 */
import { ANALYSIS, type ApplicationRecord, CONGRUENCE, GIVEN } from "../application-log.js";
import type { Core } from "../core.js";
import { EGraphError } from "../errors.js";
import type { Pattern, Rule, Template } from "../types.js";
import { UnionForest } from "./union-forest.js";
import type { Chain, PremiseProof, Proof, ProofStep, ProofTerm, StepUse } from "./proof.js";

type NodePattern = Extract<Pattern, { kind: "node" }>;

/** The ids must be of one class. */
export function proveEqual<D>(core: Core<D>, left: number, right: number): Proof {
  const { log } = core;
  if (log === undefined) {
    throw new EGraphError("no-explanations", "this graph was made without explanations");
  }
  if (core.classes.find(left) !== core.classes.find(right)) {
    throw new EGraphError("not-equal", `${left} and ${right} are not known to be equal`);
  }
  return new Prover(core, new UnionForest(log, core.nodes.size)).prove(left, right);
}

/** Invariant: a step refers to earlier steps only, a term to earlier terms only. */
class Prover<D> {
  readonly #core: Core<D>;
  readonly #forest: UnionForest;
  readonly #terms: ProofTerm[] = [];
  readonly #termIds = new Map<string, number>();
  readonly #termOfNode = new Map<number, number>();
  readonly #steps: ProofStep[] = [];
  readonly #congruences = new Map<string, StepUse>();
  /** What each union that is needed proves, from its left id to its right one. */
  readonly #chains = new Map<number, Chain>();

  constructor(core: Core<D>, forest: UnionForest) {
    this.#core = core;
    this.#forest = forest;
  }

  prove(left: number, right: number): Proof {
    for (const union of this.#needed(left, right)) this.#chains.set(union, this.#chainOfUnion(union));
    const chain = this.#connect(left, right);
    const ends = { left: this.#term(left), right: this.#term(right) };
    return { terms: this.#terms, steps: this.#steps, ...ends, chain };
  }

  /** Every union that the proof rests on, oldest first. */
  #needed(left: number, right: number): readonly number[] {
    const needed = new Set<number>();
    const waiting: (readonly [number, number])[] = [[left, right]];
    for (let pair = waiting.pop(); pair !== undefined; pair = waiting.pop()) {
      for (const { union } of this.#forest.path(pair[0], pair[1])) {
        if (needed.has(union)) continue;
        needed.add(union);
        waiting.push(...this.#reasons(union));
      }
    }
    return [...needed].sort((a, b) => a - b);
  }

  /** Pairs of ids that must be equal for the union to be justified. */
  #reasons(union: number): readonly (readonly [number, number])[] {
    const { left, right, reason, conclusion } = this.#forest.log.union(union);
    if (reason === GIVEN || reason === ANALYSIS) return [];
    if (reason === CONGRUENCE) {
      const others = this.#birth(right);
      return Array.from(this.#birth(left), (child, k) => [child, others[k]!] as const);
    }
    const match = new RecordedMatch(this.#forest.log.record(reason));
    const pairs: (readonly [number, number])[] = [];
    match.rule.premises.forEach(({ root, pattern }, i) => {
      if (pattern.kind === "variable") {
        pairs.push([match.idOf(root), match.idOf(pattern.name)]);
        return;
      }
      const node = match.matched(match.firstNode(i));
      pairs.push([match.idOf(root), node], ...this.#pairsBelow(match, pattern, match.firstNode(i)));
    });
    const { template } = match.rule.conclusions[conclusion]!;
    return [...pairs, ...this.#pairsBuilt(match, template, match.firstBuilt(conclusion)).pairs];
  }

  #pairsBelow(match: RecordedMatch, pattern: NodePattern, at: number): (readonly [number, number])[] {
    const birth = this.#birth(match.matched(at));
    let next = at + 1;
    return pattern.children.flatMap((child, k) => {
      if (child.kind === "variable") return [[birth[k]!, match.idOf(child.name)] as const];
      const below = next;
      next += patternSize(child);
      return [[birth[k]!, match.matched(below)] as const, ...this.#pairsBelow(match, child, below)];
    });
  }

  /** `next` is the first e-node of the template; afterwards the one after its last. */
  #pairsBuilt(
    match: RecordedMatch,
    template: Template<never>,
    next: number,
  ): { pairs: (readonly [number, number])[]; next: number; id: number } {
    if (template.kind === "variable") return { pairs: [], next, id: match.idOf(template.name) };
    const pairs: (readonly [number, number])[] = [];
    const ids: number[] = [];
    for (const child of template.children) {
      const below = this.#pairsBuilt(match, child, next);
      pairs.push(...below.pairs);
      ids.push(below.id);
      next = below.next;
    }
    const id = match.built(next);
    this.#birth(id).forEach((child, k) => pairs.push([ids[k]!, child]));
    return { pairs, next: next + 1, id };
  }

  #birth(node: number): Int32Array {
    const { nodes, labels } = this.#core;
    return this.#forest.log.birthChildren(node, labels.arityOf(nodes.shapeOf(node)));
  }

  /** The term of an e-node. Children are older than what reads them, so the stack ends. */
  #term(node: number): number {
    const stack = [node];
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const missing = this.#birth(top).filter((child) => !this.#termOfNode.has(child));
      if (missing.length > 0) {
        stack.push(...missing);
        continue;
      }
      const children = Array.from(this.#birth(top), (child) => this.#termOfNode.get(child) ?? -1);
      this.#termOfNode.set(top, this.#intern(top, children));
      stack.pop();
    }
    return this.#termOfNode.get(node) ?? -1;
  }

  /** A term with the label of an e-node and other children. */
  #intern(node: number, children: readonly number[]): number {
    const { labels, nodes } = this.#core;
    const label = labels.labelOf(nodes.shapeOf(node));
    const content = `${label}(${children.join()})`;
    const known = this.#termIds.get(content);
    if (known !== undefined) return known;
    const [op, payload, key] = [labels.opName(label), labels.payload(label), labels.key(label)];
    this.#termIds.set(content, this.#terms.length);
    return this.#terms.push({ op, payload, key, children }) - 1;
  }

  #connect(from: number, to: number): Chain {
    return this.#forest.path(from, to).flatMap(({ union, isForward }) => {
      const chain = this.#chains.get(union) ?? [];
      return isForward ? chain : reversed(chain);
    });
  }

  #step(step: ProofStep): StepUse {
    return { step: this.#steps.push(step) - 1, direction: "forward" };
  }

  #congruence(left: number, right: number, children: readonly Chain[]): Chain {
    if (left === right) return [];
    const name = `${left}=${right}`;
    const known = this.#congruences.get(name);
    if (known !== undefined) return [known];
    const use = this.#step({ kind: "congruence", left, right, children });
    this.#congruences.set(name, use);
    return [use];
  }

  #chainOfUnion(union: number): Chain {
    const { left, right, reason, conclusion } = this.#forest.log.union(union);
    const [from, to] = [this.#term(left), this.#term(right)];
    if (reason === GIVEN) return [this.#step({ kind: "given", left: from, right: to })];
    if (reason === ANALYSIS) return [this.#step({ kind: "analysis", left: from, right: to })];
    if (reason === CONGRUENCE) {
      const others = this.#birth(right);
      const children = Array.from(this.#birth(left), (child, k) => this.#connect(child, others[k]!));
      return this.#congruence(from, to, children);
    }
    const match = new RecordedMatch(this.#forest.log.record(reason));
    const premises = match.rule.premises.map((_, i) => this.#premise(match, i));
    const { template } = match.rule.conclusions[conclusion]!;
    const built = this.#instance(match, template, match.firstBuilt(conclusion));
    const variables = match.names.map((name) => [name, this.#term(match.idOf(name))] as const);
    const substitution = Object.fromEntries(variables);
    const ends = { left: from, right: built.term };
    const rule = match.rule.name;
    const use = this.#step({ kind: "rule", rule, ...ends, conclusion, substitution, premises });
    return [use, ...built.chain];
  }

  #premise(match: RecordedMatch, index: number): PremiseProof {
    const { root, pattern } = match.rule.premises[index]!;
    if (pattern.kind === "variable") {
      const [from, to] = [match.idOf(root), match.idOf(pattern.name)];
      return { instance: this.#term(to), chain: this.#connect(from, to) };
    }
    const at = match.firstNode(index);
    const { term, chain } = this.#matchedTerm(match, pattern, at);
    return { instance: term, chain: [...this.#connect(match.idOf(root), match.matched(at)), ...chain] };
  }

  /** The pattern under the substitution, and the way to it from the term of the matched e-node. */
  #matchedTerm(match: RecordedMatch, pattern: NodePattern, at: number): { term: number; chain: Chain } {
    const node = match.matched(at);
    const birth = this.#birth(node);
    let next = at + 1;
    const parts = pattern.children.map((child, k) => {
      const from = birth[k]!;
      if (child.kind === "variable") {
        const to = match.idOf(child.name);
        return { term: this.#term(to), chain: this.#connect(from, to) };
      }
      const below = next;
      next += patternSize(child);
      const inner = this.#matchedTerm(match, child, below);
      return { term: inner.term, chain: [...this.#connect(from, match.matched(below)), ...inner.chain] };
    });
    const term = this.#intern(node, parts.map((part) => part.term));
    return { term, chain: this.#congruence(this.#term(node), term, parts.map(({ chain }) => chain)) };
  }

  /** The template under the substitution, and the way from it to the term of the id that was built. */
  #instance(match: RecordedMatch, template: Template<never>, next: number): BuiltTerm {
    if (template.kind === "variable") {
      const id = match.idOf(template.name);
      return { term: this.#term(id), chain: [], id, next };
    }
    const parts: BuiltTerm[] = [];
    for (const child of template.children) {
      const part = this.#instance(match, child, next);
      parts.push(part);
      next = part.next;
    }
    const id = match.built(next);
    const birth = this.#birth(id);
    const children = parts.map((part, k) => [...part.chain, ...this.#connect(part.id, birth[k]!)]);
    const term = this.#intern(id, parts.map((part) => part.term));
    return { term, chain: this.#congruence(term, this.#term(id), children), id, next: next + 1 };
  }
}

interface BuiltTerm {
  readonly term: number;
  readonly chain: Chain;
  readonly id: number;
  /** The number of the e-node built next. */
  readonly next: number;
}

/** A record of the log together with its rule. */
class RecordedMatch {
  readonly rule: Rule<never>;
  readonly #record: ApplicationRecord;

  constructor(record: ApplicationRecord) {
    this.rule = record.shape.rule;
    this.#record = record;
  }

  get names(): readonly string[] {
    return this.#record.shape.variables;
  }

  idOf(variable: string): number {
    return this.#record.classes[this.names.indexOf(variable)]!;
  }

  /** The e-node of a pattern node; pattern nodes are numbered over all premises, parents first. */
  matched(at: number): number {
    return this.#record.matched[at]!;
  }

  firstNode(premise: number): number {
    return this.rule.premises.slice(0, premise).reduce((sum, { pattern }) => sum + patternSize(pattern), 0);
  }

  built(at: number): number {
    return this.#record.built[at]!;
  }

  firstBuilt(conclusion: number): number {
    const before = this.rule.conclusions.slice(0, conclusion);
    return before.reduce((sum, { template }) => sum + templateSize(template), 0);
  }
}

function patternSize(pattern: Pattern): number {
  if (pattern.kind === "variable") return 0;
  return pattern.children.reduce((sum, child) => sum + patternSize(child), 1);
}

function templateSize(template: Template<never>): number {
  if (template.kind === "variable") return 0;
  return template.children.reduce((sum: number, child: Template<never>) => sum + templateSize(child), 1);
}

function reversed(chain: Chain): Chain {
  const turn = ({ step, direction }: StepUse): StepUse => ({
    step,
    direction: direction === "forward" ? "backward" : "forward",
  });
  return chain.map(turn).reverse();
}
