import { describe, expect, test } from "vitest";
import {
  EGraph,
  type Extraction,
  extractDag,
  type ExtractionProblem,
  extractTree,
  isUnreachable,
  toProblem,
  type Unreachable,
  validateExtraction,
} from "../../../../src/egraph-ts/index.js";
import { addText } from "../workloads.js";
import { optimalCost, problemOf, projectionLayers, projectionOptimum, randomProblem } from "./problems.js";

type Extractor = (problem: ExtractionProblem) => Extraction | Unreachable;

const EXTRACTORS: readonly (readonly [string, Extractor])[] = [
  ["extractTree", extractTree],
  ["extractDag", extractDag],
];

function reached(result: Extraction | Unreachable): Extraction {
  if (isUnreachable(result)) throw new Error(`roots ${result.unreachable.join(", ")} are unreachable`);
  return result;
}

describe.each(EXTRACTORS)("%s", (_, extract) => {
  test("chooses the cheaper of two", () => {
    const problem = problemOf([[0, [], 3], [0, [1], 1], [1, [], 1]], [0]);
    const result = reached(extract(problem));
    expect(result.cost).toBe(2);
    expect([...result.choice]).toEqual([1, 2]);
  });

  test("leaves out what the roots do not need", () => {
    const problem = problemOf([[0, [], 1], [1, [], 1], [2, [0], 1]], [0]);
    expect([...reached(extract(problem)).choice]).toEqual([0, -1, -1]);
  });

  test("pays once for what is shared, also for a root named twice", () => {
    const problem = problemOf([[0, [1, 1], 1], [1, [], 5], [2, [1], 1]], [0, 2, 0]);
    expect(reached(extract(problem)).cost).toBe(7);
  });

  test("never chooses a node of infinite cost", () => {
    const infinite = Number.POSITIVE_INFINITY;
    expect(reached(extract(problemOf([[0, [], infinite], [0, [1], 9], [1, [], 1]], [0]))).cost).toBe(10);
    expect(extract(problemOf([[0, [], infinite], [1, [0], 1]], [1]))).toEqual({ unreachable: [1] });
  });

  test("names the roots that no acyclic choice reaches", () => {
    expect(extract(problemOf([[0, [1], 1], [1, [0], 1], [2, [], 1]], [2, 0]))).toEqual({ unreachable: [0] });
    expect(extract(problemOf([[0, [], 1]], [0, 3]))).toEqual({ unreachable: [3] });
  });

  test("stays acyclic where costs are zero", () => {
    const problem = problemOf([[0, [1], 0], [1, [0], 0], [0, [2], 0], [1, [2], 0], [2, [], 0]], [0, 1]);
    expect(validateExtraction(problem, reached(extract(problem)))).toEqual([]);
  });

  test("takes an empty list of roots", () => {
    expect(reached(extract({ nodes: [], classCount: 0, roots: [] })).cost).toBe(0);
  });

  test.each([
    ["a negative cost", problemOf([[0, [], -1]], [0])],
    ["no number as cost", problemOf([[0, [], Number.NaN]], [0])],
    ["an unknown child", { nodes: [{ classIndex: 0, children: [4], cost: 1 }], classCount: 1, roots: [0] }],
    ["an unknown root", { nodes: [], classCount: 1, roots: [1] }],
  ])("refuses %s", (_name, problem) => {
    expect(() => extract(problem)).toThrow(expect.objectContaining({ code: "bad-problem" }));
  });

  test("is valid, and the same again, on random problems", () => {
    for (let seed = 1; seed <= 60; seed++) {
      const problem = randomProblem(seed, 40, 3);
      const result = extract(problem);
      expect(extract(problem)).toEqual(result);
      if (!isUnreachable(result)) expect(validateExtraction(problem, result)).toEqual([]);
    }
  });
});

describe("extractDag", () => {
  test("merges three products only because all three readers switch", () => {
    const problem = projectionLayers(1);
    expect(reached(extractTree(problem)).cost).toBe(34);
    expect(reached(extractDag(problem, { pullIns: false })).cost).toBe(34);
    expect(reached(extractDag(problem)).cost).toBe(projectionOptimum(1));
  });

  test("merges them when the readers sit two nodes above", () => {
    // classes: 0 x, 1 merged, 2..4 products, 5..7 slices of merged, 8 root
    const rows = [0, 1, 2].flatMap((i) => [
      [2 + i, [0], 10] as const,
      [2 + i, [5 + i], 1] as const,
      [5 + i, [1], 1] as const,
    ]);
    const problem = problemOf([[0, [], 1], [1, [0], 15], ...rows, [8, [2, 3, 4], 1]], [8]);
    expect(reached(extractDag(problem)).cost).toBe(1 + 15 + 3 + 3 + 1);
  });

  test("is never worse than the cheapest trees, and near the optimum of small problems", () => {
    let problems = 0;
    let optimal = 0;
    for (let seed = 1; seed <= 150; seed++) {
      const problem = randomProblem(seed, 12, 3);
      const tree = extractTree(problem);
      const best = optimalCost(problem);
      expect(best === undefined).toBe(isUnreachable(tree));
      if (isUnreachable(tree) || best === undefined) continue;
      const dag = reached(extractDag(problem));
      expect(dag.cost).toBeLessThanOrEqual(tree.cost);
      expect(dag.cost).toBeGreaterThanOrEqual(best);
      problems++;
      if (dag.cost === best) optimal++;
    }
    expect(problems).toBeGreaterThan(100);
    expect(optimal / problems).toBeGreaterThan(0.97);
  });

  test("solves a deep stack of shared layers, where tree costs outgrow the precision of numbers", () => {
    const layers = 300;
    const problem = projectionLayers(layers);
    const began = performance.now();
    const result = reached(extractDag(problem));
    const tookMs = performance.now() - began;
    expect(problem.nodes.length).toBeGreaterThan(3_000);
    expect(validateExtraction(problem, result)).toEqual([]);
    expect(result.cost).toBe(projectionOptimum(layers));
    expect(tookMs).toBeLessThan(2_000);
  });

  test("obeys its budget of moves", () => {
    const problem = projectionLayers(20);
    expect(reached(extractDag(problem, { moves: 0 })).cost).toBeGreaterThan(projectionOptimum(20));
  });
});

describe("validateExtraction", () => {
  const problem = problemOf([[0, [1], 1], [1, [], 2], [1, [0], 1], [2, [], 1]], [0]);
  const judge = (choice: readonly number[], cost: number): string =>
    validateExtraction(problem, { choice: Int32Array.from(choice), cost }).join("; ");

  test.each([
    ["nothing", [0, 1, -1], 3, ""],
    ["a root without a choice", [-1, -1, -1], 0, "root 0 has no choice"],
    ["a missing operand", [0, -1, -1], 1, "class 0 reads class 1, which has no choice"],
    ["a node of another class", [0, 3, -1], 2, "class 1 chooses a node of class 2"],
    ["an unknown node", [0, 9, -1], 2, "class 1 chooses node 9, which does not exist"],
    ["a wrong cost", [0, 1, -1], 4, "the cost is given as 4, but the chosen nodes cost 3"],
    ["a cycle", [0, 2, -1], 2, "class 0 is on a cycle or reads one; class 1 is on a cycle or reads one"],
    ["a vain choice", [0, 1, 3], 4, "class 2 is chosen, but no root needs it"],
    ["a choice of the wrong length", [0], 4, "the choice covers 1 classes of 3"],
  ])("finds %s", (_, choice, cost, faults) => {
    expect(judge(choice, cost)).toBe(faults);
  });
});

test("a graph becomes a problem of what its roots reach", () => {
  const graph = new EGraph();
  const root = addText(graph, "(+ (* a 2) (* a 2))");
  addText(graph, "(unused a)");
  graph.union(addText(graph, "(* a 2)"), addText(graph, "(+ a a)"));
  graph.rebuild();
  const problem = toProblem(graph, [root], (node) => (graph.labelOp(graph.nodeLabel(node)) === "*" ? 9 : 1));
  expect(problem.classCount).toBe(4);
  expect(problem.nodes).toHaveLength(5);
  const result = reached(extractTree(problem));
  expect(result.cost).toBe(3);
  const chosen = problem.nodeIds[result.choice[problem.classIndexOf(addText(graph, "(* a 2)"))]!]!;
  expect(graph.labelOp(graph.nodeLabel(chosen))).toBe("+");
  expect(problem.classIds.map((cls) => problem.classIndexOf(cls))).toEqual([0, 1, 2, 3]);
});
