// Exact extraction with HiGHS, and extraction under a budget, against enumeration.

import { describe, expect, test } from "vitest";
import {
  EGraphError,
  extractDag,
  extractIlp,
  extractWithin,
  type ExtractionProblem,
  isOverBudget,
  isUnreachable,
  type ProgramSolver,
  validateExtraction,
  weightOf,
} from "../../../../src/egraph-ts/index.js";
import { solveProgram } from "../../../../src/host/ilp-solver.js";
import { optimalCost, problemOf, projectionLayers, projectionOptimum, randomProblem } from "./problems.js";

const options = { solver: solveProgram, timeLimitSeconds: 20 };

/** Weights 0 to 4 by number, so that cheap nodes are not the light ones. */
function weighted(problem: ExtractionProblem, budget: number): ExtractionProblem {
  return { ...problem, budget, nodes: problem.nodes.map((node, i) => ({ ...node, weight: (i * 7) % 5 })) };
}

describe("extraction by integer program", () => {
  test("is optimal on small random problems, cyclic ones included, and proves it", async () => {
    let compared = 0;
    for (let seed = 1; seed <= 12; seed++) {
      const problem = randomProblem(seed, 8, 3);
      const result = await extractIlp(problem, options);
      const best = optimalCost(problem);
      if (best === undefined) {
        expect(isUnreachable(result)).toBe(true);
        continue;
      }
      if (isUnreachable(result) || isOverBudget(result)) throw new Error("there is a choice");
      expect(validateExtraction(problem, result)).toEqual([]);
      expect(result.cost).toBeCloseTo(best, 6);
      expect(result.lowerBound).toBeCloseTo(best, 6);
      expect(result.gap).toBe(0);
      compared++;
    }
    expect(compared).toBeGreaterThan(5);
  });

  test("finds merged projections", async () => {
    const result = await extractIlp(projectionLayers(6), options);
    expect(result).toMatchObject({ cost: projectionOptimum(6), gap: 0 });
  });

  test("breaks cycles that a cheaper choice would close", async () => {
    // 0 and 1 would each be cheap through the other
    const problem = problemOf(
      [
        [0, [1], 1],
        [0, [], 10],
        [1, [0], 1],
        [1, [], 12],
      ],
      [0, 1],
    );
    expect(await extractIlp(problem, options)).toMatchObject({ cost: 11, gap: 0 });
  });

  test("names a root that nothing reaches", async () => {
    expect(await extractIlp(problemOf([[0, [0], 1]], [0]), options)).toEqual({ unreachable: [0] });
  });

  test("refuses a negative cost by name", async () => {
    const failure = extractIlp(problemOf([[0, [], -1]], [0]), options);
    await expect(failure).rejects.toThrow(EGraphError);
    await expect(failure).rejects.toThrow("node 0 costs -1");
  });

  test("keeps the greedy choice, with the bound, when the solver stops early", async () => {
    const problem = projectionLayers(3);
    const stopped: ProgramSolver = async () => ({ status: "stopped", x: undefined, bound: 50 });
    const result = await extractIlp(problem, { solver: stopped });
    const greedy = extractDag(problem);
    if (isUnreachable(greedy)) throw new Error("there is a choice");
    const gap = (greedy.cost - 50) / greedy.cost;
    expect(result).toMatchObject({ cost: greedy.cost, lowerBound: 50, gap });
  });

  test("starts the solver at the greedy choice", async () => {
    let startCost = Number.NaN;
    const watching: ProgramSolver = async ({ program, start }) => {
      startCost = start?.reduce((sum, x, column) => sum + x * program.cost[column]!, 0) ?? Number.NaN;
      for (let row = 0; row < program.rowLower.length; row++) {
        let sum = 0;
        for (let i = program.starts[row]!; i < program.starts[row + 1]!; i++) {
          sum += program.values[i]! * (start?.[program.columns[i]!] ?? 0);
        }
        expect(sum).toBeGreaterThanOrEqual(program.rowLower[row]!);
        expect(sum).toBeLessThanOrEqual(program.rowUpper[row]!);
      }
      return { status: "stopped", x: undefined, bound: 0 };
    };
    for (let seed = 20; seed < 30; seed++) {
      const problem = randomProblem(seed, 30, 4);
      const greedy = extractDag(problem);
      await extractIlp(problem, { solver: watching });
      if (!isUnreachable(greedy)) expect(startCost).toBeCloseTo(greedy.cost, 6);
    }
  });
});

describe("a budget", () => {
  test("is kept by both extractors, the exact one being no worse", async () => {
    let fitted = 0;
    for (let seed = 1; seed <= 8; seed++) {
      const free = extractDag(randomProblem(seed, 14, 4));
      if (isUnreachable(free)) continue;
      const unbound = weighted(randomProblem(seed, 14, 4), Number.POSITIVE_INFINITY);
      const problem = { ...unbound, budget: weightOf(unbound, free.choice) - 1 };
      const [priced, exact] = [extractWithin(problem), await extractIlp(problem, options)];
      if (isUnreachable(priced) || isOverBudget(priced)) continue;
      if (isUnreachable(exact) || isOverBudget(exact)) throw new Error("there is a choice");
      expect(validateExtraction(problem, priced)).toEqual([]);
      expect(validateExtraction(problem, exact)).toEqual([]);
      expect(exact.cost).toBeLessThanOrEqual(priced.cost + 1e-9);
      expect(exact.cost).toBeGreaterThanOrEqual(free.cost - 1e-9);
      fitted++;
    }
    expect(fitted).toBeGreaterThan(2);
  });

  test("that nothing keeps is reported with the least weight found", async () => {
    const problem = { ...problemOf([[0, [], 1]], [0]), budget: 2 };
    const heavy = { ...problem, nodes: problem.nodes.map((node) => ({ ...node, weight: 3 })) };
    expect(extractWithin(heavy)).toEqual({ overBudget: 3 });
    expect(await extractIlp(heavy, options)).toEqual({ overBudget: 3 });
  });

  test("trades cost for weight only as far as it must", () => {
    const rows = [0, 1, 2].flatMap((cls) => [
      { classIndex: cls, children: [], cost: 1, weight: 10 },
      { classIndex: cls, children: [], cost: 5 + cls, weight: 1 },
    ]);
    const problem = { nodes: rows, classCount: 3, roots: [0, 1, 2], budget: 21 };
    expect(extractWithin(problem)).toMatchObject({ cost: 7 });
  });

  test("shows in the validator", () => {
    const nodes = [{ classIndex: 0, children: [], cost: 1, weight: 3 }];
    const problem = { nodes, classCount: 1, roots: [0], budget: 2 };
    const faults = validateExtraction(problem, { choice: Int32Array.of(0), cost: 1 });
    expect(faults).toEqual(["the choice weighs 3, the budget is 2"]);
  });
});
