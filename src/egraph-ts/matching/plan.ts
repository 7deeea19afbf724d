/**
 * Compiling a rule's premises, first half: from patterns to a plan.
 *
 * A plan is a sequence of steps over integer registers. Each step chooses one e-node (or one class), puts its
 * children into registers and states what must be equal; the rest of the plan then runs for each choice. It
 * is the abstract machine of de Moura and Bjørner ("Efficient E-matching for SMT solvers", CADE 2007), with
 * one program a rule.
 *
 * Premises join here: a premise whose root is known is looked up in that class, one that reads a known class
 * is found among the parents of that class, and only one that shares nothing is searched in the whole graph.
 */
import { EGraphError } from "../errors.js";
import type { LabelTable } from "../label-table.js";
import type { Pattern, PayloadPattern, Rule } from "../types.js";

export type NodePattern = Extract<Pattern, { kind: "node" }>;

/** Where a step takes its candidates from. */
export type Source =
  /** Every live node of the label. */
  | { readonly kind: "all" }
  /** The members of the class in a register. */
  | { readonly kind: "members"; readonly classRegister: number }
  /** Nodes that read the class in a register at this position. */
  | { readonly kind: "parents"; readonly childRegister: number; readonly position: number };

export type LabelTest =
  | { readonly kind: "exact"; readonly label: number }
  | { readonly kind: "any"; readonly op: string; readonly test: ((payload: unknown) => boolean) | undefined };

export type Step =
  | {
      readonly kind: "node";
      readonly source: Source;
      readonly test: LabelTest;
      readonly arity: number;
      /** Receives the e-node. */
      readonly nodeRegister: number;
      /** Receives the node's class, unless the source is "members". */
      readonly classRegister: number;
      /** Children go to this register and those after it. */
      readonly childBase: number;
      /** Pairs of registers that must hold the same class once the children are in. */
      readonly equal: readonly (readonly [number, number])[];
      /** Nodes whose payload keys must be the same as this one's. */
      readonly sameKey: readonly number[];
    }
  | { readonly kind: "every-class"; readonly classRegister: number }
  | { readonly kind: "equal"; readonly left: number; readonly right: number };

/** A subterm without variables: looked up once for each search, before the first step. */
export interface GroundTerm {
  readonly label: number;
  /** Class registers of the children, which belong to ground terms as well. */
  readonly children: readonly number[];
  readonly classRegister: number;
  readonly nodeRegister: number;
}

export interface Plan {
  /** Inner terms first. */
  readonly ground: readonly GroundTerm[];
  readonly steps: readonly Step[];
  readonly registerCount: number;
  /** Class variable to register, in order of first mention. */
  readonly variables: ReadonlyMap<string, number>;
  /** Payload name to the register of the e-node that carries it. */
  readonly payloads: ReadonlyMap<string, number>;
  /** Registers of the matched e-nodes: premise order, each pattern in preorder. */
  readonly nodeRegisters: readonly number[];
}

interface PendingPremise {
  readonly root: string;
  readonly pattern: Pattern;
  /** Register of each pattern node, by identity of position: preorder numbers. */
  readonly firstNode: number;
}

export function planRule<D>(rule: Rule<D>, labels: LabelTable): Plan {
  if (rule.premises.length === 0 || rule.conclusions.length === 0) {
    throw new EGraphError("empty-rule", `rule "${rule.name}" needs a premise and a conclusion`);
  }
  return new Planner(labels).plan(rule.premises);
}

/**
 * Invariant: every register named by a step is filled by an earlier step, by the step itself, or by a ground
 * term.
 */
class Planner {
  readonly #labels: LabelTable;
  readonly #ground: GroundTerm[] = [];
  readonly #steps: Step[] = [];
  readonly #variables = new Map<string, number>();
  readonly #payloads = new Map<string, number>();
  #registerCount = 0;

  constructor(labels: LabelTable) {
    this.#labels = labels;
  }

  plan(premises: Rule<never>["premises"]): Plan {
    const waiting: PendingPremise[] = premises.map(({ root, pattern }) => {
      const firstNode = this.#take(nodeCount(pattern));
      return { root, pattern, firstNode };
    });
    const nodeRegisters = Array.from({ length: this.#registerCount }, (_, i) => i);
    while (waiting.length > 0) {
      const next = this.#easiest(waiting);
      waiting.splice(waiting.indexOf(next), 1);
      this.#premise(next);
    }
    return {
      ground: this.#ground,
      steps: this.#steps,
      registerCount: this.#registerCount,
      variables: this.#variables,
      payloads: this.#payloads,
      nodeRegisters,
    };
  }

  #take(count: number): number {
    const first = this.#registerCount;
    this.#registerCount += count;
    return first;
  }

  /** A premise with a known root, else one that reads a known class, else the first. */
  #easiest(waiting: readonly PendingPremise[]): PendingPremise {
    return (
      waiting.find((premise) => this.#variables.has(premise.root)) ??
      waiting.find((premise) => this.#knownChild(premise.pattern) >= 0) ??
      waiting[0]!
    );
  }

  /** Position of a child that is a variable bound by now, or -1. */
  #knownChild(pattern: Pattern): number {
    if (pattern.kind === "variable") return this.#variables.has(pattern.name) ? 0 : -1;
    return pattern.children.findIndex((child) => child.kind === "variable" && this.#variables.has(child.name));
  }

  #premise({ root, pattern, firstNode }: PendingPremise): void {
    const known = this.#variables.get(root);
    if (pattern.kind === "variable") {
      this.#variablePremise(root, pattern.name);
    } else if (isGround(pattern)) {
      const found = this.#groundTerm(pattern, firstNode);
      if (known === undefined) this.#variables.set(root, found);
      else this.#steps.push({ kind: "equal", left: known, right: found });
    } else if (known !== undefined) {
      this.#node(pattern, firstNode, known, { kind: "members", classRegister: known });
    } else {
      const classRegister = this.#take(1);
      const source = this.#rootSource(pattern, firstNode);
      this.#variables.set(root, classRegister);
      this.#node(pattern, firstNode, classRegister, source);
    }
  }

  /** A bare variable as premise: two names for one class. */
  #variablePremise(root: string, name: string): void {
    const left = this.#variables.get(root);
    const right = this.#variables.get(name);
    if (left !== undefined && right !== undefined) {
      this.#steps.push({ kind: "equal", left, right });
      return;
    }
    let register = left ?? right;
    if (register === undefined) {
      register = this.#take(1);
      this.#steps.push({ kind: "every-class", classRegister: register });
    }
    this.#variables.set(root, register);
    this.#variables.set(name, register);
  }

  #rootSource(pattern: NodePattern, firstNode: number): Source {
    const position = this.#knownChild(pattern);
    const child = pattern.children[position];
    const childKnown = child?.kind === "variable" ? this.#variables.get(child.name) : undefined;
    if (childKnown !== undefined) return { kind: "parents", childRegister: childKnown, position };
    const constant = pattern.children.findIndex((candidate) => isGround(candidate));
    const term = pattern.children[constant];
    if (term?.kind !== "node") return { kind: "all" };
    const childRegister = this.#groundTerm(term, childNode(pattern, firstNode, constant));
    return { kind: "parents", childRegister, position: constant };
  }

  /** The step for one pattern node, and the steps for the nodes below it. */
  #node(pattern: NodePattern, nodeRegister: number, classRegister: number, source: Source): void {
    const { children } = pattern;
    const childBase = this.#take(children.length);
    const equal: [number, number][] = [];
    children.forEach((child, k) => {
      const register = childBase + k;
      if (child.kind === "node") {
        if (!isGround(child)) return;
        equal.push([register, this.#groundTerm(child, childNode(pattern, nodeRegister, k))]);
        return;
      }
      const known = this.#variables.get(child.name);
      if (known === undefined) this.#variables.set(child.name, register);
      else equal.push([register, known]);
    });
    const sameKey = this.#bindPayload(pattern.payload, nodeRegister);
    const test = this.#labelTest(pattern);
    const arity = children.length;
    this.#steps.push({ kind: "node", source, test, arity, nodeRegister, classRegister, childBase, equal, sameKey });
    children.forEach((child, k) => {
      if (child.kind === "variable" || isGround(child)) return;
      const below = childBase + k;
      this.#node(child, childNode(pattern, nodeRegister, k), below, { kind: "members", classRegister: below });
    });
  }

  #labelTest({ op, payload }: NodePattern): LabelTest {
    if (payload.kind === "any") return { kind: "any", op, test: payload.test };
    return { kind: "exact", label: this.#labels.intern(op, payload.payload, payload.key) };
  }

  #bindPayload(payload: PayloadPattern, nodeRegister: number): readonly number[] {
    if (payload.kind !== "any" || payload.bind === undefined) return [];
    const known = this.#payloads.get(payload.bind);
    if (known !== undefined) return [known];
    this.#payloads.set(payload.bind, nodeRegister);
    return [];
  }

  /** The class register of a term without variables; the same term at the same place is entered once. */
  #groundTerm(pattern: NodePattern, nodeRegister: number): number {
    const known = this.#ground.find((term) => term.nodeRegister === nodeRegister);
    if (known !== undefined) return known.classRegister;
    const children = pattern.children.map((child, k) => {
      if (child.kind === "variable") throw new Error("a ground term has no variables");
      return this.#groundTerm(child, childNode(pattern, nodeRegister, k));
    });
    const test = this.#labelTest(pattern);
    const label = test.kind === "exact" ? test.label : -1;
    const classRegister = this.#take(1);
    this.#ground.push({ label, children, classRegister, nodeRegister });
    return classRegister;
  }
}

function isGround(pattern: Pattern): boolean {
  return pattern.kind === "node" && pattern.payload.kind === "exact" && pattern.children.every(isGround);
}

function nodeCount(pattern: Pattern): number {
  if (pattern.kind === "variable") return 0;
  return pattern.children.reduce((sum, child) => sum + nodeCount(child), 1);
}

/** Register of the e-node for the child at `position`: node registers are preorder numbers. */
function childNode(pattern: NodePattern, nodeRegister: number, position: number): number {
  const before = pattern.children.slice(0, position);
  return before.reduce((sum, child) => sum + nodeCount(child), nodeRegister + 1);
}
