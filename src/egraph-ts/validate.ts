/**
 * The invariants of a rebuilt e-graph, each in its obvious, slow form. Meant for tests: it shares no shortcut
 * with the code it judges. Gives one sentence for each fault.
 */
import type { Core } from "./core.js";
import { coreOf, type EGraph } from "./egraph.js";
import type { ENodeId } from "./types.js";

export function validateEGraph<D>(graph: EGraph<D>): readonly string[] {
  if (!graph.isClean) return ["the graph has not been rebuilt"];
  const core = coreOf(graph);
  return [
    ...unionFindFaults(core),
    ...memberFaults(graph, core),
    ...congruenceFaults(graph),
    ...hashconsFaults(graph),
    ...parentFaults(graph, core),
    ...labelListFaults(core),
    ...analysisFaults(graph, core),
  ];
}

function liveNodes<D>(core: Core<D>): readonly ENodeId[] {
  const nodes: ENodeId[] = [];
  for (let n = 0; n < core.nodes.size; n++) if (core.nodes.dead[n] === 0) nodes.push(n as ENodeId);
  return nodes;
}

/** Every chain ends in a root; the number of roots is the class count. */
function unionFindFaults<D>({ nodes, classes }: Core<D>): string[] {
  const faults: string[] = [];
  let roots = 0;
  for (let id = 0; id < nodes.size; id++) {
    let at = id;
    let steps = 0;
    while (classes.up[at] !== at && steps++ <= nodes.size) at = classes.up[at]!;
    if (classes.up[at] !== at) faults.push(`union-find: ${id} leads into a cycle`);
    if (at === id) roots++;
  }
  const expected = nodes.size - classes.unionCount;
  if (roots !== expected) faults.push(`union-find: ${roots} roots, but ${expected} classes are counted`);
  return faults;
}

/** The rings of the classes partition the live nodes. */
function memberFaults<D>(graph: EGraph<D>, core: Core<D>): string[] {
  const faults: string[] = [];
  const seen = new Set<ENodeId>();
  for (const cls of graph.classes()) {
    const members = graph.nodesOf(cls);
    if (members.length === 0) faults.push(`members: class ${cls} is empty`);
    for (const node of members) {
      if (seen.has(node)) faults.push(`members: node ${node} is in two rings`);
      if (graph.nodeClass(node) !== cls) faults.push(`members: node ${node} is in the ring of class ${cls}`);
      seen.add(node);
    }
  }
  const live = liveNodes(core);
  if (live.length !== graph.nodeCount) faults.push(`members: ${live.length} live nodes, not ${graph.nodeCount}`);
  return [...faults, ...live.filter((n) => !seen.has(n)).map((n) => `members: node ${n} is in no ring`)];
}

function congruenceFaults<D>(graph: EGraph<D>): string[] {
  const faults: string[] = [];
  const byContent = new Map<string, ENodeId>();
  for (const node of liveNodes(coreOf(graph))) {
    const content = `${graph.nodeLabel(node)}(${graph.nodeChildren(node).join(",")})`;
    const twin = byContent.get(content);
    if (twin !== undefined) faults.push(`congruence: nodes ${twin} and ${node} are both ${content}`);
    byContent.set(content, node);
  }
  return faults;
}

/** Each live node is found under its own content, and its stored children are canonical. */
function hashconsFaults<D>(graph: EGraph<D>): string[] {
  const { nodes } = coreOf(graph);
  return liveNodes(coreOf(graph)).flatMap((node) => {
    const faults: string[] = [];
    const children = graph.nodeChildren(node);
    const found = nodes.lookup(graph.nodeLabel(node), Int32Array.from(children), children.length);
    if (found !== node) faults.push(`hashcons: node ${node} is found as ${found}`);
    const from = nodes.start[node]!;
    if (children.some((child, k) => nodes.children[from + k] !== child)) {
      faults.push(`hashcons: node ${node} has stale children`);
    }
    return faults;
  });
}

/** For each child position there is one edge, in the list of the child's class. */
function parentFaults<D>(graph: EGraph<D>, { nodes, classes }: Core<D>): string[] {
  const faults: string[] = [];
  const listed = new Map<number, number>();
  for (const cls of graph.classes()) {
    let count = 0;
    for (let edge = classes.parentHead[cls]!; edge >= 0; edge = classes.parentNext[edge]!) {
      if (listed.has(edge)) faults.push(`parents: edge ${edge} is listed twice`);
      listed.set(edge, cls);
      count++;
    }
    if (count !== classes.parentCount[cls]) faults.push(`parents: class ${cls} counts its ${count} edges wrongly`);
  }
  for (const node of liveNodes(coreOf(graph))) {
    graph.nodeChildren(node).forEach((child, k) => {
      const edge = nodes.start[node]! + k;
      const isRight = listed.get(edge) === child && classes.edgeNode[edge] === node;
      if (!isRight) faults.push(`parents: class ${child} does not list node ${node}, child ${k}`);
    });
  }
  return faults;
}

/** The list of each label holds exactly its live nodes. */
function labelListFaults<D>(core: Core<D>): string[] {
  const { nodes } = core;
  const listed = nodes.byLabel.flatMap((list, label) => {
    const members = Array.from(list.data.subarray(0, list.length));
    return members.filter((n) => nodes.label[n] === label && nodes.dead[n] === 0);
  });
  const total = nodes.byLabel.reduce((sum, list) => sum + list.length, 0);
  const isRight = total === listed.length && new Set(listed).size === liveNodes(core).length;
  return isRight ? [] : ["labels: the lists do not hold exactly the live nodes"];
}

/** A class's data takes in what each of its nodes gives, and holds nothing beyond their join. */
function analysisFaults<D>(graph: EGraph<D>, core: Core<D>): string[] {
  const { analysis } = core;
  if (analysis === undefined) return [];
  const faults: string[] = [];
  for (const cls of graph.classes()) {
    const [first, ...others] = graph.nodesOf(cls);
    if (first === undefined) continue;
    let joined = analysis.make(graph, first);
    for (const node of others) {
      const merged = analysis.merge(joined, analysis.make(graph, node));
      if ("conflict" in merged) faults.push(`analysis: the nodes of class ${cls} conflict: ${merged.conflict}`);
      else joined = merged.data;
    }
    const merged = analysis.merge(graph.data(cls), joined);
    if ("conflict" in merged || merged.changedA || merged.changedB) {
      faults.push(`analysis: the data of class ${cls} is not the join of its nodes' data`);
    }
  }
  return faults;
}
