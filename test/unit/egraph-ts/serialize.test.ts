import { expect, test } from "vitest";
import { EGraph, serialize, toDot } from "../../../src/egraph-ts/index.js";
import { addText } from "./workloads.js";

function sample() {
  const graph = new EGraph();
  const root = addText(graph, "(f a)");
  graph.union(root, addText(graph, "b"));
  graph.rebuild();
  return { graph, root };
}

test("a graph is written in the format of egraph-serialize", () => {
  const { graph, root } = sample();
  const nodeCost = (node: number): number => (node === root ? Number.POSITIVE_INFINITY : 2);
  const written = serialize(graph, { roots: [root, root], nodeCost, typeOf: (_, cls) => (cls === root ? "T" : undefined) });
  expect(JSON.parse(JSON.stringify(written))).toEqual({
    nodes: {
      "0.0": { op: "leaf a", children: [], eclass: "0", cost: 2, subsumed: false },
      "1.0": { op: "f", children: ["0.0"], eclass: "1", cost: Number.MAX_VALUE, subsumed: false },
      "1.1": { op: "leaf b", children: [], eclass: "1", cost: 2, subsumed: false },
    },
    root_eclasses: ["1"],
    class_data: { "0": {}, "1": { type: "T" } },
  });
});

test("a graph is written as Graphviz dot, names escaped", () => {
  const { graph } = sample();
  graph.add(graph.label('quo"te', "x", "a\\b"), []);
  expect(toDot(graph).split("\n")).toEqual([
    "digraph egraph {",
    "  compound=true;",
    "  node [shape=box, style=rounded];",
    "  subgraph cluster_0 {",
    '    label="0"; style=dashed;',
    '    "0.0" [label="leaf a"];',
    "  }",
    "  subgraph cluster_1 {",
    '    label="1"; style=dashed;',
    '    "1.0" [label="f"];',
    '    "1.1" [label="leaf b"];',
    "  }",
    "  subgraph cluster_3 {",
    '    label="3"; style=dashed;',
    '    "3.0" [label="quo\\"te a\\\\b"];',
    "  }",
    '  "1.0" -> "0.0" [lhead=cluster_0];',
    "}",
    "",
  ]);
});
