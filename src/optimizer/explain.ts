/**
 * Answers "why this kernel": for each kernel of each scenario the rules that led to it, what it is
 * predicted to cost, and the runner-up, found by forbidding the kernel and extracting again.
 */

import { invariant } from "../base/index.js";
import { extractDag, isUnreachable } from "../egraph-ts/index.js";
import type { RuleReference, SelectedNode } from "../ir/index.js";
import { FUSED } from "../loops/index.js";
import { useOf } from "./extraction-problem.js";
import type { Optimized } from "./optimize.js";
import { LOOPS_PREFIX } from "./price.js";
import { kernelsOf } from "./select.js";

export interface RunnerUp {
  /** Kernels of the next best program that the chosen one does not have. */
  readonly kernels: readonly string[];
  /** What the next best program costs more: nanoseconds in one step of the scenario. */
  readonly extraNs: number;
}

export interface KernelStory {
  readonly scenario: string;
  readonly func: string;
  readonly value: string;
  readonly kernel: string;
  /** What a fused kernel computes, over its operands. */
  readonly term?: string;
  readonly rules: readonly RuleReference[];
  /** One call. */
  readonly predictedNs: number;
  /** How often one step runs it. */
  readonly calls: number;
  /** Absent when no other program computes the same. */
  readonly runnerUp: RunnerUp | undefined;
}

export function explainKernels(optimized: Optimized): readonly KernelStory[] {
  const { selected, input } = optimized;
  return selected.scenarios.flatMap((scenario, s) =>
    scenario.functions.flatMap(({ func, nodes }, region) =>
      nodes
        .filter((node) => !node.view)
        .map((node) => ({
          scenario: scenario.name,
          func: func.name,
          value: node.name,
          kernel: node.kernel,
          ...fusedTermOf(node),
          rules: node.rules,
          predictedNs: node.predictedNs,
          calls: input.regions[region]!.instances,
          runnerUp: runnerUp(optimized, node, s),
        })),
    ),
  );
}

function fusedTermOf({ kernel, attrs }: SelectedNode): Pick<KernelStory, "term"> {
  const { body } = attrs;
  return kernel === LOOPS_PREFIX + FUSED && typeof body === "string" ? { term: body } : {};
}

/** The best program without the node, and what it costs more. */
function runnerUp(optimized: Optimized, node: SelectedNode, scenario: number): RunnerUp | undefined {
  const { problem, extraction, input, classOf } = optimized;
  const classIndex = classOf.get(node);
  invariant(classIndex !== undefined, "every selected node answers a class");
  const banned = extraction.choice[classIndex];
  const nodes = problem.nodes.map((each, i) => (i === banned ? { ...each, cost: Infinity } : each));
  const other = extractDag({ ...problem, nodes });
  if (isUnreachable(other)) return undefined;
  const parts = { graph: input.graph, problem };
  const before = new Set(kernelsOf(parts, extraction, scenario));
  const added = kernelsOf(parts, other, scenario).filter((enode) => !before.has(enode));
  const kernels = [...new Set(added.map((enode) => useOf(input.graph, enode).op))].sort();
  return { kernels, extraNs: (other.cost - extraction.cost) / input.scenarios[scenario]!.weight };
}
