import { describe, expect, test } from "vitest";
import { type EClassId, EGraph, EGraphError, validateEGraph } from "../../../src/egraph-ts/index.js";
import { addText, describeNode } from "./workloads.js";

function codeOf(action: () => unknown): string | undefined {
  try {
    action();
  } catch (error) {
    return error instanceof EGraphError ? error.code : String(error);
  }
  return undefined;
}

describe("terms", () => {
  test("equal terms are one class, different ones are not", () => {
    const graph = new EGraph();
    expect(addText(graph, "(f a b)")).toBe(addText(graph, "(f a b)"));
    expect(addText(graph, "(f b a)")).not.toBe(addText(graph, "(f a b)"));
    expect([graph.nodeCount, graph.classCount]).toEqual([4, 4]);
  });

  test("a label is an op and the key of its payload", () => {
    const graph = new EGraph();
    const payload = { axis: 1 };
    const label = graph.label("concat", payload, "axis=1");
    expect(graph.label("concat", { axis: 1 }, "axis=1")).toBe(label);
    expect(graph.label("concat", payload, "axis=2")).not.toBe(label);
    expect(graph.label("slice", payload, "axis=1")).not.toBe(label);
    expect(graph.labelOp(label)).toBe("concat");
    expect(graph.labelPayload(label)).toBe(payload);
    expect(graph.labelKey(label)).toBe("axis=1");
    expect(graph.labelKey(graph.label("relu"))).toBe("");
  });

  test("one op may have nodes of several arities", () => {
    const graph = new EGraph();
    const sum = graph.label("sum");
    const a = addText(graph, "a");
    const ids = [[], [a], [a, a], [a, a, a]].map((children) => graph.add(sum, children));
    expect(new Set(ids).size).toBe(4);
    const nodes = ids.flatMap((id) => graph.nodesOf(id));
    expect(nodes.map((node) => graph.nodeArity(node))).toEqual([0, 1, 2, 3]);
    expect(graph.nodeChildren(nodes[3]!)).toEqual([a, a, a]);
    expect(validateEGraph(graph)).toEqual([]);
  });

  test("lookup finds what is there and adds nothing", () => {
    const graph = new EGraph();
    const a = addText(graph, "a");
    const f = graph.label("f");
    expect(graph.lookup(f, [a])).toBeUndefined();
    expect(graph.nodeCount).toBe(1);
    const fa = graph.add(f, [a]);
    expect(graph.lookup(f, [a])).toBe(fa);
  });

  test("an id the graph never gave out is refused", () => {
    const graph = new EGraph();
    const a = addText(graph, "a");
    for (const bad of [1, -1, 0.5, Number.NaN]) {
      expect(codeOf(() => graph.find(bad as EClassId))).toBe("unknown-id");
      expect(codeOf(() => graph.union(a, bad as EClassId))).toBe("unknown-id");
      expect(codeOf(() => graph.add(graph.label("f"), [bad as EClassId]))).toBe("unknown-id");
    }
    expect(graph.nodeCount).toBe(1);
  });
});

describe("equalities", () => {
  test("a union of operands makes congruent terms equal at the rebuild", () => {
    const graph = new EGraph();
    const [left, right] = [addText(graph, "(f (g a))"), addText(graph, "(f (g b))")];
    expect(graph.union(addText(graph, "a"), addText(graph, "b"))).toBe(true);
    expect(graph.isClean).toBe(false);
    expect(graph.find(left)).not.toBe(graph.find(right));
    expect(graph.rebuild()).toBe(2);
    expect(graph.find(left)).toBe(graph.find(right));
    expect([graph.nodeCount, graph.classCount]).toEqual([4, 3]);
    expect(graph.isClean).toBe(true);
    expect(validateEGraph(graph)).toEqual([]);
  });

  test("a union of equals is none", () => {
    const graph = new EGraph();
    const [a, b] = [addText(graph, "a"), addText(graph, "b")];
    expect([graph.union(a, b), graph.union(b, a), graph.union(a, a)]).toEqual([true, false, false]);
  });

  test("a term may equal a part of itself", () => {
    const graph = new EGraph();
    const a = addText(graph, "a");
    const tower = addText(graph, "(f (f (f a)))");
    graph.union(a, addText(graph, "(f a)"));
    graph.rebuild();
    expect(graph.find(tower)).toBe(graph.find(a));
    expect([graph.nodeCount, graph.classCount]).toEqual([2, 1]);
    expect(graph.nodesOf(a).map((node) => describeNode(graph, node))).toEqual(["(a)", `(f ${graph.find(a)})`]);
    expect(validateEGraph(graph)).toEqual([]);
  });

  test("the classic: f^3 a = a and f^5 a = a make f a = a", () => {
    const graph = new EGraph();
    const a = addText(graph, "a");
    const five = addText(graph, "(f (f (f (f (f a)))))");
    graph.union(addText(graph, "(f (f (f a)))"), a);
    graph.union(five, a);
    graph.rebuild();
    expect(graph.find(addText(graph, "(f a)"))).toBe(graph.find(a));
    expect(graph.classCount).toBe(1);
  });

  test("a term added between union and rebuild joins its congruent twin", () => {
    const graph = new EGraph();
    const [a, b] = [addText(graph, "a"), addText(graph, "b")];
    const old = addText(graph, "(f b b)");
    graph.union(a, b);
    const young = addText(graph, "(f a b)");
    graph.rebuild();
    expect(graph.find(old)).toBe(graph.find(young));
    expect(graph.nodeCount).toBe(3);
    expect(validateEGraph(graph)).toEqual([]);
  });

  test("classes come ascending and canonical, an e-node replaced by its twin stays readable", () => {
    const graph = new EGraph();
    const [fa, fb] = [addText(graph, "(f a)"), addText(graph, "(f b)")];
    const [node, twin] = [graph.nodesOf(fa)[0]!, graph.nodesOf(fb)[0]!];
    graph.union(addText(graph, "a"), addText(graph, "b"));
    graph.rebuild();
    const ids = [...graph.classes()];
    expect(ids).toEqual([...ids].sort((x, y) => x - y));
    expect(ids.map((id) => graph.find(id))).toEqual(ids);
    expect(graph.nodesOf(fb)).toEqual([node]);
    expect(graph.canonicalNode(twin)).toBe(node);
    expect(graph.nodeClass(twin)).toBe(graph.find(fa));
    expect(graph.nodeChildren(twin)).toEqual(graph.nodeChildren(node));
  });

  test("many unions at once keep every invariant", () => {
    const graph = new EGraph();
    const leaves = Array.from({ length: 200 }, (_, i) => addText(graph, `x${i}`));
    const pair = graph.label("pair");
    leaves.forEach((leaf, i) => graph.add(pair, [leaf, leaves[(i * 7) % 200]!]));
    for (let i = 0; i < 200; i++) graph.union(leaves[i]!, leaves[i % 10]!);
    graph.rebuild();
    expect(validateEGraph(graph)).toEqual([]);
    expect(graph.nodeCount).toBe(200 + 10);
  });
});
