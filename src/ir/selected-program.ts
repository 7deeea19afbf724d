/**
 * What the optimizer hands to the planner: for each scenario, the chosen kernels of every function in
 * dependency order, and the constants that they read. No e-graph is left in it.
 */

import type { Attrs } from "./attrs.js";
import type { Func } from "./graph.js";
import type { DimEnv, ValueType } from "./types.js";

/** One rule that led to a kernel. Positions are absent for rules that write themselves. */
export interface RuleReference {
  readonly name: string;
  readonly file?: string;
  readonly line?: number;
}

export type SelectedOperand =
  /** The result of a node of the same function: an index into `SelectedFunction.nodes`. */
  | { readonly kind: "node"; readonly index: number }
  /** An index into `SelectedProgram.constants`. */
  | { readonly kind: "constant"; readonly index: number }
  /** A parameter of the function, or a result of its `layers` operations, by value name. */
  | { readonly kind: "value"; readonly name: string };

export interface SelectedNode {
  readonly name: string;
  /** A kernel of the target, `loops.<op>`, or an op that only changes the view of its operand. */
  readonly kernel: string;
  readonly view: boolean;
  readonly operands: readonly SelectedOperand[];
  readonly attrs: Attrs;
  readonly type: ValueType;
  readonly rules: readonly RuleReference[];
  readonly predictedNs: number;
}

export interface SelectedFunction {
  readonly func: Func;
  /** How often one step runs it. */
  readonly instances: number;
  /** Operands before the nodes that read them. */
  readonly nodes: readonly SelectedNode[];
  readonly results: readonly SelectedOperand[];
  /** The values handed to each `layers` operation, in operation order, and how many nodes run before it. */
  readonly carried: readonly {
    readonly operands: readonly SelectedOperand[];
    readonly after: number;
  }[];
}

/** Sizes of step, by the number of tokens: a few, several, many. */
export const scenarioNames = ["decode", "batch", "prefill"] as const;

export type ScenarioName = (typeof scenarioNames)[number];

export interface SelectedScenario {
  readonly name: ScenarioName;
  readonly maxTokens: number;
  /** Extents at which kernels were priced. */
  readonly dims: DimEnv;
  readonly functions: readonly SelectedFunction[];
  /** Time of one step at `dims`. */
  readonly predictedNs: number;
}

export interface SelectedConstant {
  readonly name: string;
  readonly type: ValueType;
  /** A function without parameters that computes it from weights; `{layer}` in weight names is the layer. */
  readonly term: Func;
  /** True when the term reads a weight of the layer. */
  readonly perLayer: boolean;
  readonly layers: { readonly first: number; readonly count: number } | undefined;
}

export interface SelectedProgram {
  readonly scenarios: readonly SelectedScenario[];
  readonly constants: readonly SelectedConstant[];
}
