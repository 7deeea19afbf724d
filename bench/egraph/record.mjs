// Records extraction instances: graphs of the workloads, small enough to keep, with costs that make sharing
// and choice matter, and the problem that the optimizer poses for Llama 3.1 8B (a class for each value and
// scenario, costs in nanoseconds). `node bench/egraph/record.mjs` writes `bench/instances` anew, from `dist`.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { EGraph, backoffScheduler, saturate, serialize, simpleScheduler } from "llmir/egraph-ts";
import { compileModel } from "../../dist/src/compiler/index.js";
import { createNodeHost } from "../../dist/src/host/index.js";
import { modelConfig } from "./models.mjs";
import { buildRules, buildTerm } from "./terms.mjs";
import { workload } from "./workloads.mjs";

/** About the cycles that each operation takes. */
const COSTS = { "+": 1, "-": 1, "*": 4, "/": 18, pow: 40, sqrt: 20, ln: 40, sin: 60, cos: 60, d: 500, i: 500 };

const INSTANCES = [
  { name: "arithmetic-micro-7", from: "W2a", iterations: 7, scheduler: simpleScheduler },
  { name: "arithmetic-pure-3", from: "W3a", iterations: 3, scheduler: simpleScheduler },
  { name: "arithmetic-backoff-8", from: "W2d", iterations: 8, scheduler: backoffScheduler() },
];

const folder = join(dirname(fileURLToPath(import.meta.url)), "../instances");
mkdirSync(folder, { recursive: true });
for (const { name, from, iterations, scheduler } of INSTANCES) {
  const { rules, start } = workload(from);
  const graph = new EGraph({ explanations: false });
  const roots = start.map((text) => buildTerm(graph, text));
  saturate(graph, buildRules(rules), { scheduler, limits: { iterations } });
  const nodeCost = (node) => COSTS[graph.labelOp(graph.nodeLabel(node))] ?? 0.1;
  const text = JSON.stringify(serialize(graph, { roots, nodeCost }));
  writeFileSync(join(folder, `${name}.json`), `${text}\n`);
  console.log(`${name}: ${graph.nodeCount} nodes, ${graph.classCount} classes, ${text.length} bytes`);
}

/** An extraction problem as a file: nodes are named `class.position`. */
function serializedProblem({ nodes, roots }, nameOf) {
  const names = [];
  const counts = new Map();
  const firstOf = new Map();
  nodes.forEach(({ classIndex }, i) => {
    const position = counts.get(classIndex) ?? 0;
    counts.set(classIndex, position + 1);
    names[i] = `${classIndex}.${position}`;
    if (position === 0) firstOf.set(classIndex, names[i]);
  });
  // a node that reads a class of no nodes can never be chosen
  const entries = nodes.flatMap(({ classIndex, children, cost }, i) => {
    if (!Number.isFinite(cost) || children.some((child) => !firstOf.has(child))) return [];
    const reads = children.map((child) => firstOf.get(child));
    const eclass = String(classIndex);
    return [[names[i], { op: nameOf(i), children: reads, eclass, cost, subsumed: false }]];
  });
  return { nodes: Object.fromEntries(entries), root_eclasses: roots.map(String), class_data: {} };
}

const aside = mkdtempSync(join(tmpdir(), "record-"));
try {
  const config = join(aside, "config.json");
  writeFileSync(config, JSON.stringify(modelConfig("Llama-3.1-8B")));
  const compiled = compileModel(createNodeHost(), config, { memoryBytes: 1e12 });
  if (!compiled.ok) throw new Error(compiled.diagnostics.map(({ message }) => message).join("; "));
  const { problem, input } = compiled.value.optimized;
  const nameOf = (i) => {
    const { enode } = problem.nodes[i];
    return enode === undefined ? "packed" : input.graph.labelOp(input.graph.nodeLabel(enode));
  };
  const text = JSON.stringify(serializedProblem(problem, nameOf));
  writeFileSync(join(folder, "llama-3.1-8b.json"), `${text}\n`);
  console.log(`llama-3.1-8b: ${problem.nodes.length} nodes, ${problem.classCount} classes, ${text.length} bytes`);
} finally {
  rmSync(aside, { recursive: true });
}
