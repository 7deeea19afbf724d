import { describe, expect, test } from "vitest";
import { EGraph, saturate } from "../../../src/egraph-ts/index.js";
import { addText, arithmeticRules, describeNode, rewrite, startGraph } from "./workloads.js";

describe("provenance", () => {
  test("a node added by the caller has no origin, one made by a rule has its application", () => {
    const graph = new EGraph();
    const root = addText(graph, "(* (+ a b) 2)");
    const sum = addText(graph, "(+ a b)");
    const given = graph.nodesOf(root)[0]!;
    saturate(graph, [rewrite("shift", "(* ?x 2)", "(shl ?x 1)")]);
    const made = graph.nodesOf(root)[1]!;
    expect(graph.origin(given)).toBeUndefined();
    expect(graph.origin(made)).toEqual({
      rule: "shift",
      matched: [given, graph.nodesOf(addText(graph, "2"))[0]],
      substitution: { "@root": root, x: sum },
      iteration: 0,
    });
    expect(graph.origin(graph.nodesOf(addText(graph, "1"))[0]!)?.rule).toBe("shift");
  });

  test("the matched nodes come in the pattern's order, root first", () => {
    const graph = new EGraph();
    const root = addText(graph, "(f (g a) (h (k b)))");
    saturate(graph, [rewrite("r", "(f (g ?x) (h (k ?y)))", "(done ?x ?y)")]);
    const application = graph.origin(graph.nodesOf(root)[1]!);
    const ops = application?.matched.map((node) => graph.labelOp(graph.nodeLabel(node)));
    expect(ops).toEqual(["f", "g", "h", "k"]);
  });

  test("an application tells its iteration", () => {
    const graph = new EGraph();
    const root = addText(graph, "(a x)");
    saturate(graph, [rewrite("one", "(a ?x)", "(b ?x)"), rewrite("two", "(b ?x)", "(c ?x)")]);
    const iterations = graph.nodesOf(root).map((node) => graph.origin(node)?.iteration);
    expect(iterations).toEqual([undefined, 0, 1]);
  });

  test("of two nodes that became one, the older and its origin stay", () => {
    const graph = new EGraph();
    const old = addText(graph, "(f a)");
    addText(graph, "(g b)");
    saturate(graph, [rewrite("g-to-f", "(g ?x)", "(f ?x)")]);
    graph.union(addText(graph, "a"), addText(graph, "b"));
    graph.rebuild();
    const f = graph.nodesOf(old).filter((node) => graph.labelOp(graph.nodeLabel(node)) === "f");
    expect(f.map((node) => graph.origin(node))).toEqual([undefined]);
  });

  test("every union has a reason, and together they are all the equalities there are", () => {
    const { graph } = startGraph(["(+ (* 1 a) b)", "(+ a b)"], true);
    graph.union(addText(graph, "b"), addText(graph, "c"));
    saturate(graph, arithmeticRules("micro"), { limits: { iterations: 3 } });
    const reasons = [...graph.equalities()].map(({ reason }) => (typeof reason === "string" ? reason : reason.rule));
    expect(reasons[0]).toBe("given");
    expect(new Set(reasons)).toContain("congruence");
    expect(new Set(reasons)).toContain("comm-mul");
    for (const { left, right } of graph.equalities()) expect(graph.find(left)).toBe(graph.find(right));
  });

  test("can be switched off", () => {
    const { graph, roots } = startGraph(["(+ a b)"], false);
    saturate(graph, arithmeticRules("AC"));
    expect([...graph.equalities()]).toEqual([]);
    expect(graph.nodesOf(roots[0]!).map((node) => graph.origin(node))).toEqual([undefined, undefined]);
    expect(describeNode(graph, graph.nodesOf(roots[0]!)[1]!)).toBe("(+ 1 0)");
  });
});
