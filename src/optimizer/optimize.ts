/**
 * The optimizer: module in, chosen kernels out. Saturates the module's e-graph phase by phase, adds the
 * kernels that write themselves, and extracts the cheapest whole program for all scenarios together.
 */

import type { Diagnostic, Result } from "../diagnostics/index.js";
import { diagnostic, failure, success } from "../diagnostics/index.js";
import type { Extraction, Rule, SaturationReport } from "../egraph-ts/index.js";
import { EGraph, isUnreachable, saturate } from "../egraph-ts/index.js";
import type { Module, SelectedNode, SelectedProgram } from "../ir/index.js";
import { typeBytes } from "../ir/index.js";
import type { Facts, RuleProgram } from "../rules/index.js";
import { llmAnalysis } from "../rules/index.js";
import { extractProgram } from "./extract-program.js";
import type { ProblemInput, ProgramProblem } from "./extraction-problem.js";
import { buildProblem, perLayerConstants, useOf } from "./extraction-problem.js";
import { fuseLoopKernels } from "./fuse-kernels.js";
import type { Region } from "./ingest.js";
import { ingestModule } from "./ingest.js";
import { addLoopKernels } from "./loop-kernels.js";
import type { Pricing } from "./price.js";
import type { RulePlaces } from "./provenance.js";
import type { Scenario } from "./scenarios.js";
import { selectProgram } from "./select.js";

export interface OptimizeOptions {
  readonly rules: RuleProgram;
  readonly scenarios: readonly Scenario[];
  readonly pricing: Pricing;
  /** Packed weights may not take more than this. */
  readonly memoryBytes: number;
  readonly now: () => number;
}

export interface PhaseReport {
  readonly name: string;
  readonly report: SaturationReport;
}

export interface OptimizeReport {
  readonly phases: readonly PhaseReport[];
  readonly nodesBefore: number;
  readonly nodesAfter: number;
  readonly classesAfter: number;
  readonly saturationMs: number;
  readonly extractionMs: number;
  /** Sum over scenarios of weight × time, with the price of packed bytes. */
  readonly cost: number;
}

/** Everything that `explain` asks about later. */
export interface Optimized {
  readonly selected: SelectedProgram;
  /** The problem class that each selected node answers. */
  readonly classOf: ReadonlyMap<SelectedNode, number>;
  readonly report: OptimizeReport;
  readonly input: ProblemInput;
  readonly problem: ProgramProblem;
  readonly extraction: Extraction;
}

/**
 * Price of a packed byte when memory is not short: a gigabyte more must save a tenth of a millisecond a step.
 */
const BYTE_NS = 1e-4;
/** How often the price is raised fourfold before a budget counts as out of reach. */
const PRICE_RAISES = 24;

export function optimize(module: Module, options: OptimizeOptions): Result<Optimized> {
  const { pricing, rules, now } = options;
  const graph = new EGraph<Facts>({ analysis: llmAnalysis(pricing.target.registry), explanations: true });
  const regions = ingestModule(graph, module, pricing.target.registry);
  graph.rebuild();
  const nodesBefore = graph.nodeCount;
  const started = now();
  const phases = rules.phases.map((phase) => ({
    name: phase.name,
    report: saturate(graph, engineRules(phase), { limits: phase.limits, now }),
  }));
  addLoopKernels(graph, pricing.target.registry);
  const { scenarios } = options;
  phases.push(...fuseLoopKernels(graph, { fusions: rules.fusions, pricing, scenarios, now }));
  const saturated = now();
  const input = { graph, regions, scenarios: options.scenarios, pricing, perLayer: perLayerConstants(graph) };
  const places = placesOf(rules);
  const found = extractWithin(input, options.memoryBytes);
  if (!found.ok) return found;
  const { problem, extraction } = found.value;
  const whole = { ...input, byteNs: found.value.byteNs };
  const { program: selected, classOf } = selectProgram({ ...whole, problem, extraction, places });
  const report: OptimizeReport = {
    phases,
    nodesBefore,
    nodesAfter: graph.nodeCount,
    classesAfter: graph.classCount,
    saturationMs: saturated - started,
    extractionMs: now() - saturated,
    cost: extraction.cost,
  };
  return success({ selected, classOf, report, input: whole, problem, extraction });
}

function engineRules(phase: RuleProgram["phases"][number]): readonly Rule<Facts>[] {
  return phase.rules.flatMap((rule) => rule.engineRules);
}

function placesOf(rules: RuleProgram): RulePlaces {
  const places = new Map(
    rules.rules.flatMap(({ engineRules, name, file, line }) =>
      engineRules.map((rule) => [rule.name, { name, file, line }] as const),
    ),
  );
  for (const { name, file, line } of rules.fusions) places.set(name, { name, file, line });
  return { placeOf: (rule) => places.get(rule) };
}

interface Extracted {
  readonly problem: ProgramProblem;
  readonly extraction: Extraction;
  readonly byteNs: number;
}

/** Extracts at a rising price of memory until the packed weights fit the budget (Lagrangian relaxation). */
function extractWithin(input: Omit<ProblemInput, "byteNs">, budgetBytes: number): Result<Extracted> {
  let smallest = Infinity;
  for (let raise = 0, byteNs = BYTE_NS; raise < PRICE_RAISES; raise++, byteNs *= 4) {
    const problem = buildProblem({ ...input, byteNs });
    const extraction = extractProgram(problem);
    if (isUnreachable(extraction)) return failure(noKernel(input, problem, extraction.unreachable));
    const bytes = packedBytes(input, problem, extraction);
    if (bytes <= budgetBytes) return success({ problem, extraction, byteNs });
    smallest = Math.min(smallest, bytes);
  }
  return failure(
    diagnostic(
      "plan/memory-budget",
      `the weights need at least ${smallest} bytes, the budget is ${budgetBytes}`,
      {
        hint: "allow smaller weights with `--quantize q8` or `q4`, or raise `--memory`",
      },
    ),
  );
}

function packedBytes(
  { graph, regions, perLayer }: Omit<ProblemInput, "byteNs">,
  problem: ProgramProblem,
  extraction: Extraction,
): number {
  const copies = Math.max(...regions.map((region: Region) => region.instances));
  return problem.classes.reduce((sum, what, classIndex) => {
    if (what.kind !== "packed" || extraction.choice[classIndex] === -1) return sum;
    return sum + typeBytes(graph.data(what.cls).type) * (perLayer.has(what.cls) ? copies : 1);
  }, 0);
}

/** A result that no kernel of the target computes: names the ops of its class. */
function noKernel(
  { graph, pricing }: Omit<ProblemInput, "byteNs">,
  problem: ProgramProblem,
  unreachable: readonly number[],
): Diagnostic {
  const stuck = firstStuck(graph, problem, unreachable);
  return diagnostic("plan/no-kernel", `the target \`${pricing.target.name}\` has no kernel for ${stuck}`, {
    hint: "give the op a loop form (`lower` in its record), or add a kernel and a lowering rule",
  });
}

/** Follows unreachable operands from a root down to a class of which no node is a kernel. */
function firstStuck(graph: EGraph<Facts>, problem: ProgramProblem, unreachable: readonly number[]): string {
  const reachable = reachableClasses(problem);
  const seen = new Set<number>();
  const queue = [...unreachable];
  for (let classIndex = queue.pop(); classIndex !== undefined; classIndex = queue.pop()) {
    if (seen.has(classIndex)) continue;
    seen.add(classIndex);
    const children = problem.nodesOfClass[classIndex]!.flatMap((node) => problem.nodes[node]!.children);
    const stuck = children.filter((child) => !reachable.has(child));
    if (stuck.length === 0) {
      const ops = [...graph.nodesOf(problem.classes[classIndex]!.cls)].map(
        (enode) => `\`${useOf(graph, enode).op}\``,
      );
      return [...new Set(ops)].join(" or ");
    }
    queue.push(...stuck);
  }
  return "a value that depends on itself";
}

/** Classes with a node whose operands are reachable too: the least fixed point. */
function reachableClasses(problem: ProgramProblem): ReadonlySet<number> {
  const reachable = new Set<number>();
  for (let before = -1; before < reachable.size;) {
    before = reachable.size;
    for (const { classIndex, children, cost } of problem.nodes) {
      if (Number.isFinite(cost) && children.every((child) => reachable.has(child))) reachable.add(classIndex);
    }
  }
  return reachable;
}
