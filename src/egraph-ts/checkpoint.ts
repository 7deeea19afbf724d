/**
 * Checkpoints: copies of all tables, to come back to. Taking one costs as much as the graph is large, and so
 * does going back; labels that were interned meanwhile stay, since nothing can tell.
 */
import type { Core } from "./core.js";
import { IntList } from "./int-list.js";

/** Puts the graph back to what it was when the checkpoint was taken. */
export type Checkpoint = () => void;

/** The graph must be clean. */
export function takeCheckpoint<D>(core: Core<D>): Checkpoint {
  const restores = [nodesOf(core), classesOf(core), restOf(core)];
  return () => {
    for (const restore of restores) restore();
  };
}

function nodesOf<D>({ nodes }: Core<D>): Checkpoint {
  const { size, made, deadCount } = nodes;
  const cells = nodes.cells.slice(0, size * 4);
  const lists = nodes.byShape.map((list) => list && { ...list, nodes: copyOf(list.nodes) });
  return () => {
    Object.assign(nodes, { size, made, deadCount, cells });
    nodes.byShape.splice(0, nodes.byShape.length, ...lists);
    nodes.rehash();
  };
}

function classesOf<D>({ nodes, classes }: Core<D>): Checkpoint {
  const { size } = nodes;
  const { unionCount } = classes;
  const [up, links] = [classes.up.slice(0, size), classes.links.slice(0, size * 4)];
  const [lastParent, weight, shapes] = [classes.lastParent, classes.weight, classes.shapes].map((array) =>
    array.slice(0, size),
  );
  return () => void Object.assign(classes, { unionCount, up, links, lastParent, weight, shapes });
}

function restOf<D>({ data, subsumed, log, journal }: Core<D>): Checkpoint {
  const savedData = data.slice();
  const savedSubsumed = [...subsumed];
  const logged = log?.mark();
  return () => {
    data.splice(0, data.length, ...savedData);
    subsumed.clear();
    for (const node of savedSubsumed) subsumed.add(node);
    if (logged !== undefined) log?.backTo(logged);
    // stamps of nodes that are gone must not pass for those of nodes to come
    journal.epoch++;
  };
}

function copyOf(list: IntList): IntList {
  const copy = new IntList(Math.max(list.length, 4));
  copy.data.set(list.data.subarray(0, list.length));
  copy.length = list.length;
  return copy;
}
