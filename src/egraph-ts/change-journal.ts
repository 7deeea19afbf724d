/**
 * What has changed since when, so that a rule need look only at what is new to it.
 *
 * A node is stamped with the current epoch when it is made, when the id of its own class or of a class it
 * reads changes, when it dies, and when the data of one of those classes changes. Then every match that was
 * none before epoch t holds a node with a stamp of t or later: a match is a choice of nodes, bound together
 * by equalities between their classes, and an equality becomes true only by an id that changes on one side.
 *
 * While `active`, old nodes that are stamped anew are also listed for each shape, in order of stamping. New
 * nodes need no list: they have the largest numbers.
 */
import { grown, IntList } from "./int-list.js";

/** Invariant: marks are pairs [epoch, first entry of that epoch], epochs ascending. */
export interface ShapeJournal {
  readonly nodes: IntList;
  readonly marks: IntList;
}

export class ChangeJournal {
  /** Starts at 1, so that a stamp of 0 is older than any epoch. */
  epoch = 1;
  active = false;
  /** Epoch of each node's latest change. */
  stamps: Int32Array = new Int32Array(64);
  readonly byShape: (ShapeJournal | undefined)[] = [];

  get bytes(): number {
    const lists = this.byShape.reduce((sum, list) => sum + (list?.nodes.data.byteLength ?? 0), 0);
    return this.stamps.byteLength + lists;
  }

  /** A node was made. */
  open(node: number): void {
    if (node >= this.stamps.length) this.reserve(node + 1);
    this.stamps[node] = this.epoch;
  }

  /** `shape` must not be inverted. */
  note(node: number, shape: number): void {
    if (this.stamps[node] === this.epoch) return;
    this.stamps[node] = this.epoch;
    if (this.active) this.#list(node, shape);
  }

  reserve(size: number): void {
    this.stamps = grown(this.stamps, size);
  }

  #list(node: number, shape: number): void {
    while (this.byShape.length <= shape) this.byShape.push(undefined);
    const { nodes, marks } = (this.byShape[shape] ??= { nodes: new IntList(4), marks: new IntList(4) });
    if (marks.length === 0 || marks.data[marks.length - 2] !== this.epoch) {
      marks.push(this.epoch);
      marks.push(nodes.length);
    }
    nodes.push(node);
  }

  /** Forgets what was listed up to an epoch, included. */
  forget(epoch: number): void {
    for (const list of this.byShape) {
      if (list === undefined || list.marks.length === 0 || list.marks.data[0]! > epoch) continue;
      forgetUpTo(list, epoch);
    }
  }

  stop(): void {
    this.active = false;
    this.byShape.length = 0;
  }
}

function forgetUpTo({ nodes, marks }: ShapeJournal, epoch: number): void {
  let first = 0;
  while (first < marks.length && marks.data[first]! <= epoch) first += 2;
  const from = first < marks.length ? marks.data[first + 1]! : nodes.length;
  nodes.data.copyWithin(0, from, nodes.length);
  nodes.length -= from;
  marks.data.copyWithin(0, first, marks.length);
  marks.length -= first;
  for (let i = 1; i < marks.length; i += 2) marks.data[i]! -= from;
}
