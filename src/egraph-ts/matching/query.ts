/**
 * A rule's premises as a conjunctive query: a set of atoms over class variables, one for each pattern node
 * that is not ground. Nesting is gone: a pattern below another is an atom whose class the other one reads.
 *
 * Every variable is a register. Names that stand for one class (a premise that is a bare variable, a root
 * that is a term without variables) share theirs from the start.
 */
import { EGraphError } from "../errors.js";
import type { LabelTable } from "../label-table.js";
import type { Pattern, PayloadPattern, Rule } from "../types.js";

type NodePattern = Extract<Pattern, { kind: "node" }>;

export type ShapeTest =
  | { readonly kind: "exact"; readonly shape: number }
  | { readonly kind: "any"; readonly op: string; readonly test: ((payload: unknown) => boolean) | undefined };

export interface Atom {
  readonly test: ShapeTest;
  /** Receives the e-node. */
  readonly node: number;
  /** The register of the node's class. */
  readonly cls: number;
  /** Registers of the classes it reads. */
  readonly children: readonly number[];
  readonly payloadName: string | undefined;
}

/** A subterm without variables: looked up once for each search, before the first step. */
export interface GroundTerm {
  readonly shape: number;
  /** Class registers of the children, which belong to ground terms as well. */
  readonly children: readonly number[];
  readonly cls: number;
  readonly node: number;
}

export interface Query {
  /** Inner terms first. Two of one class register must be in one class. */
  readonly ground: readonly GroundTerm[];
  readonly atoms: readonly Atom[];
  /** Class registers that no atom and no ground term has: any class will do. */
  readonly free: readonly number[];
  readonly registerCount: number;
  /** Class variable to register, in order of first mention. */
  readonly variables: ReadonlyMap<string, number>;
  /** Payload name to the register of the first e-node that carries it. */
  readonly payloads: ReadonlyMap<string, number>;
  /** Registers of the matched e-nodes: premise order, each pattern in preorder. */
  readonly nodeRegisters: readonly number[];
}

export function queryOf<D>(rule: Rule<D>, labels: LabelTable): Query {
  if (rule.premises.length === 0 || rule.conclusions.length === 0) {
    throw new EGraphError("empty-rule", `rule "${rule.name}" needs a premise and a conclusion`);
  }
  return new Flattener(labels).flatten(rule.premises);
}

/**
 * Invariant: while patterns are taken in, variables are numbered from 0 and `#alias` joins those that are
 * one; registers are given out at the end: e-nodes first, then one for each remaining variable.
 */
class Flattener {
  readonly #labels: LabelTable;
  readonly #alias: number[] = [];
  readonly #names = new Map<string, number>();
  readonly #payloads = new Map<string, number>();
  readonly #atoms: Atom[] = [];
  readonly #ground: GroundTerm[] = [];
  #nodeCount = 0;

  constructor(labels: LabelTable) {
    this.#labels = labels;
  }

  flatten(premises: Rule<never>["premises"]): Query {
    for (const { root, pattern } of premises) {
      const named = this.#named(root);
      this.#alias[this.#find(this.#pattern(pattern))] = this.#find(named);
    }
    return this.#numbered();
  }

  #fresh(): number {
    return this.#alias.push(this.#alias.length) - 1;
  }

  #named(name: string): number {
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    const variable = this.#fresh();
    this.#names.set(name, variable);
    return variable;
  }

  #find(variable: number): number {
    while (this.#alias[variable] !== variable) variable = this.#alias[variable]!;
    return variable;
  }

  /** The variable of the pattern's class. */
  #pattern(pattern: Pattern): number {
    if (pattern.kind === "variable") return this.#named(pattern.name);
    const node = this.#nodeCount++;
    const cls = this.#fresh();
    if (isGround(pattern)) {
      const children = pattern.children.map((child) => this.#pattern(child));
      const { op, payload } = pattern;
      const label = this.#labels.intern(op, payload.payload, payload.key);
      this.#ground.push({ shape: this.#labels.shape(label, children.length), children, cls, node });
      return cls;
    }
    // the atom takes its place before those below it, so that plans prefer to start at the top
    const children: number[] = [];
    const test = this.#shapeTest(pattern);
    this.#atoms.push({ test, node, cls, children, payloadName: this.#payloadName(pattern.payload, node) });
    for (const child of pattern.children) children.push(this.#pattern(child));
    return cls;
  }

  #shapeTest({ op, payload, children }: NodePattern): ShapeTest {
    if (payload.kind === "any") return { kind: "any", op, test: payload.test };
    const label = this.#labels.intern(op, payload.payload, payload.key);
    return { kind: "exact", shape: this.#labels.shape(label, children.length) };
  }

  #payloadName(payload: PayloadPattern, node: number): string | undefined {
    if (payload.kind !== "any" || payload.bind === undefined) return undefined;
    if (!this.#payloads.has(payload.bind)) this.#payloads.set(payload.bind, node);
    return payload.bind;
  }

  #numbered(): Query {
    const registers = new Map<number, number>();
    const register = (variable: number): number => {
      const root = this.#find(variable);
      const known = registers.get(root);
      if (known !== undefined) return known;
      registers.set(root, this.#nodeCount + registers.size);
      return this.#nodeCount + registers.size - 1;
    };
    const variables = new Map([...this.#names].map(([name, variable]) => [name, register(variable)]));
    const place = <T extends Atom | GroundTerm>(part: T): T => ({
      ...part,
      cls: register(part.cls),
      children: part.children.map(register),
    });
    const atoms = this.#atoms.map(place);
    const ground = this.#ground.map(place);
    const bound = new Set([...atoms, ...ground].flatMap(({ cls, children }) => [cls, ...children]));
    return {
      ground,
      atoms,
      free: [...new Set(variables.values())].filter((each) => !bound.has(each)),
      registerCount: this.#nodeCount + registers.size,
      variables,
      payloads: this.#payloads,
      nodeRegisters: Array.from({ length: this.#nodeCount }, (_, i) => i),
    };
  }
}

function isGround(pattern: Pattern): pattern is NodePattern & { payload: { kind: "exact" } } {
  return pattern.kind === "node" && pattern.payload.kind === "exact" && pattern.children.every(isGround);
}
