/**
 * The e-classes: a union-find over node numbers, the members of each class as a ring, its parents as a linked
 * list.
 *
 * Every node starts as a class of its own, so a class id is a node number, and the canonical id is the
 * union-find root. A parent edge is named by its index in the flat array of children: edge e says "node
 * `edgeNode[e]` reads this class at position e - start[edgeNode[e]]". Each edge is in exactly one list. Lists
 * are only ever appended to one another, so that a list seen earlier stays a contiguous segment of the list
 * it became part of.
 */
import { grown } from "./int-list.js";

const NONE = -1;

export class ClassTable {
  unionCount = 0;
  /** Union-find; the root is its own entry. */
  up: Int32Array = new Int32Array(64);
  /** Next member of the same class, circular. Dead members are unlinked at rebuild. */
  ringNext: Int32Array = new Int32Array(64);
  /** Any live member, indexed by root; dead only between a repair and the end of its rebuild. */
  ringHead: Int32Array = new Int32Array(64);
  parentHead: Int32Array = new Int32Array(64);
  parentTail: Int32Array = new Int32Array(64);
  /** Edges in the list, dead parents included. */
  parentCount: Int32Array = new Int32Array(64);
  parentNext: Int32Array = new Int32Array(128);
  edgeNode: Int32Array = new Int32Array(128);

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

  /** A class of one node. */
  open(node: number): void {
    if (node >= this.up.length) this.#reserve(node + 1);
    this.up[node] = node;
    this.ringNext[node] = node;
    this.ringHead[node] = node;
    this.parentHead[node] = NONE;
    this.parentTail[node] = NONE;
  }

  #reserve(needed: number): void {
    this.up = grown(this.up, needed);
    this.ringNext = grown(this.ringNext, needed);
    this.ringHead = grown(this.ringHead, needed);
    this.parentHead = grown(this.parentHead, needed);
    this.parentTail = grown(this.parentTail, needed);
    this.parentCount = grown(this.parentCount, needed);
  }

  /** Records that `node` reads canonical class `child` through `edge`. */
  link(edge: number, node: number, child: number): void {
    if (edge >= this.edgeNode.length) {
      this.edgeNode = grown(this.edgeNode, edge + 1);
      this.parentNext = grown(this.parentNext, this.edgeNode.length);
    }
    this.edgeNode[edge] = node;
    this.parentNext[edge] = NONE;
    this.#appendParents(child, edge, edge);
    this.parentCount[child]!++;
  }

  #appendParents(root: number, head: number, tail: number): void {
    if (this.parentHead[root] === NONE) this.parentHead[root] = head;
    else this.parentNext[this.parentTail[root]!] = head;
    this.parentTail[root] = tail;
  }

  /** Makes `loser` part of `root`; both canonical and different. Constant time. */
  join(root: number, loser: number): void {
    this.up[loser] = root;
    this.unionCount++;
    const first = this.ringHead[root]!;
    const second = this.ringHead[loser]!;
    const after = this.ringNext[first]!;
    this.ringNext[first] = this.ringNext[second]!;
    this.ringNext[second] = after;
    if (this.parentHead[loser] !== NONE) {
      this.#appendParents(root, this.parentHead[loser]!, this.parentTail[loser]!);
    }
    this.parentCount[root]! += this.parentCount[loser]!;
  }

  /** Unlinks dead members of a class that has at least one live member. */
  purgeRing(root: number, dead: Uint8Array): void {
    let head = this.ringHead[root]!;
    while (dead[head] === 1) head = this.ringNext[head]!;
    this.ringHead[root] = head;
    let last = head;
    for (let node = this.ringNext[head]!; node !== head; node = this.ringNext[node]!) {
      if (dead[node] === 1) continue;
      this.ringNext[last] = node;
      last = node;
    }
    this.ringNext[last] = head;
  }
}
