/**
 * Terms of an e-graph as trees, and their values on one step of a model: every node is evaluated as its
 * record says, over the very operands that it was made with.
 */

import { invariant } from "../../base/index.js";
import type { EGraph, ENodeId, Proof } from "../../egraph-ts/index.js";
import type { DimEnv, Registry, Value, ValueType } from "../../ir/index.js";
import { concreteType, inferType, weightName } from "../../ir/index.js";
import type { Facts, NodePayload } from "../../rules/index.js";

/** Two terms are the same if they are one object: `Terms` makes each once. */
export interface Term {
  readonly op: string;
  readonly payload: NodePayload;
  readonly key: string;
  readonly children: readonly Term[];
}

export class Terms {
  readonly #known = new Map<string, Term>();
  readonly #ids = new Map<Term, number>();

  make(op: string, payload: unknown, key: string, children: readonly Term[]): Term {
    const identity = JSON.stringify([op, key, children.map((each) => this.#ids.get(each))]);
    const known = this.#known.get(identity);
    if (known !== undefined) return known;
    const term = { op, payload: (payload as NodePayload | undefined) ?? { attrs: {} }, key, children };
    this.#known.set(identity, term);
    this.#ids.set(term, this.#ids.size);
    return term;
  }

  /** Of a term that was made here. */
  numberOf(term: Term): number {
    return this.#ids.get(term) ?? -1;
  }

  /** The terms of a proof, by their number in it. */
  ofProof({ terms }: Proof): readonly Term[] {
    const made: Term[] = [];
    for (const { op, payload, key, children } of terms) {
      made.push(this.make(op, payload, key, children.map((child) => made[child]!)));
    }
    return made;
  }

  /** The term that an e-node was made as. */
  ofNode(graph: EGraph<Facts>, node: ENodeId): Term {
    const label = graph.nodeLabel(node);
    const children = graph.termChildren(node).map((child) => this.ofNode(graph, child as number as ENodeId));
    return this.make(graph.labelOp(label), graph.labelPayload(label), graph.labelKey(label), children);
  }
}

/** What the leaves of terms stand for. */
export interface Leaves {
  readonly registry: Registry;
  /** Parameters by their name in the e-graph. */
  readonly params: ReadonlyMap<string, Value>;
  readonly weights: (name: string, type: ValueType) => Value;
  /** What `{layer}` in the name of a weight stands for. */
  readonly layer: number | undefined;
  readonly dims: DimEnv;
}

/** A leaf that this step has no value for: it belongs to another layer. */
export class NoValue extends Error {
  override readonly name = "NoValue";
}

/** Values of terms, each worked out once. Reading outside operands throws `RangeError`. */
export class TermValues {
  readonly #leaves: Leaves;
  readonly #types = new Map<Term, ValueType>();
  readonly #values = new Map<Term, Value>();

  constructor(leaves: Leaves) {
    this.#leaves = leaves;
  }

  /** With symbolic dimensions. */
  typeOf(term: Term): ValueType {
    const known = this.#types.get(term);
    if (known !== undefined) return known;
    const { attrs, type: given } = term.payload;
    const operands = term.children.map((each) => this.typeOf(each));
    const type = inferType(this.#leaves.registry.require(term.op), operands, attrs, given);
    this.#types.set(term, type);
    return type;
  }

  valueOf(term: Term): Value {
    const known = this.#values.get(term);
    if (known !== undefined) return known;
    const value = this.#evaluate(term);
    this.#values.set(term, value);
    return value;
  }

  #evaluate(term: Term): Value {
    const { op, children, payload: { attrs } } = term;
    const { registry, params, weights, layer, dims } = this.#leaves;
    const type = concreteType(this.typeOf(term), dims);
    if (op === "weight") {
      const name = weightName(attrs, layer);
      if (name.includes("{layer}")) throw new NoValue(name);
      return weights(name, type);
    }
    if (op !== "param") return registry.require(op).evaluate(children.map((each) => this.valueOf(each)), attrs, type);
    const { name } = attrs;
    invariant(typeof name === "string", "a parameter has a name");
    const value = params.get(name);
    if (value === undefined) throw new NoValue(name);
    return value;
  }
}
