/**
 * The lowering rule that writes itself: every op whose record has a loop form gets a `loops.<op>` twin
 * in the same class, so that every target can run it, slowly and correctly, before anyone tunes it.
 */

import type { EClassId, EGraph, ENodeId } from "../egraph-ts/index.js";
import type { OpRecord, Registry } from "../ir/index.js";
import { hasTrait } from "../ir/index.js";
import type { Facts } from "../rules/index.js";
import { LOOPS_PREFIX } from "./price.js";

/** The records of the twins, for the target's registry. Views need none: they move nothing. */
export function loopRecords(registry: Registry): readonly OpRecord[] {
  return [...registry.ops.values()]
    .filter((record) => record.lower !== undefined && !hasTrait(record, "view"))
    .map((record) => ({ ...record, name: LOOPS_PREFIX + record.name }));
}

/** The e-nodes of a class that no rule has taken out of the choice. */
function activeNodes(graph: EGraph<Facts>, cls: EClassId): readonly ENodeId[] {
  return graph.nodesOf(cls).filter((node) => !graph.isSubsumed(node));
}

/** Adds the twins of all nodes that depend on activations. One pass: a twin makes no new match. */
export function addLoopKernels(graph: EGraph<Facts>, registry: Registry): void {
  const classes = [...graph.classes()].filter((cls) => !graph.data(cls).constant);
  const nodes = classes.flatMap((cls) => activeNodes(graph, cls).map((node) => ({ cls, node })));
  for (const { cls, node } of nodes) {
    const label = graph.nodeLabel(node);
    const twin = LOOPS_PREFIX + graph.labelOp(label);
    if (registry.get(twin) === undefined) continue;
    const twinLabel = graph.label(twin, graph.labelPayload(label), graph.labelKey(label));
    graph.union(cls, graph.add(twinLabel, graph.nodeChildren(node)));
  }
  graph.rebuild();
}
