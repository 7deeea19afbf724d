/**
 * The smallest graph that shows what a rule does wrong. It starts as the left side of one application, cut
 * off at the rule's variables, whose values become its inputs. Extents, then elements, are made smaller as
 * long as the rule still applies (the engine decides, guards and all) and its two sides still disagree.
 */

import type { EClassId, ENodeId } from "../../egraph-ts/index.js";
import { EGraph, EGraphError, saturate } from "../../egraph-ts/index.js";
import type { Attrs, DimEnv, Registry, Value, ValueType } from "../../ir/index.js";
import { IllTyped } from "../../ir/index.js";
import type { Disagreement, Facts, NodePayload, RuleForm } from "../../rules/index.js";
import { judgeSides, llmAnalysis, payloadKey, sideOf } from "../../rules/index.js";
import type { RuleApplication } from "./plan-applications.js";
import type { Term } from "./terms.js";
import { Terms, TermValues } from "./terms.js";

export interface WitnessLeaf {
  readonly type: ValueType;
  readonly value: Value;
  readonly constant: boolean;
}

/** A node of a left side: another node, or the name of a leaf or of a premise's root. */
export interface WitnessNode {
  readonly op: string;
  readonly attrs: Attrs;
  readonly type: ValueType | undefined;
  readonly children: readonly (WitnessNode | string)[];
}

export interface Witness {
  readonly leaves: ReadonlyMap<string, WitnessLeaf>;
  /** By the names of the premises' roots. */
  readonly premises: ReadonlyMap<string, WitnessNode>;
}

/**
 * A witness that shows the fault, with the terms of both sides over parameters and weights of the leaves'
 * names.
 */
export interface Shown {
  readonly witness: Witness;
  readonly left: Term;
  readonly right: Term;
  /** The right one is undefined when it reads outside its operands. */
  readonly values: { readonly left: Value; readonly right: Value | undefined };
  readonly disagreement: Disagreement;
}

type Rule = Pick<RuleApplication, "rule" | "form">;

/** Rounds of matching: what was asked for is found in the first. */
const limits = { iterations: 1, nodes: 5000 };

/** What the rule makes of a left side, if its two sides disagree; undefined when it does not apply. */
export function show(witness: Witness, { rule, form }: Rule, registry: Registry): Shown | undefined {
  try {
    const graph = new EGraph<Facts>({ analysis: llmAnalysis(registry), explanations: true });
    const roots = addWitness(graph, witness);
    graph.rebuild();
    const engineRule = rule.engineRules[rule.forms.indexOf(form)];
    if (engineRule === undefined) return undefined;
    saturate(graph, [engineRule], { limits, now: () => 0 });
    const terms = new Terms();
    const values = witnessValues(witness, registry);
    for (const { left: from, right: to, reason } of graph.equalities()) {
      if (typeof reason === "string" || reason.rule !== form.name) continue;
      for (const root of roots.values()) {
        if (graph.find(root) !== graph.find(from)) continue;
        const [left, right] = [root, to].map((id) => terms.ofNode(graph, id as number as ENodeId));
        const shown = left && right && judge({ rule, form }, { left, right }, values);
        if (shown !== undefined) return { witness, ...shown };
      }
    }
    return undefined;
  } catch (error) {
    // Operands that fit no program: the step that led here was one too many.
    const fits = !(error instanceof IllTyped || error instanceof RangeError || error instanceof EGraphError);
    if (fits) throw error;
    return undefined;
  }
}

function judge(
  { rule, form }: Rule,
  { left, right }: Pick<Shown, "left" | "right">,
  values: TermValues,
): Omit<Shown, "witness"> | undefined {
  const before = sideOfTerm(left, values);
  const after = rightSide(right, values);
  const disagreement = after === undefined ? outside : judgeSides(rule, form, before, after);
  const shown = { left: values.valueOf(left), right: after?.results[0] };
  return disagreement && { left, right, values: shown, disagreement };
}

/** A side with everything below it; leaves were read, the rest was computed. */
export function sideOfTerm(
  term: Term,
  values: TermValues,
  isLeaf: (each: Term) => boolean = ({ children }) => children.length === 0,
): ReturnType<typeof sideOf> {
  const [computed, read, seen] = [[] as Value[], [] as Value[], new Set<Term>()];
  const visit = (each: Term, isRoot: boolean): void => {
    if (seen.has(each)) return;
    seen.add(each);
    const leaf = !isRoot && isLeaf(each);
    (leaf ? read : computed).push(values.valueOf(each));
    if (!leaf) for (const child of each.children) visit(child, false);
  };
  visit(term, true);
  return sideOf(values.valueOf(term), computed, read);
}

/** A right side that reads outside its operands is as wrong as can be. */
export const outside: Disagreement = { relativeError: Infinity, element: undefined, allowed: 0 };

/** Undefined when it reads outside its operands. */
export function rightSide(
  right: Term,
  values: TermValues,
  isLeaf?: (term: Term) => boolean,
): ReturnType<typeof sideOfTerm> | undefined {
  try {
    return sideOfTerm(right, values, isLeaf);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function witnessValues({ leaves }: Witness, registry: Registry): TermValues {
  const params = new Map([...leaves].map(([name, { value }]) => [name, value]));
  const weights = (name: string): Value => {
    const leaf = leaves.get(name);
    if (leaf === undefined) throw new RangeError(`there is no leaf ${name}`);
    return leaf.value;
  };
  return new TermValues({ registry, params, weights, layer: undefined, dims: {} });
}

function addWitness(graph: EGraph<Facts>, { leaves, premises }: Witness): ReadonlyMap<string, EClassId> {
  const classes = new Map<string, EClassId>();
  const node = (op: string, payload: NodePayload, children: readonly EClassId[]): EClassId =>
    graph.add(graph.label(op, payload, payloadKey(payload)), children);
  const named = (name: string): EClassId => {
    const known = classes.get(name);
    if (known !== undefined) return known;
    const premise = premises.get(name);
    const made = premise === undefined ? leaf(name) : build(premise);
    classes.set(name, made);
    return made;
  };
  const leaf = (name: string): EClassId => {
    const found = leaves.get(name);
    if (found === undefined) throw new RangeError(`there is no leaf ${name}`);
    return node(found.constant ? "weight" : "param", { attrs: { name }, type: found.type }, []);
  };
  const build = ({ op, attrs, type, children }: WitnessNode): EClassId => {
    const operands = children.map((child) => (typeof child === "string" ? named(child) : build(child)));
    return node(op, type === undefined ? { attrs } : { attrs, type }, operands);
  };
  return new Map([...premises.keys()].map((name) => [name, named(name)]));
}

/**
 * The left side of an application, with its variables as leaves; `valuesOf` are those of one layer of a
 * step.
 */
export function witnessOf(
  { form, substitution, instances }: RuleApplication,
  values: TermValues,
  dims: DimEnv,
  isConstant: (term: Term) => boolean,
): Witness {
  const leaves = new Map<string, WitnessLeaf>();
  const roots = new Set(form.premises.map(({ root }) => root));
  const premises = new Map<string, WitnessNode>();
  form.premises.forEach(({ root, pattern }, i) => {
    const instance = instances[i];
    if (instance !== undefined) premises.set(root, nodeOf(pattern, instance, dims));
  });
  for (const [name, term] of substitution) {
    if (roots.has(name)) continue;
    const value = values.valueOf(term);
    leaves.set(name, { type: concrete(values.typeOf(term), dims), value, constant: isConstant(term) });
  }
  return { leaves, premises };
}

type NodePattern = RuleForm["premises"][number]["pattern"];

function nodeOf(pattern: NodePattern, { op, payload, children }: Term, dims: DimEnv): WitnessNode {
  const type = payload.type && concrete(payload.type, dims);
  return {
    op,
    attrs: concreteAttrs(payload.attrs, dims),
    type,
    children: pattern.operands.map((operand, i) =>
      operand.kind === "variable" ? operand.name : nodeOf(operand, children[i]!, dims),
    ),
  };
}

function concrete(type: ValueType, dims: DimEnv): ValueType {
  return type.kind === "tensor" ? { ...type, shape: type.shape.map((dim) => dims[dim] ?? dim) } : type;
}

/** Symbolic dimensions in lists of attributes are numbers here. */
function concreteAttrs(attrs: Attrs, dims: DimEnv): Attrs {
  return Object.fromEntries(
    Object.entries(attrs).map(([name, value]) => {
      if (!Array.isArray(value)) return [name, value];
      const list: readonly (number | string)[] = value;
      return [name, list.map((each) => dims[each] ?? each)];
    }),
  );
}
