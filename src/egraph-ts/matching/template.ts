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

export function compileConclusions<D>(
  core: Core<D>,
  rule: Rule<D>,
  layout: RecordLayout,
  view: StoredMatch<D>,
): readonly CompiledConclusion[] {
  const offset = (name: string, where: string): number => {
    const at = layout.classAt.get(name);
    if (at !== undefined) return at;
    throw new EGraphError("unbound-variable", `rule "${rule.name}": no premise binds "${name}", ${where}`);
  };
  const compile = (template: Template<D>): Operand => {
    if (template.kind === "variable") return offset(template.name, "which a template reads");
    const children = template.children.map(compile);
    return nodeBuilder(view, core, labelMaker(core, template.op, template.payload, view), children);
  };
  return rule.conclusions.map(({ root, template }) => ({
    rootAt: offset(root, "the root of a conclusion"),
    build: builderOf(view, compile(template)),
  }));
}

function builderOf<D>(view: StoredMatch<D>, operand: Operand): Builder {
  return typeof operand === "number" ? () => view.data[view.base + operand]! : operand;
}

/** Hot: variables are read in place, only nested nodes cost a call. */
function nodeBuilder<D>(
  view: StoredMatch<D>,
  core: Core<D>,
  label: () => number,
  operands: readonly Operand[],
): Builder {
  const arity = operands.length;
  const kids = new Int32Array(arity);
  const offsets = Int32Array.from(operands, (operand) => (typeof operand === "number" ? operand : -1));
  const builders = operands.map((operand) => builderOf(view, operand));
  return () => {
    for (let k = 0; k < arity; k++) {
      const at = offsets[k]!;
      kids[k] = at >= 0 ? view.data[view.base + at]! : builders[k]!();
    }
    return core.add(label(), kids, arity);
  };
}

function labelMaker<D>(
  core: Core<D>,
  op: string,
  payload: PayloadTemplate<D>,
  view: StoredMatch<D>,
): () => number {
  if (typeof payload === "function") {
    return () => {
      const value = payload(view);
      return core.labels.intern(op, value.payload, value.key);
    };
  }
  const label = core.labels.intern(op, payload.payload, payload.key);
  return () => label;
}
