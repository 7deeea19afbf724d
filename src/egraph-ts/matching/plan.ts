/**
 * From a query to plans. A plan is a sequence of steps over registers: each chooses one e-node (or one
 * class), checks what is known and binds what is not; the rest of the plan then runs for each choice. It is
 * the abstract machine of de Moura and Bjørner ("Efficient E-matching for SMT solvers", CADE 2007), freed
 * from going top-down: an atom whose class is known is searched among its members, one that reads a known
 * class among the parents of that class, and one of which all children are known is looked up in the
 * hashcons.
 *
 * For incremental search there is one plan for each atom (semi-naive evaluation): plan i starts at the
 * e-nodes that have changed, and lets atoms before i match unchanged ones only. Together they find each match
 * that holds a changed node exactly once.
 */
import type { Atom, Query } from "./query.js";

/** Where a step takes its candidates from. */
export type Source =
  /** Every live node of the shape. */
  | { readonly kind: "all" }
  /** The nodes of the shape that have changed since the rule was last searched. */
  | { readonly kind: "changed" }
  /** The members of the atom's class. */
  | { readonly kind: "members" }
  /** Nodes that read the class in a register at this position. */
  | { readonly kind: "parents"; readonly register: number; readonly position: number }
  /** The one node with the known children. */
  | { readonly kind: "lookup" };

/** A position among the children and the register that it fills or must agree with. */
export interface Slot {
  readonly position: number;
  readonly register: number;
}

export interface NodeStep {
  readonly kind: "node";
  readonly atom: Atom;
  readonly source: Source;
  /** Only unchanged nodes. */
  readonly old: boolean;
  /** What to do with the node's class. */
  readonly cls: "bind" | "check" | "known";
  readonly binds: readonly Slot[];
  /** To be compared after `binds`. */
  readonly checks: readonly Slot[];
  /** Nodes whose payload keys must be the same as this one's. */
  readonly sameKey: readonly number[];
}

export interface ClassStep {
  readonly kind: "class";
  readonly register: number;
  readonly source: "all" | "changed";
  readonly old: boolean;
}

export type Step = NodeStep | ClassStep;

export interface Plans {
  /** Finds every match. */
  readonly full: readonly Step[];
  /** Find every match that holds something changed; empty steps never occur. */
  readonly changed: readonly (readonly Step[])[];
}

/** Which part of the query a delta plan starts with: an atom, or a free class after all atoms. */
type Part = number;

export function plansOf(query: Query): Plans {
  const parts = query.atoms.length + query.free.length;
  return {
    full: new Planner(query, undefined).steps(),
    changed: Array.from({ length: parts }, (_, part) => new Planner(query, part).steps()),
  };
}

/** Invariant: `#known` holds the registers that the steps so far have filled. */
class Planner {
  readonly #query: Query;
  readonly #start: Part | undefined;
  readonly #known: Set<number>;
  readonly #steps: Step[] = [];
  readonly #keyed = new Map<string, number[]>();

  constructor(query: Query, start: Part | undefined) {
    this.#query = query;
    this.#start = start;
    this.#known = new Set(query.ground.map(({ cls }) => cls));
  }

  steps(): readonly Step[] {
    const { atoms, free } = this.#query;
    const start = this.#start;
    const waiting = new Set(atoms.keys());
    if (start !== undefined && start < atoms.length) {
      waiting.delete(start);
      this.#atom(start, { kind: "changed" });
    } else if (start !== undefined) {
      this.#class(start - atoms.length);
    }
    while (waiting.size > 0) {
      const next = this.#easiest([...waiting]);
      waiting.delete(next);
      this.#atom(next, this.#sourceOf(atoms[next]!));
    }
    for (let i = 0; i < free.length; i++) {
      if (!this.#known.has(free[i]!)) this.#class(i);
    }
    return this.#steps;
  }

  /** The most constrained atom; of equals the first. */
  #easiest(waiting: readonly number[]): number {
    const ease = waiting.map((i) => this.#easeOf(this.#query.atoms[i]!));
    return waiting[ease.indexOf(Math.max(...ease))]!;
  }

  #easeOf(atom: Atom): number {
    const children = atom.children.filter((child) => this.#known.has(child)).length;
    if (this.#canLookUp(atom)) return 4;
    if (this.#known.has(atom.cls)) return children > 0 ? 3 : 2;
    return children > 0 ? 1 : 0;
  }

  #canLookUp({ test, children }: Atom): boolean {
    return test.kind === "exact" && children.every((child) => this.#known.has(child));
  }

  #sourceOf(atom: Atom): Source {
    if (this.#canLookUp(atom)) return { kind: "lookup" };
    if (this.#known.has(atom.cls)) return { kind: "members" };
    const position = atom.children.findIndex((child) => this.#known.has(child));
    if (position < 0) return { kind: "all" };
    return { kind: "parents", register: atom.children[position]!, position };
  }

  #isOld(part: Part): boolean {
    return this.#start !== undefined && part < this.#start;
  }

  #atom(index: number, source: Source): void {
    const atom = this.#query.atoms[index]!;
    const binds: Slot[] = [];
    const checks: Slot[] = [];
    const decided = new Set(this.#known);
    atom.children.forEach((register, position) => {
      const slot = { register, position };
      if (decided.has(register)) checks.push(slot);
      else binds.push(slot);
      decided.add(register);
    });
    const isKnown = decided.has(atom.cls);
    const cls = source.kind === "members" ? "known" : isKnown ? "check" : "bind";
    const found = source.kind === "lookup" ? [] : checks.filter((slot) => !isSource(source, slot));
    const sameKey = this.#sameKey(atom);
    const old = this.#isOld(index);
    this.#steps.push({ kind: "node", atom, source, old, cls, binds, checks: found, sameKey });
    for (const register of [atom.cls, ...atom.children]) this.#known.add(register);
  }

  /** The nodes chosen before that carry the same payload name. */
  #sameKey({ payloadName, node }: Atom): readonly number[] {
    if (payloadName === undefined) return [];
    const carriers = this.#keyed.get(payloadName) ?? [];
    this.#keyed.set(payloadName, [...carriers, node]);
    return carriers.slice(0, 1);
  }

  #class(index: number): void {
    const { atoms, free } = this.#query;
    const part = atoms.length + index;
    const source = part === this.#start ? "changed" : "all";
    this.#steps.push({ kind: "class", register: free[index]!, source, old: this.#isOld(part) });
    this.#known.add(free[index]!);
  }
}

/** The parents of a class at a position read that class there. */
function isSource(source: Source, { register, position }: Slot): boolean {
  return source.kind === "parents" && source.position === position && source.register === register;
}
