/**
 * Works out what a right side would be before it is built: attributes, types, and whether anything refuses.
 * The same code serves the e-graph (facts of classes) and the checker (facts of drawn operands).
 */

import { Signal } from "../base/index.js";
import type { Attrs, AttrValue, OpRecord, ValueType } from "../ir/index.js";
import { IllTyped, printType, sameType } from "../ir/index.js";
import type { Environment } from "./evaluate-expression.js";
import { evaluateAttribute, evaluateExpression } from "./evaluate-expression.js";
import type { ExpressionValue, Operand } from "./expression-values.js";
import { isType } from "./expression-values.js";
import type { Facts, NodePayload } from "./facts.js";
import { applyFacts } from "./facts.js";
import type { NodeTemplate, RuleForm, Settings, TemplateBinding, TemplateTerm } from "./rule.js";

/** What the left side bound. */
export interface Bound {
  readonly operand: (name: string) => Operand | undefined;
  readonly attribute: (name: string) => ExpressionValue | undefined;
}

/** A reason not to apply a rule: an everyday event, kept apart from errors. */
export class Refusal extends Signal {
  override readonly name: string = "Refusal";
}

/** Both sides have a type, and the types differ. */
export class TypesDiffer extends Refusal {
  override readonly name = "TypesDiffer";
}

/**
 * The facts of a form's terms under one match. Shared terms are worked out once, when they are first
 * read.
 */
export class TemplateFacts {
  readonly #bound: Bound;
  readonly #lets: ReadonlyMap<string, TemplateTerm>;
  readonly #known = new Map<string, Facts>();
  readonly environment: Environment;

  constructor(bound: Bound, lets: readonly TemplateBinding[], settings: Settings) {
    this.#bound = bound;
    this.#lets = new Map(lets.map(({ name, template }) => [name, template]));
    this.environment = { settings, lookup: (name) => this.#lookup(name) };
  }

  /** Throws `Refusal`. */
  factsOf(term: TemplateTerm): Facts {
    if (term.kind === "variable") return this.#factsOfName(term.name);
    const operands = term.operands.map((each) => this.factsOf(each));
    const payload = this.payloadOf(term);
    return applyOrRefuse(term.record, operands, payload);
  }

  /** The attributes and the written type of a node. Throws `Refusal`. */
  payloadOf(term: NodeTemplate): NodePayload {
    const attrs: Record<string, AttrValue> = {};
    for (const { name, kind, value } of term.attrs) {
      const computed = evaluateAttribute(value, kind, this.environment);
      if (computed === undefined) throw new Refusal(`the attribute \`${name}\` of \`${term.record.name}\` has no value here`);
      attrs[name] = computed;
    }
    return term.type === undefined ? { attrs } : { attrs, type: this.#typeOf(term, term.type) };
  }

  #typeOf(term: NodeTemplate, expression: NonNullable<NodeTemplate["type"]>): ValueType {
    const type = evaluateExpression(expression, this.environment);
    if (type === undefined || !isType(type)) throw new Refusal(`the type of \`${term.record.name}\` is not known here`);
    return type;
  }

  #factsOfName(name: string): Facts {
    const shared = this.#lets.get(name);
    if (shared === undefined) {
      const operand = this.#bound.operand(name);
      if (operand === undefined) throw new Refusal(`\`?${name}\` is not known`);
      return operand;
    }
    const facts = this.#known.get(name) ?? this.factsOf(shared);
    this.#known.set(name, facts);
    return facts;
  }

  #lookup(name: string): ExpressionValue | undefined {
    if (this.#lets.has(name)) return { kind: "operand", ...this.#factsOfName(name), identity: -1 };
    return this.#bound.attribute(name) ?? this.#bound.operand(name);
  }
}

function applyOrRefuse(record: OpRecord, operands: readonly Facts[], payload: NodePayload): Facts {
  const reason = refusalOfKernel(record, operands, payload.attrs);
  if (reason !== undefined) throw new Refusal(`\`${record.name}\` refuses: ${reason}`);
  try {
    return applyFacts(record, operands, payload);
  } catch (error) {
    if (error instanceof IllTyped || error instanceof RangeError) throw new Refusal(error.message);
    throw error;
  }
}

/** Kernels of a target may refuse operands that their types would allow. */
interface Refusing extends OpRecord {
  readonly refuses?: (operands: readonly ValueType[], attrs: Attrs) => string | undefined;
}

function refusalOfKernel(record: Refusing, operands: readonly Facts[], attrs: Attrs): string | undefined {
  return record.refuses?.(
    operands.map((each) => each.type),
    attrs,
  );
}

/** Why a form does not apply to what was bound, or undefined when it does. `holds` decides about guards. */
export function refusalOfForm(
  form: RuleForm,
  bound: Bound,
  settings: Settings,
  holds: (guard: RuleForm["guards"][number], environment: Environment) => boolean,
): Refusal | undefined {
  const facts = new TemplateFacts(bound, form.lets, settings);
  const failing = form.guards.findIndex((guard) => !holds(guard, facts.environment));
  if (failing >= 0) return new Refusal(`guard ${failing + 1} does not hold`);
  try {
    for (const { name, template } of form.conclusions) checkConclusion(name, facts.factsOf(template), bound);
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
  return undefined;
}

function checkConclusion(root: string, { type }: Facts, bound: Bound): void {
  const wanted = bound.operand(root)?.type;
  if (wanted === undefined || sameType(wanted, type)) return;
  throw new TypesDiffer(`the right side is ${printType(type)}, what it replaces is ${printType(wanted)}`);
}
