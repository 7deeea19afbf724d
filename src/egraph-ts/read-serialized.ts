/**
 * Reading `egraph-serialize` JSON, the exchange format of the egg family, from text: checked in full, so that
 * whatever is wrong is said with its place, and nothing behind this file need doubt its input.
 *
 * Missing `children`, `cost`, `subsumed`, `root_eclasses` and `class_data` have the format's defaults.
 */
import { EGraph } from "./egraph.js";
import { EGraphError } from "./errors.js";
import type { SerializedEGraph, SerializedNode } from "./serialize.js";
import type { EClassId } from "./types.js";

/** Throws `bad-file`, the message naming the place. */
export function parseSerialized(text: string): SerializedEGraph {
  const whole = record(parseJson(text), "the file");
  const entries = Object.entries(record(whole["nodes"], "nodes"));
  const nodes = new Map(entries.map(([id, node]) => [id, readNode(node, `nodes[${JSON.stringify(id)}]`)]));
  const classes = new Set([...nodes.values()].map(({ eclass }) => eclass));
  for (const [id, { children }] of nodes) {
    children.forEach((child, k) => {
      if (!nodes.has(child)) {
        throw bad(`nodes[${JSON.stringify(id)}].children[${k}]`, `there is no node ${JSON.stringify(child)}`);
      }
    });
  }
  const roots = list(whole["root_eclasses"] ?? [], "root_eclasses").map((root, i) => {
    const cls = string(root, `root_eclasses[${i}]`);
    if (!classes.has(cls)) throw bad(`root_eclasses[${i}]`, `no node is of class ${JSON.stringify(cls)}`);
    return cls;
  });
  const classData = Object.entries(record(whole["class_data"] ?? {}, "class_data")).map(([cls, data]) => {
    const place = `class_data[${JSON.stringify(cls)}]`;
    const { type } = record(data, place);
    return [cls, type === undefined || type === null ? {} : { type: string(type, `${place}.type`) }] as const;
  });
  return {
    nodes: Object.fromEntries(nodes),
    root_eclasses: roots,
    class_data: Object.fromEntries(classData),
  };
}

function readNode(value: unknown, place: string): SerializedNode {
  const node = record(value, place);
  const { cost = 1, subsumed = false } = node;
  if (typeof cost !== "number") throw bad(`${place}.cost`, "it must be a number");
  if (cost < 0) throw bad(`${place}.cost`, `it is ${cost}; a cost is at least 0`);
  if (typeof subsumed !== "boolean") throw bad(`${place}.subsumed`, "it must be true or false");
  return {
    op: string(node["op"], `${place}.op`),
    children: list(node["children"] ?? [], `${place}.children`).map((child, k) =>
      string(child, `${place}.children[${k}]`),
    ),
    eclass: string(node["eclass"], `${place}.eclass`),
    cost,
    subsumed,
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new EGraphError("bad-file", `this is not JSON, or only the beginning of it: ${why}${lineOf(text, why)}`);
  }
}

/** Engines name the place of a fault as an offset, if at all. */
function lineOf(text: string, why: string): string {
  const offset = /position (\d+)/.exec(why)?.[1];
  const before = offset === undefined ? text : text.slice(0, Number(offset));
  const lines = before.split("\n");
  return `, at line ${lines.length}, column ${(lines.at(-1) ?? "").length + 1}`;
}

function bad(place: string, why: string): EGraphError {
  return new EGraphError("bad-file", `${place}: ${why}`);
}

function record(value: unknown, place: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw bad(place, value === undefined ? "it is missing" : "it must be an object");
  }
  return Object.fromEntries(Object.entries(value));
}

function list(value: unknown, place: string): readonly unknown[] {
  if (!Array.isArray(value)) throw bad(place, "it must be a list");
  return value;
}

function string(value: unknown, place: string): string {
  if (typeof value !== "string") throw bad(place, value === undefined ? "it is missing" : "it must be text");
  return value;
}

export interface ReadGraph {
  readonly graph: EGraph;
  readonly roots: readonly EClassId[];
  /** Name of a class in the file to class. */
  readonly classes: ReadonlyMap<string, EClassId>;
}

/**
 * A graph of a file's nodes: an op is taken whole, as it is written. Nodes that are equal become one, with
 * whatever follows by congruence. Throws `bad-file` if every node of some class reads, at last, that class.
 */
export function readSerialized({ nodes, root_eclasses: roots }: SerializedEGraph): ReadGraph {
  const graph = new EGraph({ explanations: false });
  const classes = new Map<string, EClassId>();
  let waiting = Object.entries(nodes);
  for (let before = -1; waiting.length > 0 && waiting.length !== before; ) {
    before = waiting.length;
    waiting = waiting.filter(([, node]) => !place(graph, classes, node, nodes));
  }
  const stuck = waiting.find(([, { eclass }]) => !classes.has(eclass));
  if (stuck !== undefined) {
    const [id, { eclass }] = stuck;
    throw bad(`nodes[${JSON.stringify(id)}]`, `every node of class ${JSON.stringify(eclass)} needs the class itself`);
  }
  graph.rebuild();
  for (const node of Object.values(nodes)) if (node.subsumed) subsume(graph, classes, node, nodes);
  return { graph, roots: roots.map((root) => graph.find(known(classes, root))), classes };
}

/** Adds a node once all classes it reads have one; whether it could. */
function place(
  graph: EGraph,
  classes: Map<string, EClassId>,
  node: SerializedNode,
  nodes: SerializedEGraph["nodes"],
): boolean {
  const children = node.children.map((child) => classes.get(nodes[child]?.eclass ?? ""));
  if (children.includes(undefined)) return false;
  const added = graph.add(graph.label(node.op), children.filter((child) => child !== undefined));
  const cls = classes.get(node.eclass);
  if (cls === undefined) classes.set(node.eclass, added);
  else graph.union(cls, added);
  return true;
}

function subsume(
  graph: EGraph,
  classes: ReadonlyMap<string, EClassId>,
  node: SerializedNode,
  nodes: SerializedEGraph["nodes"],
): void {
  const children = node.children.map((child) => graph.find(known(classes, nodes[child]?.eclass ?? "")));
  for (const member of graph.nodesOf(known(classes, node.eclass))) {
    const isIt = graph.labelOp(graph.nodeLabel(member)) === node.op;
    if (isIt && graph.nodeChildren(member).join() === children.join()) graph.subsume(member);
  }
}

function known(classes: ReadonlyMap<string, EClassId>, name: string): EClassId {
  const cls = classes.get(name);
  if (cls === undefined) throw bad(`class ${JSON.stringify(name)}`, "it has no node");
  return cls;
}
