/** Compiling a rule's conclusions: from templates to closures that build e-nodes from a stored match. */
import type { Core } from "../core.js";
import { EGraphError } from "../errors.js";
import type { PayloadTemplate, Rule, Template } from "../types.js";
import type { StoredMatch } from "./match-view.js";
import type { RecordLayout } from "./record-layout.js";

/** Builds a template for the match the view points at; returns a node of the class, or the class itself. */
export type Builder = () => number;

/** A variable's offset in the match record, or what builds a node. */
type Operand = number | Builder;

export interface CompiledConclusion {
  /** Offset of the root's class in the match record. */
  readonly rootAt: number;
  readonly build: Builder;
}

export interface CompiledConclusions {
  readonly conclusions: readonly CompiledConclusion[];
  /** The e-nodes of the latest match: conclusion by conclusion, children before what reads them. */
  readonly built: Int32Array;
}

export function compileConclusions<D>(
  core: Core<D>,
  rule: Rule<D>,
  layout: RecordLayout,
  view: StoredMatch<D>,
): CompiledConclusions {
  const count = rule.conclusions.reduce((sum, { template }) => sum + nodeCount(template), 0);
  const built = new Int32Array(count);
  let place = 0;
  const compile = (template: Template<D>): Operand => {
    if (template.kind === "variable") return offsetOf(layout, template.name, "which a template reads");
    const operands = template.children.map(compile);
    const label = labelMaker(core, template.op, template.payload, view);
    const make = nodeMaker(core, view, label, operands);
    const at = place++;
    return () => (built[at] = make());
  };
  const conclusions = rule.conclusions.map(({ root, template }) => ({
    rootAt: offsetOf(layout, root, "the root of a conclusion"),
    build: builderOf(view, compile(template)),
  }));
  return { conclusions, built };
}

function nodeCount<D>(template: Template<D>): number {
  if (template.kind === "variable") return 0;
  return template.children.reduce((sum, child) => sum + nodeCount(child), 1);
}

function offsetOf(layout: RecordLayout, name: string, where: string): number {
  const at = layout.classAt.get(name);
  if (at !== undefined) return at;
  throw new EGraphError("unbound-variable", `rule "${layout.ruleName}": no premise binds "${name}", ${where}`);
}

function builderOf<D>(view: StoredMatch<D>, operand: Operand): Builder {
  return typeof operand === "number" ? () => view.data[view.base + operand]! : operand;
}

/** Hot: variables are read in place, only nested nodes cost a call. */
function nodeMaker<D>(
  core: Core<D>,
  view: StoredMatch<D>,
  label: number | (() => number),
  operands: readonly Operand[],
): Builder {
  const arity = operands.length;
  const shapeOf = (): number => core.labels.shape(typeof label === "number" ? label : label(), arity);
  const shape = typeof label === "number" ? shapeOf() : -1;
  const [first, second] = operands.map((operand) => builderOf(view, operand));
  const [firstAt, secondAt] = operands;
  if (shape >= 0 && arity === 2 && typeof firstAt === "number" && typeof secondAt === "number") {
    return () => core.add2(shape, view.data[view.base + firstAt]!, view.data[view.base + secondAt]!);
  }
  if (shape >= 0 && arity === 2 && first !== undefined && second !== undefined) {
    return () => core.add2(shape, first(), second());
  }
  if (shape >= 0 && arity === 1 && first !== undefined) return () => core.add1(shape, first());
  const builders = operands.map((operand) => builderOf(view, operand));
  const kids = new Int32Array(arity);
  return () => {
    for (let k = 0; k < arity; k++) kids[k] = builders[k]!();
    return core.add(shape >= 0 ? shape : shapeOf(), kids, arity);
  };
}

/** The label, if it is the same for every match. */
function labelMaker<D>(
  core: Core<D>,
  op: string,
  payload: PayloadTemplate<D>,
  view: StoredMatch<D>,
): number | (() => number) {
  if (typeof payload !== "function") return core.labels.intern(op, payload.payload, payload.key);
  return () => {
    const value = payload(view);
    return core.labels.intern(op, value.payload, value.key);
  };
}
