/**
 * Which shapes a pattern node accepts. An "any" pattern asks its test once for each label and remembers the
 * answer; new labels are taken in at the start of each search.
 */
import type { Core } from "../core.js";
import type { Atom } from "./query.js";

export interface ShapeFilter {
  /** The one shape, or -1 when `accepts` decides. */
  readonly exact: number;
  /** Indexed by shape; beyond its length: not accepted. Replaced by `refresh`. */
  accepts: Uint8Array;
  /** All accepted shapes that exist, in order of their labels. */
  readonly shapes: number[];
  /** Classes of which no bit is in this mask have no such member. */
  mask: number;
  refresh(): void;
}

export function filterOf<D>(core: Core<D>, { test, children }: Atom): ShapeFilter {
  if (test.kind === "exact") {
    const { shape } = test;
    const mask = 1 << (shape & 31);
    return { exact: shape, accepts: new Uint8Array(0), shapes: [shape], mask, refresh: () => undefined };
  }
  const opId = core.labels.opId(test.op);
  let seen = 0;
  const filter: ShapeFilter = { exact: -1, accepts: new Uint8Array(0), shapes: [], mask: 0, refresh };
  function refresh(): void {
    const { labels } = core;
    const all = labels.labelsOf(opId);
    for (; seen < all.length; seen++) {
      const label = all[seen]!;
      if (test.kind === "any" && test.test?.(labels.payload(label)) === false) continue;
      const shape = labels.shape(label, children.length);
      accept(filter, shape, labels.shapeCount);
    }
  }
  return filter;
}

function accept(filter: ShapeFilter, shape: number, shapeCount: number): void {
  if (shape >= filter.accepts.length) {
    const larger = new Uint8Array(shapeCount * 2);
    larger.set(filter.accepts);
    filter.accepts = larger;
  }
  filter.accepts[shape] = 1;
  filter.shapes.push(shape);
  filter.mask |= 1 << (shape & 31);
}
