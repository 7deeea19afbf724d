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
    ...shapeFaults(core, liveNodes(core)),
    ...analysisFaults(graph, core),
  ];
}

function liveNodes<D>(core: Core<D>): readonly ENodeId[] {
  const nodes: ENodeId[] = [];
  for (let n = 0; n < core.nodes.size; n++) {
    if (core.classes.up[n]! >= 0 && !core.nodes.isDead(n)) nodes.push(n as ENodeId);
  }
  return nodes;
}

/** Every chain ends in a root; the number of roots is the class count. */
function unionFindFaults<D>({ nodes, classes }: Core<D>): string[] {
  const faults: string[] = [];
  let roots = 0;
  for (let id = 0; id < nodes.size; id++) {
    if (classes.up[id]! < 0) continue;
    let at = id;
    let steps = 0;
    while (classes.up[at] !== at && steps++ <= nodes.size) at = classes.up[at]!;
    if (classes.up[at] !== at) faults.push(`union-find: ${id} leads into a cycle`);
    if (at === id) roots++;
  }
  const expected = nodes.made - classes.unionCount;
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
    const found = nodes.find(nodes.shapeOf(node), Int32Array.from(children), children.length);
    if (found !== node) faults.push(`hashcons: node ${node} is found as ${found}`);
    const from = (node << 2) + 1;
    if (children.some((child, k) => nodes.cells[from + k] !== child)) {
      faults.push(`hashcons: node ${node} has stale children`);
    }
    return faults;
  });
}

/** For each child position there is one edge, in the ring of the child's class. */
function parentFaults<D>(graph: EGraph<D>, { classes }: Core<D>): string[] {
  const faults: string[] = [];
  const listed = new Map<number, number>();
  for (const cls of graph.classes()) {
    const last = classes.lastParent[cls]!;
    for (let edge = last; last >= 0; ) {
      edge = classes.links[edge]!;
      if (listed.has(edge)) faults.push(`parents: edge ${edge} is listed twice`);
      listed.set(edge, cls);
      if (edge === last) break;
    }
  }
  for (const node of liveNodes(coreOf(graph))) {
    graph.nodeChildren(node).forEach((child, k) => {
      const edge = (node << 2) + 1 + k;
      const isRight = listed.get(edge) === child && classes.nodeOf(edge) === node;
      if (!isRight) faults.push(`parents: class ${child} does not list node ${node}, child ${k}`);
    });
  }
  return faults;
}

/**
 * The list of each shape holds exactly its live nodes, but for the dead that linger; a class knows its
 * shapes.
 */
function shapeFaults<D>({ nodes, classes }: Core<D>, live: readonly ENodeId[]): string[] {
  const faults: string[] = [];
  const listed = new Set<number>();
  nodes.byShape.forEach((list, shape) => {
    const members = list === undefined ? [] : Array.from(list.nodes.data.subarray(0, list.nodes.length));
    const dead = members.filter((node) => nodes.isDead(node));
    if (dead.length !== (list?.lingering ?? 0)) faults.push(`shapes: the list of ${shape} counts its dead wrongly`);
    if (members.some((node) => nodes.shapeOf(node) !== shape)) faults.push(`shapes: a stranger is in list ${shape}`);
    for (const node of members) if (!nodes.isDead(node)) listed.add(node);
  });
  if (listed.size !== live.length) faults.push("shapes: the lists do not hold exactly the live nodes");
  for (const node of live) {
    const isKnown = (classes.shapes[classes.find(node)]! & (1 << (nodes.shapeOf(node) & 31))) !== 0;
    if (!isKnown) faults.push(`shapes: the class of node ${node} does not know its shape`);
  }
  return faults;
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
