/**
 * Where a rule nearly applies: all of its left side is there but one thing, or all of it and one guard fails.
 * A plain search, apart from the engine's matcher: it goes on after the first thing that differs, and stops
 * at the second. Bounded by a number of steps, so a large graph gets a partial answer that says so.
 */

import { invariant } from "../base/index.js";
import type { Span } from "../diagnostics/index.js";
import type { EClassId, EGraph, ENodeId } from "../egraph-ts/index.js";
import type { Binder } from "./attribute-binders.js";
import { bindersOf, nodesOf, readBinder, readBinderValue } from "./attribute-binders.js";
import { describeAttribute, describeGuard } from "./describe-values.js";
import { differingAttributes } from "./differing-attributes.js";
import { evaluateExpression } from "./evaluate-expression.js";
import { sameAttribute } from "./expression-values.js";
import type { Facts, NodePayload } from "./facts.js";
import type { CompiledRule, NodePattern, PatternTerm, RuleForm, Settings } from "./rule.js";
import type { Bound } from "./template-facts.js";
import { refusalOfForm, TemplateFacts } from "./template-facts.js";

/** The one thing that differs. */
export interface Difference {
  /** Of the pattern, the guard or the right side. */
  readonly span: Span;
  /** What was found in its place, as a sentence without its full stop. */
  readonly found: string;
}

export interface NearMiss {
  /** The rule, or its direction. */
  readonly form: string;
  /** What the first premise's root would be. */
  readonly at: EClassId;
  /** Ops, attributes and guards that fitted. */
  readonly satisfied: number;
  readonly difference: Difference;
}

export interface NearMisses {
  /** How often everything fits: where the rule was applied, or still would be. */
  readonly matches: number;
  /** What came closest first; of one place and one difference only the closest. */
  readonly misses: readonly NearMiss[];
  /** False when the search was cut short. */
  readonly complete: boolean;
}

const maxSteps = 400_000;
const maxMisses = 2000;

export function findNearMisses(graph: EGraph<Facts>, rule: CompiledRule, settings: Settings): NearMisses {
  const searches = rule.forms.map((form) => new Search(graph, form, settings));
  for (const search of searches) search.run();
  const misses = searches.flatMap((search) => [...search.misses.values()]);
  return {
    matches: searches.reduce((sum, { matches }) => sum + matches, 0),
    misses: misses.sort((a, b) => b.satisfied - a.satisfied || a.at - b.at),
    complete: searches.every(({ complete }) => complete),
  };
}

/** Goes on with what is left to match. */
type Next = () => void;

/** Invariant: bindings, payloads and the difference are those of the branch that is being tried. */
class Search {
  readonly misses = new Map<string, NearMiss>();
  matches = 0;
  complete = true;
  readonly #graph: EGraph<Facts>;
  readonly #form: RuleForm;
  readonly #settings: Settings;
  readonly #classesOf = new Map<string, EClassId[]>();
  readonly #bound = new Map<string, EClassId>();
  readonly #payloads = new Map<NodePattern, NodePayload>();
  #difference: Difference | undefined;
  #satisfied = 0;
  #steps = 0;

  constructor(graph: EGraph<Facts>, form: RuleForm, settings: Settings) {
    this.#graph = graph;
    this.#form = form;
    this.#settings = settings;
    for (const cls of graph.classes()) {
      const ops = new Set(graph.nodesOf(cls).map((node) => this.#op(node)));
      for (const op of ops) this.#classesOf.set(op, [...(this.#classesOf.get(op) ?? []), cls]);
    }
  }

  run(): void {
    this.#premise(0);
  }

  #op(node: ENodeId): string {
    return this.#graph.labelOp(this.#graph.nodeLabel(node));
  }

  #premise(index: number): void {
    const premise = this.#form.premises[index];
    if (premise === undefined) {
      this.#judge();
      return;
    }
    const { root, pattern } = premise;
    const known = this.#bound.get(root);
    const candidates = known === undefined ? (this.#classesOf.get(pattern.record.name) ?? []) : [known];
    for (const cls of candidates) {
      const fresh = known === undefined;
      if (fresh) this.#bound.set(root, cls);
      this.#node(pattern, cls, () => this.#premise(index + 1));
      if (fresh) this.#bound.delete(root);
    }
  }

  #node(pattern: NodePattern, cls: EClassId, next: Next): void {
    this.#steps += 1;
    if (this.#steps > maxSteps || this.misses.size >= maxMisses) {
      this.complete = false;
      return;
    }
    const nodes = this.#graph.nodesOf(cls);
    const arity = pattern.operands.length;
    const candidates = nodes.filter(
      (node) => this.#op(node) === pattern.record.name && this.#graph.nodeArity(node) === arity,
    );
    for (const node of candidates) this.#candidate(pattern, node, next);
    if (candidates.length > 0) return;
    const found = describeOps(nodes.map((each) => this.#op(each)));
    this.#differ({ span: pattern.span, found }, next);
  }

  #candidate(pattern: NodePattern, node: ENodeId, next: Next): void {
    const payload = payloadOf(this.#graph, node);
    const different = differingAttributes(pattern, payload);
    if (different.length > 1) return;
    const descend = (): void => {
      this.#payloads.set(pattern, payload);
      this.#count(1 + Object.keys(pattern.attrs).length - different.length, () => {
        this.#operands(pattern.operands, this.#graph.nodeChildren(node), next);
      });
      this.#payloads.delete(pattern);
    };
    const [name] = different;
    if (name === undefined) descend();
    else {
      const value = payload.attrs[name];
      const found = `its \`${name}\` is ${value === undefined ? "absent" : describeAttribute(value)}`;
      this.#differ({ span: pattern.span, found }, descend);
    }
  }

  #operands(patterns: readonly PatternTerm[], classes: readonly EClassId[], next: Next): void {
    const [pattern, ...others] = patterns;
    const [cls, ...rest] = classes;
    if (pattern === undefined || cls === undefined) {
      next();
      return;
    }
    const goOn = (): void => this.#operands(others, rest, next);
    if (pattern.kind === "node") this.#node(pattern, cls, goOn);
    else this.#variable(pattern, cls, goOn);
  }

  #variable({ name, span }: Extract<PatternTerm, { kind: "variable" }>, cls: EClassId, next: Next): void {
    const earlier = this.#bound.get(name);
    if (earlier === undefined) {
      this.#bound.set(name, cls);
      next();
      this.#bound.delete(name);
    } else if (earlier === cls) {
      this.#count(1, next);
    } else {
      this.#differ({ span, found: `\`?${name}\` would stand for two values` }, next);
    }
  }

  /** Goes on with one difference noted; gives up at the second. */
  #differ(difference: Difference, next: Next): void {
    if (this.#difference !== undefined) return;
    this.#difference = difference;
    next();
    this.#difference = undefined;
  }

  #count(satisfied: number, next: Next): void {
    this.#satisfied += satisfied;
    next();
    this.#satisfied -= satisfied;
  }

  // Everything is matched, but for what was noted.

  #judge(): void {
    const disagreeing = this.#disagreeing();
    if (disagreeing.length > 1 || (disagreeing.length > 0 && this.#difference !== undefined)) return;
    const bound = this.#environment();
    const facts = new TemplateFacts(bound, this.#form.lets, this.#settings);
    const answers = this.#form.guards.map((guard) => evaluateExpression(guard, facts.environment));
    const failing = this.#form.guards.filter((_, i) => answers[i] !== true);
    const pattern = this.#difference ?? disagreeing[0];
    if (pattern !== undefined) {
      // What differs may be what a guard asks about, so only a plain no is a second difference.
      if (!answers.includes(false)) this.#note(pattern, answers.length - failing.length);
      return;
    }
    const [guard] = failing;
    if (guard !== undefined) {
      if (failing.length > 1) return;
      this.#note({ span: guard.span, found: describeGuard(guard, facts.environment) }, answers.length - 1);
      return;
    }
    const refusal = refusalOfForm(this.#form, bound, this.#settings, () => true);
    if (refusal === undefined) this.matches += 1;
    else this.#note({ span: this.#form.rightSpan, found: refusal.message }, answers.length);
  }

  /** Attribute variables that stand for several values. */
  #disagreeing(): readonly Difference[] {
    const first = new Map<string, Binder>();
    const differences: Difference[] = [];
    for (const binder of this.#binders()) {
      const earlier = first.get(binder.name);
      if (earlier === undefined) {
        first.set(binder.name, binder);
        continue;
      }
      const [a, b] = [earlier, binder].map((each) => {
        return readBinder(each, this.#payloads.get(each.node) ?? { attrs: {} });
      });
      if (a === undefined || b === undefined || sameAttribute(a, b)) continue;
      const found = `\`?${binder.name}\` would stand for ${describeAttribute(a)} and for ${describeAttribute(b)}`;
      differences.push({ span: binder.node.span, found });
    }
    return differences;
  }

  #binders(): readonly Binder[] {
    const nodes = nodesOf(this.#form.premises).filter((node) => this.#payloads.has(node));
    return nodes.flatMap((node) => bindersOf(node));
  }

  #environment(): Bound {
    const graph = this.#graph;
    return {
      operand: (name) => {
        const cls = this.#bound.get(name);
        return cls === undefined ? undefined : { kind: "operand", ...graph.data(cls), identity: cls };
      },
      attribute: (name) => {
        const binder = this.#binders().find((each) => each.name === name);
        const payload = binder && this.#payloads.get(binder.node);
        return binder && payload && readBinderValue(binder, payload);
      },
    };
  }

  #note(difference: Difference, guards: number): void {
    const [premise] = this.#form.premises;
    const at = premise && this.#bound.get(premise.root);
    invariant(at !== undefined, "the first premise is matched first");
    const key = `${at} ${difference.span.start} ${difference.found}`;
    const satisfied = this.#satisfied + guards;
    if ((this.misses.get(key)?.satisfied ?? -1) >= satisfied) return;
    this.misses.set(key, { form: this.#form.name, at, satisfied, difference });
  }
}

function payloadOf(graph: EGraph<Facts>, node: ENodeId): NodePayload {
  return (graph.labelPayload(graph.nodeLabel(node)) as NodePayload | undefined) ?? { attrs: {} };
}

/** Kernels that were added after all rules say nothing. */
function describeOps(ops: readonly string[]): string {
  const names = [...new Set(ops.filter((op) => !op.includes(".")))];
  if (names.length === 0) return "there is only a kernel here";
  return `here is ${names.map((op) => (op === "param" ? "an input" : `\`${op}\``)).join(", ")}`;
}
