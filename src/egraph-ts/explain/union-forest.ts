/**
 * The logged unions as a forest over ids, each tree rooted at its smallest id; the one path between two ids.
 */
import type { ApplicationLog } from "../application-log.js";

export interface ForestEdge {
  readonly union: number;
  /** Whether the path runs from the union's left id to its right one. */
  readonly isForward: boolean;
}

const NONE = -1;

/** Invariant: `#parent` leads from every id to the root of its tree, over the union `#via`. */
export class UnionForest {
  readonly log: ApplicationLog;
  readonly #parent: Int32Array;
  readonly #via: Int32Array;
  readonly #depth: Int32Array;

  /** `size` is one more than the largest id. */
  constructor(log: ApplicationLog, size: number) {
    this.log = log;
    this.#parent = new Int32Array(size).fill(NONE);
    this.#via = new Int32Array(size).fill(NONE);
    this.#depth = new Int32Array(size).fill(NONE);
    this.#plant(size);
  }

  #plant(size: number): void {
    const neighbours = new Map<number, number[]>();
    const note = (id: number, union: number): void => {
      const list = neighbours.get(id);
      if (list === undefined) neighbours.set(id, [union]);
      else list.push(union);
    };
    for (let union = 0; union < this.log.unionCount; union++) {
      const { left, right } = this.log.union(union);
      note(left, union);
      note(right, union);
    }
    for (let root = 0; root < size; root++) {
      if (this.#depth[root] !== NONE) continue;
      this.#depth[root] = 0;
      if (neighbours.has(root)) this.#grow(root, neighbours);
    }
  }

  #grow(root: number, neighbours: ReadonlyMap<number, readonly number[]>): void {
    const stack = [root];
    for (let id = stack.pop(); id !== undefined; id = stack.pop()) {
      for (const union of neighbours.get(id) ?? []) {
        const { left, right } = this.log.union(union);
        const other = left === id ? right : left;
        if (this.#depth[other] !== NONE) continue;
        this.#parent[other] = id;
        this.#via[other] = union;
        this.#depth[other] = this.#depth[id]! + 1;
        stack.push(other);
      }
    }
  }

  /** The ids must be of one tree. */
  path(from: number, to: number): readonly ForestEdge[] {
    const up: ForestEdge[] = [];
    const down: ForestEdge[] = [];
    while (from !== to) {
      if (this.#depth[from]! >= this.#depth[to]!) {
        up.push(this.#edge(from, true));
        from = this.#parent[from]!;
      } else {
        down.push(this.#edge(to, false));
        to = this.#parent[to]!;
      }
    }
    return [...up, ...down.reverse()];
  }

  #edge(child: number, upwards: boolean): ForestEdge {
    const union = this.#via[child]!;
    return { union, isForward: (this.log.union(union).left === child) === upwards };
  }
}
