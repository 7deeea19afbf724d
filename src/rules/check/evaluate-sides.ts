/** Evaluates both sides of a rule on the same operands, by the meanings in the op records. */

import { invariant } from "../../base/index.js";
import type { Value, ValueType } from "../../ir/index.js";
import { isFloat } from "../../ir/index.js";
import type { NodePattern, PatternTerm, PremiseForm, RuleForm, TemplateTerm } from "../rule.js";
import type { DrawnForm } from "./find-draws.js";

export interface Side {
  /** One for each conclusion. */
  readonly results: readonly Value[];
  /** The largest finite magnitude among all values that were computed or read. */
  readonly magnitude: number;
  /** The coarsest step of a float format that something was computed in. */
  readonly epsilon: number;
  /** The largest extent of any value: no sum is longer than the largest of both sides together. */
  readonly length: number;
}

/** A side could not be evaluated: an index leads outside. */
export class OutOfRange extends Error {
  override readonly name = "OutOfRange";
}

/** The value of every variable of the left side, roots included. */
export type LeftValues = ReadonlyMap<string, Value>;

export interface LeftSide extends Side {
  readonly values: LeftValues;
}

/**
 * From the values of all variables that are no premise's root. Undefined when premises define in a
 * circle.
 */
export function evaluateLeft(form: RuleForm, drawn: DrawnForm, values: LeftValues): LeftSide | undefined {
  return new LeftEvaluation(form, drawn, values).side();
}

export function evaluateRight(form: RuleForm, drawn: DrawnForm, left: LeftValues): Side {
  return new RightEvaluation(form, drawn, left).side();
}

/** One term of the right side, from the values of the left. */
export function evaluateTerm(
  term: TemplateTerm,
  { form, drawn, left }: { readonly form: RuleForm; readonly drawn: DrawnForm; readonly left: LeftValues },
): Value {
  return new RightEvaluation(form, drawn, left).term(term);
}

/** Invariant: magnitude, epsilon and length cover every value that was seen so far. */
export class Measured {
  #magnitude = 0;
  #epsilon = 2 ** -24;
  #length = 1;

  see(value: Value, computed: boolean): void {
    for (const each of floats(value)) {
      const size = Math.abs(each);
      if (size > this.#magnitude && Number.isFinite(size)) this.#magnitude = size;
    }
    if (computed) this.#epsilon = Math.max(this.#epsilon, epsilonOf(value));
    if (value.kind === "tensor") this.#length = Math.max(this.#length, ...value.shape);
  }

  side(results: readonly Value[]): Side {
    return { results, magnitude: this.#magnitude, epsilon: this.#epsilon, length: this.#length };
  }
}

/** Every float of a value that takes part in arithmetic. */
function floats(value: Value): Iterable<number> {
  switch (value.kind) {
    case "tensor":
      return value.data;
    case "kv_cache":
      return value.keys;
    case "quantized":
    case "packed":
      return [];
  }
}

/** Of `i8`: half a step of codes, beside the largest number of a head. */
const epsilons = { f32: 2 ** -24, f16: 2 ** -11, bf16: 2 ** -8, i8: 2 ** -8 } as const;

function epsilonOf(value: Value): number {
  if (value.kind === "tensor") return isFloat(value.dtype) ? epsilons[value.dtype] : 0;
  return value.kind === "kv_cache" ? epsilons[value.type.dtype] : 0;
}

class LeftEvaluation {
  readonly #form: RuleForm;
  readonly #drawn: DrawnForm;
  readonly #values: Map<string, Value>;
  readonly #premises: ReadonlyMap<string, PremiseForm>;
  readonly #measured = new Measured();

  constructor(form: RuleForm, drawn: DrawnForm, values: ReadonlyMap<string, Value>) {
    this.#form = form;
    this.#drawn = drawn;
    this.#values = new Map(values);
    this.#premises = new Map(form.premises.map((each) => [each.root, each]));
  }

  side(): LeftSide | undefined {
    const roots = [...this.#premises.keys()];
    if (roots.some((name) => this.#dependsOnItself(name, new Set()))) return undefined;
    for (const name of roots) this.#variable(name);
    const results = this.#form.conclusions.map(({ name }) => this.#variable(name));
    return { ...this.#measured.side(results), values: this.#values };
  }

  #dependsOnItself(name: string, above: ReadonlySet<string>): boolean {
    if (above.has(name)) return true;
    const premise = this.#premises.get(name);
    return premise !== undefined && this.#reads(premise.pattern, new Set([...above, name]));
  }

  #reads(term: PatternTerm, above: ReadonlySet<string>): boolean {
    return term.kind === "variable"
      ? this.#dependsOnItself(term.name, above)
      : term.operands.some((each) => this.#reads(each, above));
  }

  #variable(name: string): Value {
    const known = this.#values.get(name);
    if (known !== undefined) {
      this.#measured.see(known, false);
      return known;
    }
    const premise = this.#premises.get(name);
    invariant(premise !== undefined, `?${name} has a value or a premise`);
    const value = this.#node(premise.pattern);
    this.#values.set(name, value);
    return value;
  }

  #node(node: NodePattern): Value {
    const operands = node.operands.map((each) => (each.kind === "variable" ? this.#variable(each.name) : this.#node(each)));
    const type = this.#drawn.draw.nodeTypes.get(node);
    const payload = this.#drawn.draw.payloads.get(node);
    invariant(type !== undefined && payload !== undefined, "every node of the left side was drawn");
    const value = evaluated(() => node.record.evaluate(operands, payload.attrs, type));
    this.#measured.see(value, true);
    return value;
  }
}

class RightEvaluation {
  readonly #form: RuleForm;
  readonly #drawn: DrawnForm;
  readonly #left: LeftValues;
  readonly #lets: ReadonlyMap<string, TemplateTerm>;
  readonly #shared = new Map<string, Value>();
  readonly #measured = new Measured();

  constructor(form: RuleForm, drawn: DrawnForm, left: LeftValues) {
    this.#form = form;
    this.#drawn = drawn;
    this.#left = left;
    this.#lets = new Map(form.lets.map(({ name, template }) => [name, template]));
  }

  side(): Side {
    return this.#measured.side(this.#form.conclusions.map(({ template }) => this.term(template)));
  }

  term(term: TemplateTerm): Value {
    if (term.kind === "variable") return this.#variable(term.name);
    const operands = term.operands.map((each) => this.term(each));
    const { attrs } = this.#drawn.facts.payloadOf(term);
    const type: ValueType = this.#drawn.facts.factsOf(term).type;
    const value = evaluated(() => term.record.evaluate(operands, attrs, type));
    this.#measured.see(value, true);
    return value;
  }

  #variable(name: string): Value {
    const template = this.#lets.get(name);
    if (template === undefined) {
      const value = this.#left.get(name);
      invariant(value !== undefined, `?${name} has a value`);
      this.#measured.see(value, false);
      return value;
    }
    const value = this.#shared.get(name) ?? this.term(template);
    this.#shared.set(name, value);
    return value;
  }
}

function evaluated(evaluate: () => Value): Value {
  try {
    return evaluate();
  } catch (error) {
    if (error instanceof RangeError) throw new OutOfRange(error.message);
    throw error;
  }
}
