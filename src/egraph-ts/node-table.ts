/**
 * The e-nodes: four integers each, [shape, child, child, child], in one flat array, and a hashcons over them.
 *
 * Node n lies at `cells[4n]`. A node with more than three children goes on in the slots after it, so its
 * number is followed by some that are no nodes (`slotsFor`). Shape and children of a node are thus one cache
 * line, and the index of a child in `cells` names the edge to it: edge >> 2 is the node, or a slot of it.
 *
 * Invariant: no two live nodes have the same shape and stored children, and each live node is in the hashcons
 * under its stored content. Stored children are canonical when a node is made or repaired and may be stale
 * between a union and the rebuild. Hashcons entries are never deleted: one whose node has died or moved is
 * skipped, since stored content is compared, and growth drops it. A dead node's shape is stored inverted, so
 * that it equals no shape.
 *
 * Hot loops: the `find…` functions (most of the apply phase is finding nodes that exist already). Guarded by
 * `npm run bench:egraph`.
 */
import { grown, IntList } from "./int-list.js";

const NONE = -1;

/** Slots of a node with so many children. */
export function slotsFor(arity: number): number {
  return arity <= 3 ? 1 : (arity + 4) >> 2;
}

/** The nodes of one shape, ascending; dead ones linger until there are as many as live ones. */
export interface ShapeList {
  readonly arity: number;
  readonly nodes: IntList;
  lingering: number;
}

export class NodeTable {
  /** Slots in use, and the number of the next node. */
  size = 0;
  /** Nodes ever made. */
  made = 0;
  deadCount = 0;
  cells: Int32Array = new Int32Array(256);
  readonly byShape: (ShapeList | undefined)[] = [];
  /** Open-addressed, linear probing, power-of-two size; node numbers or NONE. */
  #entries: Int32Array = new Int32Array(256).fill(NONE);
  #usedEntries = 0;

  get bytes(): number {
    const lists = this.byShape.reduce((sum, list) => sum + (list?.nodes.data.byteLength ?? 0), 0);
    return this.cells.byteLength + this.#entries.byteLength + lists;
  }

  isDead(node: number): boolean {
    return this.cells[node << 2]! < 0;
  }

  /** Also of a dead node. */
  shapeOf(node: number): number {
    const shape = this.cells[node << 2]!;
    return shape < 0 ? ~shape : shape;
  }

  /** The live node of this content, or -1. The children must be canonical. */
  find(shape: number, kids: Int32Array, arity: number): number {
    const { cells } = this;
    const entries = this.#entries;
    const mask = entries.length - 1;
    let entry = hash(shape, kids, 0, arity) & mask;
    for (;;) {
      const node = entries[entry]!;
      if (node === NONE) return NONE;
      const at = node << 2;
      if (cells[at] === shape) {
        let k = 0;
        while (k < arity && cells[at + 1 + k] === kids[k]) k++;
        if (k === arity) return node;
      }
      entry = (entry + 1) & mask;
    }
  }

  find1(shape: number, a: number): number {
    const { cells } = this;
    const entries = this.#entries;
    const mask = entries.length - 1;
    let entry = finish(mix(shape, a)) & mask;
    for (;;) {
      const node = entries[entry]!;
      if (node === NONE) return NONE;
      const at = node << 2;
      if (cells[at + 1] === a && cells[at] === shape) return node;
      entry = (entry + 1) & mask;
    }
  }

  find2(shape: number, a: number, b: number): number {
    const { cells } = this;
    const entries = this.#entries;
    const mask = entries.length - 1;
    let entry = finish(mix(mix(shape, a), b)) & mask;
    for (;;) {
      const node = entries[entry]!;
      if (node === NONE) return NONE;
      const at = node << 2;
      if (cells[at + 2] === b && cells[at + 1] === a && cells[at] === shape) return node;
      entry = (entry + 1) & mask;
    }
  }

  /** Appends a node that `find` did not find. */
  append(shape: number, kids: Int32Array, arity: number): number {
    const node = this.size;
    this.size += slotsFor(arity);
    this.made++;
    if (this.size * 4 > this.cells.length) this.reserve(this.size);
    const { cells } = this;
    const at = node << 2;
    cells[at] = shape;
    for (let k = 0; k < arity; k++) cells[at + 1 + k] = kids[k]!;
    this.#listOf(shape, arity).nodes.push(node);
    this.#enter(node, hash(shape, kids, 0, arity));
    return node;
  }

  reserve(slots: number): void {
    this.cells = grown(this.cells, slots * 4);
  }

  #listOf(shape: number, arity: number): ShapeList {
    while (this.byShape.length <= shape) this.byShape.push(undefined);
    return (this.byShape[shape] ??= { arity, nodes: new IntList(4), lingering: 0 });
  }

  /** Puts a live node under the hash of its stored content. */
  #enter(node: number, hashed: number): void {
    if ((this.#usedEntries + 1) * 2 > this.#entries.length) {
      // takes the node in as well: it is in the list of its shape
      this.rehash();
      return;
    }
    this.#place(node, hashed);
  }

  #place(node: number, hashed: number): void {
    const entries = this.#entries;
    const mask = entries.length - 1;
    let entry = hashed & mask;
    while (entries[entry] !== NONE) entry = (entry + 1) & mask;
    entries[entry] = node;
    this.#usedEntries++;
  }

  /** Builds the hashcons anew from the lists of the shapes. */
  rehash(): void {
    let capacity = 256;
    while (capacity < (this.made - this.deadCount) * 3) capacity *= 2;
    this.#entries = new Int32Array(capacity).fill(NONE);
    this.#usedEntries = 0;
    const { cells } = this;
    for (const list of this.byShape) {
      if (list === undefined) continue;
      const { data, length } = list.nodes;
      for (let i = 0; i < length; i++) {
        const at = data[i]! << 2;
        const shape = cells[at]!;
        if (shape >= 0) this.#place(data[i]!, hash(shape, cells, at + 1, list.arity));
      }
    }
  }

  /** Gives a live node new children, which no other live node of its shape may have. */
  moveTo(node: number, kids: Int32Array, arity: number): void {
    const at = node << 2;
    for (let k = 0; k < arity; k++) this.cells[at + 1 + k] = kids[k]!;
    this.#enter(node, hash(this.cells[at]!, kids, 0, arity));
  }

  kill(node: number): void {
    const at = node << 2;
    const shape = this.cells[at]!;
    this.cells[at] = ~shape;
    this.deadCount++;
    this.byShape[shape]!.lingering++;
  }

  /** Drops the dead from the lists in which they are half or more. */
  purge(): void {
    const { cells } = this;
    for (const list of this.byShape) {
      if (list === undefined || list.lingering * 2 < list.nodes.length || list.lingering === 0) continue;
      const { data, length } = list.nodes;
      let kept = 0;
      for (let i = 0; i < length; i++) {
        if (cells[data[i]! << 2]! >= 0) data[kept++] = data[i]!;
      }
      list.nodes.length = kept;
      list.lingering = 0;
    }
  }
}

function hash(shape: number, kids: Int32Array, from: number, arity: number): number {
  let h = shape;
  for (let k = from; k < from + arity; k++) h = mix(h, kids[k]!);
  return finish(h);
}

function mix(h: number, kid: number): number {
  return Math.imul(h + 1, 0x9e3779b1) ^ kid;
}

function finish(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
