// Files of other tools: reading them, what is wrong with them, and extraction from them.

import { describe, expect, test } from "vitest";
import {
  EGraph,
  EGraphError,
  extractFromJson,
  parseSerialized,
  readSerialized,
  saturate,
  serialize,
  validateEGraph,
} from "../../../src/egraph-ts/index.js";
import { solveProgram } from "../../../src/host/ilp-solver.js";
import { addText, arithmeticRules, rewrite, SAMPLE_TERMS, startGraph } from "./workloads.js";

const file = (nodes: object, roots: readonly string[] = ["r"]): string =>
  JSON.stringify({ nodes, root_eclasses: roots, class_data: {} });

const leaf = { op: "a", children: [], eclass: "r", cost: 1 };

function faultOf(text: string): string {
  try {
    parseSerialized(text);
  } catch (error) {
    if (error instanceof EGraphError) return `${error.code}: ${error.message}`;
  }
  throw new Error("the file was accepted");
}

describe("a file", () => {
  test("comes back as it was written", () => {
    const { graph, roots } = startGraph(SAMPLE_TERMS);
    saturate(graph, arithmeticRules("micro"), { limits: { iterations: 5 } });
    const written = serialize(graph, { roots });
    const text = JSON.stringify(written);
    expect(parseSerialized(text)).toEqual(written);
    const read = readSerialized(parseSerialized(text));
    expect(validateEGraph(read.graph)).toEqual([]);
    expect([read.graph.nodeCount, read.graph.classCount]).toEqual([graph.nodeCount, graph.classCount]);
    expect(read.roots).toHaveLength(written.root_eclasses.length);
  });

  test("may leave out what has a default", () => {
    const text = JSON.stringify({ nodes: { n: { op: "a", eclass: "r" } } });
    expect(parseSerialized(text)).toEqual({
      nodes: { n: { op: "a", children: [], eclass: "r", cost: 1, subsumed: false } },
      root_eclasses: [],
      class_data: {},
    });
  });

  test.each([
    ["truncated", '{"nodes": {\n  "n": {"op": ', "at line 2, column"],
    ["malformed", '{"nodes": \n {"n": oops}}', "this is not JSON"],
    ["no object", "[]", "the file: it must be an object"],
    ["without nodes", "{}", "nodes: it is missing"],
    ["a node that is none", file({ n: 3 }), 'nodes["n"]: it must be an object'],
    ["no op", file({ n: { ...leaf, op: undefined } }), 'nodes["n"].op: it is missing'],
    ["an op of another type", file({ n: { ...leaf, op: 1 } }), 'nodes["n"].op: it must be text'],
    ["an unknown child", file({ n: { ...leaf, children: ["n", "m"] } }), 'nodes["n"].children[1]: there is no node "m"'],
    ["children that are no list", file({ n: { ...leaf, children: {} } }), 'nodes["n"].children: it must be a list'],
    ["a negative cost", file({ n: { ...leaf, cost: -2 } }), 'nodes["n"].cost: it is -2'],
    ["a cost in words", file({ n: { ...leaf, cost: "much" } }), 'nodes["n"].cost: it must be a number'],
    ["a word for subsumed", file({ n: { ...leaf, subsumed: "no" } }), 'nodes["n"].subsumed: it must be true or false'],
    ["an unknown root", file({ n: leaf }, ["r", "s"]), 'root_eclasses[1]: no node is of class "s"'],
  ])("%s is refused with its place", (_, text, place) => {
    expect(faultOf(text)).toContain("bad-file: ");
    expect(faultOf(text)).toContain(place);
  });

  test("with a class of cycles alone gives no graph", () => {
    const text = file({ n: { ...leaf, children: ["m"] }, m: { ...leaf, eclass: "s", children: ["n"] } });
    expect(() => readSerialized(parseSerialized(text))).toThrow('every node of class "r" needs the class itself');
  });
});

describe("extraction from a file", () => {
  const text = file({
    r1: { op: "f", children: ["x1", "y1"], eclass: "r", cost: 1 },
    x1: { op: "g", children: ["s1"], eclass: "x", cost: 1 },
    x2: { op: "x", children: [], eclass: "x", cost: 6 },
    y1: { op: "h", children: ["s1"], eclass: "y", cost: 1 },
    y2: { op: "y", children: [], eclass: "y", cost: 6 },
    s1: { op: "s", children: [], eclass: "s", cost: 8 },
  });

  test("by trees pays for everything it shares once, but does not count on it", async () => {
    const { cost, choice, bound } = await extractFromJson(text, "greedy");
    expect({ cost, choice, bound }).toEqual({ cost: 13, choice: { r: "r1", x: "x2", y: "y2" }, bound: undefined });
  });

  test("as a DAG shares", async () => {
    expect(await extractFromJson(text, "greedy-dag")).toMatchObject({ cost: 11, choice: { s: "s1" } });
  });

  test("by integer program proves it", async () => {
    const options = { ilp: { solver: solveProgram }, now: () => 5 };
    expect(await extractFromJson(text, "ilp", options)).toMatchObject({ cost: 11, bound: 11, timeMs: 0 });
    await expect(extractFromJson(text, "ilp")).rejects.toThrow("needs a solver");
  });

  test("passes over subsumed nodes", async () => {
    const all = JSON.parse(text) as { nodes: Record<string, object> };
    all.nodes["s1"] = { ...all.nodes["s1"], subsumed: true };
    expect(await extractFromJson(JSON.stringify(all), "greedy-dag")).toMatchObject({ cost: 13 });
  });

  test.each(["greedy", "greedy-dag", "ilp"] as const)("by %s names a root that is cyclic alone", async (method) => {
    const cyclic = file({ n: { ...leaf, children: ["n"] } });
    const found = extractFromJson(cyclic, method, { ilp: { solver: solveProgram } });
    await expect(found).rejects.toThrow('no finite term stands for the root class "r"');
  });

  test("of a file without roots says so", async () => {
    await expect(extractFromJson(file({ n: leaf }, []), "greedy")).rejects.toThrow("names no root");
  });
});

describe("a subsumed e-node", () => {
  test("is matched no more, is not chosen, and is written as such", () => {
    const graph = new EGraph();
    const root = addText(graph, "(* a 2)");
    const node = graph.nodesOf(root)[0]!;
    expect(graph.subsume(node)).toBe(true);
    expect(graph.subsume(node)).toBe(false);
    expect(saturate(graph, [rewrite("shift", "(* ?x 2)", "(shl ?x 1)")]).perRule[0]).toMatchObject({ matches: 0 });
    expect(addText(graph, "(* a 2)")).toBe(root);
    expect(graph.isSubsumed(node)).toBe(true);
    expect(Object.values(serialize(graph).nodes).filter(({ subsumed }) => subsumed)).toHaveLength(1);
    const read = readSerialized(parseSerialized(JSON.stringify(serialize(graph))));
    expect(Object.values(serialize(read.graph).nodes).filter(({ subsumed }) => subsumed)).toHaveLength(1);
  });

  test.each(["incremental", "full"] as const)("may be what a rule leaves behind (%s)", (matching) => {
    const graph = new EGraph();
    const root = addText(graph, "(* (* a 2) 2)");
    const shift = { ...rewrite("shift", "(* ?x 2)", "(shl ?x 1)"), subsumes: true };
    const report = saturate(graph, [shift, rewrite("see", "(* ?x ?y)", "(seen ?x)")], { matching });
    expect(report.stop).toBe("saturated");
    // both were found in the search before they were subsumed
    expect(report.perRule.map(({ applications }) => applications)).toEqual([2, 2]);
    const isSubsumed = graph.nodesOf(root).map((node) => graph.isSubsumed(node));
    expect(isSubsumed).toEqual([true, false, false]);
  });

  test("passes this on when congruence makes two one", () => {
    const graph = new EGraph();
    const [fa, fb] = [addText(graph, "(f a)"), addText(graph, "(f b)")];
    graph.subsume(graph.nodesOf(fb)[0]!);
    graph.union(addText(graph, "a"), addText(graph, "b"));
    graph.rebuild();
    expect(graph.nodesOf(fa).map((node) => graph.isSubsumed(node))).toEqual([true]);
  });

  test("cannot be asked for by a rule that matches none", () => {
    const rule = { ...rewrite("none", "?x", "?x"), subsumes: true };
    expect(() => saturate(new EGraph(), [rule])).toThrow('rule "none" subsumes');
  });
});

describe("a checkpoint", () => {
  test("brings back the graph, its ids and its explanations", () => {
    const { graph, roots } = startGraph(SAMPLE_TERMS, true);
    saturate(graph, arithmeticRules("micro"), { limits: { iterations: 3 } });
    const before = JSON.stringify([serialize(graph, { roots }), [...graph.equalities()]]);
    graph.push();
    graph.subsume(graph.nodesOf(roots[0]!)[0]!);
    saturate(graph, arithmeticRules("micro"), { limits: { iterations: 4 } });
    graph.push();
    graph.union(roots[0]!, roots[1]!);
    graph.pop();
    graph.pop();
    expect(JSON.stringify([serialize(graph, { roots }), [...graph.equalities()]])).toBe(before);
    expect(validateEGraph(graph)).toEqual([]);
    const fresh = startGraph(SAMPLE_TERMS, true).graph;
    for (const each of [graph, fresh]) saturate(each, arithmeticRules("micro"), { limits: { iterations: 5 } });
    saturate(fresh, arithmeticRules("micro"), { limits: { iterations: 3 } });
    expect([graph.nodeCount, graph.classCount]).toEqual([fresh.nodeCount, fresh.classCount]);
  });

  test("needs a rebuilt graph, and a pop a push", () => {
    const graph = new EGraph();
    expect(() => graph.pop()).toThrow("pop without a push");
    graph.union(addText(graph, "(f a)"), addText(graph, "(f b)"));
    graph.union(addText(graph, "a"), addText(graph, "b"));
    expect(() => graph.push()).toThrow("rebuilt");
  });
});
