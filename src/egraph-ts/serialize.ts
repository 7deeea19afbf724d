/**
 * Writing an e-graph for other tools: the `egraph-serialize` JSON of the egg family, and Graphviz dot.
 * Ids in the output are `class.position`, so that two runs over the same input give the same bytes.
 */
import type { EGraph } from "./egraph.js";
import type { EClassId, ENodeId } from "./types.js";

export interface SerializedNode {
  readonly op: string;
  /** Node ids, each standing for its whole class. */
  readonly children: readonly string[];
  readonly eclass: string;
  readonly cost: number;
  readonly subsumed: boolean;
}

export interface SerializedEGraph {
  readonly nodes: Readonly<Record<string, SerializedNode>>;
  readonly root_eclasses: readonly string[];
  readonly class_data: Readonly<Record<string, { readonly type?: string }>>;
}

export interface SerializeOptions<D> {
  readonly roots?: readonly EClassId[];
  /** Default 1 for every node. The format has no infinity: such a cost is written as the largest number. */
  readonly nodeCost?: (node: ENodeId) => number;
  /** A word for a class's type. */
  readonly typeOf?: (data: D, cls: EClassId) => string | undefined;
}

/** The graph must be rebuilt. */
export function serialize<D>(graph: EGraph<D>, options: SerializeOptions<D> = {}): SerializedEGraph {
  const nodes: [string, SerializedNode][] = [];
  const classData: [string, { type?: string }][] = [];
  for (const cls of graph.classes()) {
    const type = options.typeOf?.(graph.data(cls), cls);
    classData.push([String(cls), type === undefined ? {} : { type }]);
    graph.nodesOf(cls).forEach((node, position) => {
      nodes.push([
        `${cls}.${position}`,
        {
          op: displayName(graph, node),
          children: graph.nodeChildren(node).map((child) => `${child}.0`),
          eclass: String(cls),
          cost: Math.min(options.nodeCost?.(node) ?? 1, Number.MAX_VALUE),
          subsumed: graph.isSubsumed(node),
        },
      ]);
    });
  }
  const roots = options.roots ?? [];
  return {
    nodes: Object.fromEntries(nodes),
    root_eclasses: [...new Set(roots.map((root) => String(graph.find(root))))],
    class_data: Object.fromEntries(classData),
  };
}

/** One cluster for each class; an edge points from a node's operand to the class it reads. */
export function toDot<D>(graph: EGraph<D>): string {
  const lines = ["digraph egraph {", "  compound=true;", "  node [shape=box, style=rounded];"];
  const edges: string[] = [];
  for (const cls of graph.classes()) {
    lines.push(`  subgraph cluster_${cls} {`, `    label="${cls}"; style=dashed;`);
    graph.nodesOf(cls).forEach((node, position) => {
      const name = `"${cls}.${position}"`;
      lines.push(`    ${name} [label="${escapeDot(displayName(graph, node))}"];`);
      for (const child of graph.nodeChildren(node)) {
        // Graphviz does not clip an edge at a cluster that it starts in.
        const head = child === cls ? "" : ` [lhead=cluster_${child}]`;
        edges.push(`  ${name} -> "${child}.0"${head};`);
      }
    });
    lines.push("  }");
  }
  return [...lines, ...edges, "}", ""].join("\n");
}

function displayName<D>(graph: EGraph<D>, node: ENodeId): string {
  const label = graph.nodeLabel(node);
  const key = graph.labelKey(label);
  return key === "" ? graph.labelOp(label) : `${graph.labelOp(label)} ${key}`;
}

function escapeDot(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
