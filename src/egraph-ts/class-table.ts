/**
 * The e-classes: a union-find over node numbers, the members of each class as a ring, its parents as another.
 *
 * Every node starts as a class of its own, so a class id is a node number, the canonical id is the union-find
 * root, and the root, dead or alive, is in its own ring. `links` runs parallel to the cells of the nodes:
 * `links[4n]` is the next member of node n's class, and for the edge at cell e, `links[e]` is the next edge
 * that reads the same class. A ring of parents is named by its last edge, so that two are joined in constant
 * time, and edges seen earlier stay a contiguous segment of the ring they became part of.
 */
import { grown } from "./int-list.js";

const NONE = -1;

export class ClassTable {
  unionCount = 0;
  /** Union-find; a root is its own entry. For a slot that a wide node goes on in: ~node. */
  up: Int32Array = new Int32Array(64);
  links: Int32Array = new Int32Array(256);
  /** Last edge of the ring of parents, indexed by root, or NONE. Dead parents are included. */
  lastParent: Int32Array = new Int32Array(64);
  /** Members and parent edges together, indexed by root. */
  weight: Int32Array = new Int32Array(64);
  /** Which shapes the members have had, bit = shape modulo 32, indexed by root. */
  shapes: Int32Array = new Int32Array(64);

  get bytes(): number {
    return this.up.byteLength * 4 + this.links.byteLength;
  }

  find(id: number): number {
    const up = this.up;
    let next = up[id]!;
    while (next !== id) {
      const skip = up[next]!;
      up[id] = skip;
      id = skip;
      next = up[id]!;
    }
    return id;
  }

  /** A class of one node, which takes so many slots. */
  open(node: number, shape: number, slots: number): void {
    if (node + slots > this.up.length) this.reserve(node + slots);
    this.up[node] = node;
    for (let slot = 1; slot < slots; slot++) this.up[node + slot] = ~node;
    this.links[node << 2] = node;
    this.lastParent[node] = NONE;
    this.weight[node] = 1;
    this.shapes[node] = 1 << (shape & 31);
  }

  reserve(needed: number): void {
    this.up = grown(this.up, needed);
    this.lastParent = grown(this.lastParent, needed);
    this.weight = grown(this.weight, needed);
    this.shapes = grown(this.shapes, needed);
    this.links = grown(this.links, this.up.length * 4);
  }

  /** Records that an edge reads this canonical class. */
  link(edge: number, child: number): void {
    const { links } = this;
    const last = this.lastParent[child]!;
    if (last === NONE) {
      links[edge] = edge;
    } else {
      links[edge] = links[last]!;
      links[last] = edge;
    }
    this.lastParent[child] = edge;
    this.weight[child]!++;
  }

  /** The node that an edge belongs to. */
  nodeOf(edge: number): number {
    const slot = edge >> 2;
    const up = this.up[slot]!;
    return up < 0 ? ~up : slot;
  }

  /** Makes `loser` part of `root`; both canonical and different. Constant time. */
  join(root: number, loser: number): void {
    const { links, lastParent } = this;
    this.up[loser] = root;
    this.unionCount++;
    const after = links[root << 2]!;
    links[root << 2] = links[loser << 2]!;
    links[loser << 2] = after;
    const last = lastParent[root]!;
    const lastOfLoser = lastParent[loser]!;
    if (lastOfLoser !== NONE) {
      lastParent[root] = lastOfLoser;
      if (last !== NONE) {
        const first = links[last]!;
        links[last] = links[lastOfLoser]!;
        links[lastOfLoser] = first;
      }
    }
    this.weight[root]! += this.weight[loser]!;
    this.shapes[root]! |= this.shapes[loser]!;
  }

  /** False for a dead member that was taken out: its link leads to itself, though it is no root. */
  isInRing(node: number): boolean {
    return this.links[node << 2] !== node || this.up[node] === node;
  }

  /** Takes dead members out of a ring, but for the root. */
  purgeRing(root: number, cells: Int32Array): void {
    const { links } = this;
    let last = root;
    for (let node = links[root << 2]!; node !== root; ) {
      const next = links[node << 2]!;
      if (cells[node << 2]! < 0) {
        links[node << 2] = node;
      } else {
        links[last << 2] = node;
        last = node;
      }
      node = next;
    }
    links[last << 2] = root;
  }
}
