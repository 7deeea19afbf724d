// Equality saturation over egg's arithmetic: node and class counts are known exactly.

import { describe, expect, test } from "vitest";
import {
  backoffScheduler,
  type EClassId,
  type EGraph,
  extractTree,
  isUnreachable,
  saturate,
  simpleScheduler,
  toProblem,
  validateEGraph,
} from "../../../src/egraph-ts/index.js";
import { arithmeticRules, type RuleSet, SAMPLE_TERMS, startGraph, sumText } from "./workloads.js";

interface Workload {
  readonly id: string;
  readonly rules: RuleSet;
  readonly start: readonly string[];
  readonly backoff?: boolean;
  readonly iterations: number;
  readonly nodes: number;
  readonly classes: number;
}

const WORKLOADS: readonly Workload[] = [
  { id: "W1a", rules: "AC", start: [sumText(9)], iterations: 9, nodes: 18_669, classes: 511 },
  { id: "W1b", rules: "AC", start: [sumText(10)], iterations: 10, nodes: 57_012, classes: 1_023 },
  { id: "W2a", rules: "micro", start: SAMPLE_TERMS, iterations: 9, nodes: 28_303, classes: 12_445 },
  { id: "W2b", rules: "micro", start: SAMPLE_TERMS, iterations: 10, nodes: 136_446, classes: 58_464 },
  { id: "W2d", rules: "micro", start: SAMPLE_TERMS, backoff: true, iterations: 30, nodes: 47_434, classes: 28_736 },
  { id: "W3a", rules: "pure", start: SAMPLE_TERMS, iterations: 4, nodes: 9_242, classes: 4_165 },
  { id: "W3c", rules: "pure", start: SAMPLE_TERMS, backoff: true, iterations: 30, nodes: 81_136, classes: 47_388 },
];

const MICRO_COUNTS =
  "69/50 118/71 208/116 389/197 784/361 1576/666 3160/1347 8113/3576 28303/12445 136446/58464";
const PURE_COUNTS = "140/51 426/137 911/256 9242/4165";

const CHEAPEST_SIZES = [4, 6, 6, 7, 11, 13, 15];

function workloadOf(id: string): Workload {
  const found = WORKLOADS.find((workload) => workload.id === id);
  if (found === undefined) throw new Error(`no workload ${id}`);
  return found;
}

type Outcome = ReturnType<typeof run>;
const outcomes = new Map<string, Outcome>();

/** Runs a workload once for all tests of this file. */
function outcomeOf(id: string): Outcome {
  const outcome = outcomes.get(id) ?? run(workloadOf(id));
  outcomes.set(id, outcome);
  return outcome;
}

function run(workload: Workload, explanations = false) {
  const { graph, roots } = startGraph(workload.start, explanations);
  const report = saturate(graph, arithmeticRules(workload.rules), {
    scheduler: workload.backoff === true ? backoffScheduler() : simpleScheduler,
    limits: { nodes: 2_000_000, iterations: workload.iterations },
  });
  return { graph, roots, report };
}

/** Nodes of the smallest term for each root, a shared subterm counting at each use. */
function cheapestSizes(graph: EGraph, roots: readonly EClassId[]): readonly number[] {
  const problem = toProblem(graph, roots, () => 1);
  const extraction = extractTree(problem);
  if (isUnreachable(extraction)) throw new Error("every class has a term");
  const size = (cls: number): number =>
    problem.nodes[extraction.choice[cls]!]!.children.reduce((sum, child) => sum + size(child), 1);
  return problem.roots.map(size);
}

describe("arithmetic workloads", () => {
  test.each(WORKLOADS)("$id has exactly the known counts", (workload) => {
    const { graph, report } = outcomeOf(workload.id);
    expect(report.iterations).toHaveLength(workload.iterations);
    expect([graph.nodeCount, graph.classCount]).toEqual([workload.nodes, workload.classes]);
    expect(report.stop).toBe(workload.rules === "AC" ? "saturated" : "iterations");
  });

  test.each([
    ["W2b", MICRO_COUNTS],
    ["W3a", PURE_COUNTS],
  ])("%s has the known counts after every iteration", (id, counts) => {
    const { report } = outcomeOf(id);
    expect(report.iterations.map(({ nodes, classes }) => `${nodes}/${classes}`).join(" ")).toBe(counts);
  });

  test("a sum of n numbers saturates at its closed form", () => {
    for (let n = 2; n <= 7; n++) {
      const { graph, roots } = startGraph([sumText(n)]);
      expect(saturate(graph, arithmeticRules("AC")).stop).toBe("saturated");
      expect(graph.classCount).toBe(2 ** n - 1);
      expect(graph.nodeCount).toBe(3 ** n - 2 ** (n + 1) + 1 + n);
      expect(roots).toHaveLength(1);
    }
  });

  test.each(["W2a", "W2d", "W3a", "W3c"])("%s finds the known smallest terms", (id) => {
    const { graph, roots } = outcomeOf(id);
    expect(cheapestSizes(graph, roots)).toEqual(CHEAPEST_SIZES);
  });

  test("a small workload leaves a valid graph, with the same ids every time", () => {
    const once = run(workloadOf("W3a"), true);
    const again = run(workloadOf("W3a"), true);
    expect(validateEGraph(once.graph)).toEqual([]);
    expect([...once.graph.equalities()]).toEqual([...again.graph.equalities()]);
    expect([...once.graph.classes()]).toEqual([...again.graph.classes()]);
  });
});
