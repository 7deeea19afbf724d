/**
 * The e-nodes: label and children in flat arrays, a hashcons over them, and the nodes of each label.
 *
 * Invariant: no two live nodes have the same stored label and children, and each live node is in the hashcons
 * under its stored content. Stored children are canonical when a node is made or repaired and may be stale
 * between a union and the rebuild. Slots are never deleted: a slot whose node has died or moved is skipped,
 * since a node's stored content is compared, and growth drops it.
 *
 * Hot loops: `lookup` (most of the apply phase is finding nodes that exist already).
 */
import { grown, IntList } from "./int-list.js";

const NONE = -1;

export class NodeTable {
  size = 0;
  deadCount = 0;
  label: Int32Array = new Int32Array(64);
  /** Node n's children are `children[start[n]] .. children[start[n + 1] - 1]`. */
  start: Int32Array = new Int32Array(65);
  children: Int32Array = new Int32Array(128);
  /** 1 once a congruent node has taken this node's place. */
  dead: Uint8Array = new Uint8Array(64);
  /** Nodes of each label, ascending; dead ones linger until `purgeLabels`. */
  readonly byLabel: IntList[] = [];

  /** Open-addressed, linear probing, power-of-two size; node ids or NONE. */
  #slots: Int32Array = new Int32Array(256).fill(NONE);
  #usedSlots = 0;

  arity(node: number): number {
    return this.start[node + 1]! - this.start[node]!;
  }

  /** The live node of this content, or -1. The children must be canonical. */
  lookup(label: number, kids: Int32Array, arity: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    const { label: labels, start, children, dead } = this;
    let slot = hash(label, kids, 0, arity) & mask;
    for (;;) {
      const node = slots[slot]!;
      if (node === NONE) return NONE;
      if (labels[node] === label && dead[node] === 0) {
        const from = start[node]!;
        if (start[node + 1]! - from === arity) {
          let k = 0;
          while (k < arity && children[from + k] === kids[k]) k++;
          if (k === arity) return node;
        }
      }
      slot = (slot + 1) & mask;
    }
  }

  /** Appends a node that `lookup` did not find. */
  append(label: number, kids: Int32Array, arity: number): number {
    const node = this.size++;
    this.#reserve(node, arity);
    const from = this.start[node]!;
    this.label[node] = label;
    for (let k = 0; k < arity; k++) this.children[from + k] = kids[k]!;
    this.start[node + 1] = from + arity;
    this.#listOf(label).push(node);
    this.insert(node);
    return node;
  }

  #reserve(node: number, arity: number): void {
    const childrenEnd = this.start[node]! + arity;
    if (childrenEnd > this.children.length) this.children = grown(this.children, childrenEnd);
    if (node >= this.label.length) {
      // all three grow together: `start` is one longer than the others
      this.label = grown(this.label, node + 1);
      this.start = grown(this.start, this.label.length + 1);
      const larger = new Uint8Array(this.label.length);
      larger.set(this.dead);
      this.dead = larger;
    }
  }

  #listOf(label: number): IntList {
    while (this.byLabel.length <= label) this.byLabel.push(new IntList(4));
    return this.byLabel[label]!;
  }

  /** Enters a live node under its stored content. */
  insert(node: number): void {
    if ((this.#usedSlots + 1) * 2 > this.#slots.length) this.#rehash();
    else this.#place(node);
  }

  #place(node: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    const from = this.start[node]!;
    let slot = hash(this.label[node]!, this.children, from, this.start[node + 1]! - from) & mask;
    while (slots[slot] !== NONE) {
      if (slots[slot] === node) return;
      slot = (slot + 1) & mask;
    }
    slots[slot] = node;
    this.#usedSlots++;
  }

  #rehash(): void {
    let capacity = 256;
    while (capacity < (this.size - this.deadCount) * 4) capacity *= 2;
    this.#slots = new Int32Array(capacity).fill(NONE);
    this.#usedSlots = 0;
    for (let node = 0; node < this.size; node++) {
      if (this.dead[node] === 0) this.#place(node);
    }
  }

  /** Gives a live node new children, which no other live node of its label may have, and enters it anew. */
  moveTo(node: number, kids: Int32Array): void {
    const from = this.start[node]!;
    for (let k = this.arity(node) - 1; k >= 0; k--) this.children[from + k] = kids[k]!;
    this.insert(node);
  }

  kill(node: number): void {
    this.dead[node] = 1;
    this.deadCount++;
  }

  /** `younger` dies and `older`, of equal label and arity, takes over its content. */
  replace(younger: number, older: number): void {
    this.kill(younger);
    const from = this.start[younger]!;
    this.children.copyWithin(this.start[older]!, from, this.start[younger + 1]);
    this.insert(older);
  }

  /** Drops dead nodes from the lists of these labels. */
  purgeLabels(labels: Iterable<number>): void {
    for (const label of labels) {
      const list = this.#listOf(label);
      const { data, length } = list;
      let kept = 0;
      for (let i = 0; i < length; i++) {
        if (this.dead[data[i]!] === 0) data[kept++] = data[i]!;
      }
      list.length = kept;
    }
  }
}

function hash(label: number, kids: Int32Array, from: number, arity: number): number {
  let h = Math.imul(label + 1, 0x9e3779b1);
  for (let k = from; k < from + arity; k++) {
    h = Math.imul(((h << 5) | (h >>> 27)) ^ kids[k]!, 0x85ebca6b);
  }
  h ^= h >>> 15;
  return Math.imul(h, 0xc2b2ae35) ^ (h >>> 13);
}
