import { describe, expect, test } from "vitest";
import {
  type Analysis,
  EGraph,
  EGraphError,
  type Rule,
  saturate,
  validateEGraph,
} from "../../../src/egraph-ts/index.js";
import { addText, arithmeticRules, rewrite } from "./workloads.js";

type Value = number | undefined;

/** The number a class stands for, if it is known; known numbers are added to their class as leaves. */
const constantFolding: Analysis<Value> = {
  make(graph, node) {
    const label = graph.nodeLabel(node);
    const op = graph.labelOp(label);
    if (op === "leaf") return /^-?\d+$/.test(graph.labelKey(label)) ? Number(graph.labelKey(label)) : undefined;
    const [a, b] = graph.nodeChildren(node).map((child) => graph.data(child));
    if (a === undefined || b === undefined) return undefined;
    if (op === "+") return a + b;
    return op === "*" ? a * b : undefined;
  },
  merge(a, b) {
    if (a !== undefined && b !== undefined && a !== b) return { conflict: `${a} is not ${b}` };
    const data = a ?? b;
    return { data, changedA: data !== a, changedB: data !== b };
  },
  modify(graph, cls) {
    const value = graph.data(cls);
    if (value !== undefined) graph.union(cls, graph.add(graph.label("leaf", String(value), String(value))));
  },
};

const newGraph = (): EGraph<Value> => new EGraph({ analysis: constantFolding });

function conflictOf(action: () => unknown): EGraphError {
  try {
    action();
  } catch (error) {
    if (error instanceof EGraphError) return error;
  }
  throw new Error("there was no conflict");
}

describe("an analysis", () => {
  test("gives each new class its data, and may add to it", () => {
    const graph = newGraph();
    const sum = addText(graph, "(+ 1 (* 2 3))");
    expect(graph.data(sum)).toBe(7);
    graph.rebuild();
    expect(graph.find(sum)).toBe(graph.find(addText(graph, "7")));
    expect(validateEGraph(graph)).toEqual([]);
  });

  test("is merged at the union and carried to the parents at the rebuild", () => {
    const graph = newGraph();
    const sum = addText(graph, "(+ (+ x 1) (* x x))");
    const x = addText(graph, "x");
    expect(graph.data(sum)).toBeUndefined();
    graph.union(x, addText(graph, "5"));
    expect(graph.data(x)).toBe(5);
    graph.rebuild();
    expect(graph.data(sum)).toBe(31);
    expect(graph.find(sum)).toBe(graph.find(addText(graph, "31")));
    expect(validateEGraph(graph)).toEqual([]);
  });

  test("runs along with rules", () => {
    const graph = newGraph();
    const term = addText(graph, "(+ (+ x 1) (+ 2 (- x x)))");
    saturate(graph, arithmeticRules<Value>("micro"), { limits: { iterations: 5 } });
    expect(graph.find(term)).toBe(graph.find(addText(graph, "(+ x 3)")));
    expect(validateEGraph(graph)).toEqual([]);
  });

  test("of a graph without one is undefined", () => {
    const graph = new EGraph();
    expect(graph.data(addText(graph, "a"))).toBeUndefined();
  });
});

describe("a conflict", () => {
  test("refuses a union and changes nothing", () => {
    const graph = newGraph();
    const [one, two] = [addText(graph, "1"), addText(graph, "2")];
    const error = conflictOf(() => graph.union(one, two));
    expect(error.code).toBe("analysis-conflict");
    expect(error.detail).toMatchObject({ left: one, right: two, conflict: "1 is not 2", rule: undefined });
    expect(error.detail?.byCongruence).toBe(false);
    expect(graph.find(one)).not.toBe(graph.find(two));
    expect(graph.isClean).toBe(true);
    expect(validateEGraph(graph)).toEqual([]);
  });

  test("names the rule and what its variables stood for", () => {
    const graph = newGraph();
    addText(graph, "(+ 1 2)");
    const [one, two] = [addText(graph, "1"), addText(graph, "2")];
    const error = conflictOf(() => saturate(graph, [rewrite<Value>("wrong", "(+ ?a ?b)", "?a")]));
    expect(error.message).toContain('rule "wrong"');
    expect(error.detail?.rule).toBe("wrong");
    expect(error.detail?.substitution).toMatchObject({ a: one, b: two });
  });

  test("found by congruence names the rule that led to it, and is found again", () => {
    const graph = newGraph();
    const classes = ["(f x)", "(f y)", "1", "2", "(eq x y)"].map((text) => addText(graph, text));
    graph.union(classes[0]!, classes[2]!);
    graph.union(classes[1]!, classes[3]!);
    graph.rebuild();
    const equate: Rule<Value> = {
      ...rewrite<Value>("equate", "(eq ?a ?b)", "?a"),
      conclusions: [{ root: "a", template: { kind: "variable", name: "b" } }],
    };
    const error = conflictOf(() => saturate(graph, [equate]));
    expect(error.detail).toMatchObject({ rule: "equate", byCongruence: true });
    expect(new Set(Object.keys(error.detail?.substitution ?? {}))).toEqual(new Set(["@root", "a", "b"]));
    expect(graph.isClean).toBe(false);
    expect(conflictOf(() => graph.rebuild()).code).toBe("analysis-conflict");
  });

  test("found when data reaches a parent is reported as such", () => {
    const graph = newGraph();
    const sum = addText(graph, "(+ x 1)");
    graph.union(sum, addText(graph, "9"));
    graph.rebuild();
    graph.union(addText(graph, "x"), addText(graph, "5"));
    expect(conflictOf(() => graph.rebuild()).detail).toMatchObject({ conflict: "9 is not 6", byCongruence: true });
  });
});

test("data of any kind may be kept, here the smallest term size", () => {
  const size: Analysis<number> = {
    make: (graph, node) => graph.nodeChildren(node).reduce((sum, child) => sum + graph.data(child), 1),
    merge: (a, b) => ({ data: Math.min(a, b), changedA: b < a, changedB: a < b }),
  };
  const graph = new EGraph({ analysis: size });
  const root = addText(graph, "(+ (* x 1) 0)");
  expect(graph.data(root)).toBe(5);
  saturate(graph, arithmeticRules<number>("micro"), { limits: { iterations: 6 } });
  expect(graph.data(root)).toBe(1);
  expect(validateEGraph(graph)).toEqual([]);
});

test("constants that rounding made different stop nothing when the analysis tells exact from rounded", () => {
  interface Constant {
    readonly value: number;
    readonly exact: boolean;
  }
  const guarded: Analysis<Constant | undefined> = {
    make(graph, node) {
      const label = graph.nodeLabel(node);
      if (graph.labelOp(label) === "leaf") {
        const value = Number(graph.labelKey(label));
        return Number.isNaN(value) ? undefined : { value, exact: Number.isInteger(value) };
      }
      const [a, b] = graph.nodeChildren(node).map((child) => graph.data(child));
      if (a === undefined || b === undefined || graph.labelOp(label) !== "+") return undefined;
      const value = a.value + b.value;
      return { value, exact: a.exact && b.exact && Number.isSafeInteger(value) };
    },
    merge(a, b) {
      if (a === undefined) return { data: b, changedA: b !== undefined, changedB: false };
      if (b === undefined) return { data: a, changedA: false, changedB: true };
      if (a.exact && b.exact && a.value !== b.value) return { conflict: `${a.value} is not ${b.value}` };
      const data = a.exact === b.exact ? (a.value <= b.value ? a : b) : a.exact ? a : b;
      return { data, changedA: data.value !== a.value, changedB: data.value !== b.value };
    },
  };
  const graph = new EGraph({ analysis: guarded });
  const sum = addText(graph, "(+ 0.1 (+ 0.2 (+ 0.3 0.6)))");
  const report = saturate(graph, arithmeticRules<Constant | undefined>("AC"));
  expect(report.stop).toBe("saturated");
  expect(graph.data(sum)?.value).toBeCloseTo(1.2, 12);
  expect(validateEGraph(graph)).toEqual([]);
  const [one, two] = [addText(graph, "1"), addText(graph, "2")];
  expect(conflictOf(() => graph.union(one, two)).code).toBe("analysis-conflict");
});
