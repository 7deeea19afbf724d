/**
 * Which rule application makes a plan wrong. One step of the model is taken by the reference evaluator; on
 * its values, both sides of every rule application that the plan rests on are evaluated and compared as the
 * rule's class promises. The first that breaks its promise although its premises hold is to blame. The
 * program is then chosen again without its rule, until nothing is left to blame.
 */

import type { EClassId } from "../../egraph-ts/index.js";
import type { DimEnv, Module, Registry, Value, ValueType } from "../../ir/index.js";
import { coreRegistry } from "../../ir/index.js";
import type { Disagreement, RuleProgram } from "../../rules/index.js";
import { judgeSides, withoutRules } from "../../rules/index.js";
import type { Optimized, OptimizeOptions } from "../optimize.js";
import { optimize } from "../optimize.js";
import { valueNames } from "../value-names.js";
import type { CapturedStep, LayerValues } from "./capture-step.js";
import { captureStep } from "./capture-step.js";
import type { RuleApplication } from "./plan-applications.js";
import { planApplications } from "./plan-applications.js";
import { runSelected } from "./run-selected.js";
import { shrink } from "./shrink.js";
import type { Term } from "./terms.js";
import { NoValue, Terms, TermValues } from "./terms.js";
import type { Shown } from "./witness.js";
import { outside, rightSide, show, sideOfTerm, witnessOf } from "./witness.js";

export interface BisectRequest {
  readonly module: Module;
  readonly optimized: Optimized;
  readonly rules: RuleProgram;
  readonly memoryBytes: number;
  readonly now: OptimizeOptions["now"];
  /** The arguments of one step, and the extents of its symbolic dimensions. */
  readonly inputs: readonly Value[];
  readonly dims: DimEnv;
  readonly weights: (name: string, type: ValueType) => Value;
}

/**
 * How far the logits of a plan are from the reference, root mean square over root mean square, by scenario.
 */
export type PlanErrors = readonly { readonly scenario: string; readonly relativeError: number }[];

export interface Blame {
  readonly application: RuleApplication;
  /** Where in the model: the function and the value that the rule gave another form. */
  readonly func: string | undefined;
  readonly value: string;
  /** The layer whose values showed it. */
  readonly layer: number | undefined;
  /** On the model's own values. */
  readonly disagreement: Disagreement;
  /** The smallest graph; undefined when the fault does not show outside the model. */
  readonly witness: Shown | undefined;
  /** Applications of the same rule that the plan rests on and that break their promise as well. */
  readonly alike: number;
  /** The plan that is chosen without the rule. */
  readonly without: PlanErrors;
}

export interface BisectReport {
  readonly errors: PlanErrors;
  /** Applications that the plan rests on. */
  readonly applications: number;
  readonly blamed: readonly Blame[];
}

/** Wrong rules that are looked for one after the other. */
const maxBlamed = 8;

export function bisectPlan(request: BisectRequest): BisectReport {
  const { module, inputs, weights, dims } = request;
  const captured = captureStep(module, inputs, { registry: coreRegistry, weights, dims });
  const errors = planErrors(request, request.optimized, captured);
  let [optimized, rules, applications] = [request.optimized, request.rules, 0];
  const blamed: Blame[] = [];
  while (blamed.length < maxBlamed) {
    const judged = judgePlan({ ...request, optimized, rules }, captured);
    if (blamed.length === 0) applications = judged.applications;
    if (judged.found === undefined) break;
    rules = withoutRules(rules, new Set([judged.found.application.rule.name]));
    const again = optimizeAgain(request, rules);
    const without = again === undefined ? [] : planErrors(request, again, captured);
    blamed.push({ ...judged.found, without });
    if (again === undefined) break;
    optimized = again;
  }
  return { errors, applications, blamed };
}

function optimizeAgain(
  { module, optimized, memoryBytes, now }: BisectRequest,
  rules: RuleProgram,
): Optimized | undefined {
  const { scenarios, pricing } = optimized.input;
  const found = optimize(module, { rules, scenarios, pricing, memoryBytes, now });
  return found.ok ? found.value : undefined;
}

function planErrors(request: BisectRequest, optimized: Optimized, { logits }: CapturedStep): PlanErrors {
  const { registry } = optimized.input.pricing.target;
  const run = { ...request, registry, program: optimized.selected };
  return optimized.selected.scenarios.map((scenario) => {
    try {
      const [result] = runSelected(run, scenario, request.inputs);
      const data = result?.kind === "tensor" ? result.data : [];
      return { scenario: scenario.name, relativeError: relativeError(logits.data, data) };
    } catch (error) {
      // A wrong form may read outside its operands.
      if (error instanceof RangeError) return { scenario: scenario.name, relativeError: Infinity };
      throw error;
    }
  });
}

function relativeError(wanted: ArrayLike<number>, found: ArrayLike<number>): number {
  let [error, signal] = [0, 0];
  for (let i = 0; i < wanted.length; i++) {
    error += (wanted[i]! - (found[i] ?? NaN)) ** 2;
    signal += wanted[i]! ** 2;
  }
  if (Number.isNaN(error)) return Infinity;
  return error === 0 ? 0 : Math.sqrt(error / signal);
}

interface Judged {
  readonly applications: number;
  readonly found: Omit<Blame, "without"> | undefined;
}

/** An application that breaks its promise on the values of one layer. */
interface Broken {
  readonly application: RuleApplication;
  readonly layer: LayerValues;
  readonly values: TermValues;
  readonly disagreement: Disagreement;
}

function judgePlan(request: BisectRequest, captured: CapturedStep): Judged {
  const { optimized, rules, dims, weights } = request;
  const { registry } = optimized.input.pricing.target;
  const applications = planApplications(optimized, rules, new Terms());
  const layers = captured.layers.map((layer) => {
    const leaves = { registry, params: layer.params, weights, layer: layer.layer, dims };
    return { layer, values: new TermValues(leaves) };
  });
  const broken = applications.flatMap((application) => firstBroken(application, layers));
  const [first] = broken;
  if (first === undefined) return { applications: applications.length, found: undefined };
  const { application, layer, values, disagreement } = first;
  const alike = broken.filter((each) => each.application.rule === application.rule).length - 1;
  const witness = smallestWitness(first, values, request);
  const place = placeOf(request, application.left);
  const found = { application, ...place, layer: layer.layer, disagreement, witness, alike };
  return { applications: applications.length, found };
}

/** At most one: where the application is seen first. */
function firstBroken(
  application: RuleApplication,
  layers: readonly Pick<Broken, "layer" | "values">[],
): readonly Broken[] {
  for (const { layer, values } of layers) {
    const disagreement = judgeApplication(application, values);
    if (disagreement !== undefined) return [{ application, layer, values, disagreement }];
  }
  return [];
}

function judgeApplication(application: RuleApplication, values: TermValues): Disagreement | undefined {
  const { rule, form, left, right, substitution } = application;
  const leaves = new Set(substitution.values());
  const isLeaf = (term: Term): boolean => leaves.has(term);
  try {
    if (!premisesHold(application, values)) return undefined;
    const before = sideOfTerm(left, values, isLeaf);
    const after = rightSide(right, values, isLeaf);
    return after === undefined ? outside : judgeSides(rule, form, before, after);
  } catch (error) {
    // Values of another layer, or operands that an earlier fault has made.
    if (error instanceof NoValue || error instanceof RangeError) return undefined;
    throw error;
  }
}

/** Far less than any fault, far more than any rounding. */
const premiseTolerance = 1e-2;

/** A premise may hold through an earlier fault; then this application is not the one to blame. */
function premisesHold({ form, substitution, instances }: RuleApplication, values: TermValues): boolean {
  return form.premises.every(({ root }, i) => {
    const [named, instance] = [substitution.get(root), instances[i]];
    if (named === undefined || instance === undefined || named === instance) return true;
    const [a, b] = [values.valueOf(named), values.valueOf(instance)];
    if (a.kind !== "tensor" || b.kind !== "tensor") return true;
    return relativeError(a.data, b.data) <= premiseTolerance;
  });
}

function smallestWitness(
  { application }: Broken,
  values: TermValues,
  { optimized, dims }: BisectRequest,
): Shown | undefined {
  const { graph, pricing } = optimized.input;
  const isConstant = (term: Term): boolean => {
    const cls = classOf(graph, term);
    return cls !== undefined && graph.data(cls).constant;
  };
  const registry: Registry = pricing.target.registry;
  const start = show(witnessOf(application, values, dims, isConstant), application, registry);
  return start && shrink(start, application, registry).shown;
}

type Graph = Optimized["input"]["graph"];

function classOf(graph: Graph, term: Term): EClassId | undefined {
  const children = term.children.map((child) => classOf(graph, child));
  if (!children.every((each) => each !== undefined)) return undefined;
  return graph.lookup(graph.label(term.op, term.payload, term.key), children);
}

function placeOf({ optimized }: BisectRequest, left: Term): Pick<Blame, "func" | "value"> {
  const cls = classOf(optimized.input.graph, left);
  return cls === undefined ? { func: undefined, value: left.op } : valueNames(optimized)(cls);
}
