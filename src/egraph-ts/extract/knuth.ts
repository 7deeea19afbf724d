/**
 * The cheapest tree for each class, by Knuth's generalisation of Dijkstra's algorithm (1977): classes are
 * settled in ascending order of cost, each with a node whose classes are all settled before it. So the choice
 * is acyclic, also where costs are 0. Ties go to the smaller node.
 */
import type { ProblemIndex } from "./problem-index.js";

export interface TreeChoice {
  /** Class to node, -1 where no finite tree exists. */
  readonly choice: Int32Array;
  /** Tree cost of each class; infinite where there is none. */
  readonly cost: Float64Array;
}

/** `free` classes cost nothing and are left without a choice. */
export function cheapestTrees(index: ProblemIndex, isFree?: (cls: number) => boolean): TreeChoice {
  const { children, readers, classOf, nodeCount, classCount } = index;
  const choice = new Int32Array(classCount).fill(-1);
  const cost = new Float64Array(classCount).fill(Number.POSITIVE_INFINITY);
  const total = Float64Array.from(index.cost);
  const waiting = new Int32Array(nodeCount);
  for (let n = 0; n < nodeCount; n++) waiting[n] = children.starts[n + 1]! - children.starts[n]!;
  const settled = new Uint8Array(classCount);
  const queue = new NodeQueue(total);
  const settle = (cls: number, clsCost: number): void => {
    settled[cls] = 1;
    cost[cls] = clsCost;
    for (let i = readers.starts[cls]!; i < readers.starts[cls + 1]!; i++) {
      const reader = readers.items[i]!;
      total[reader]! += clsCost;
      if (--waiting[reader]! === 0) queue.push(reader);
    }
  };
  for (let n = 0; n < nodeCount; n++) {
    if (waiting[n] === 0 && total[n]! < Number.POSITIVE_INFINITY) queue.push(n);
  }
  for (let cls = 0; cls < classCount; cls++) {
    if (isFree?.(cls) === true) settle(cls, 0);
  }
  for (let node = queue.pop(); node >= 0; node = queue.pop()) {
    const cls = classOf[node]!;
    if (settled[cls] === 1) continue;
    choice[cls] = node;
    settle(cls, total[node]!);
  }
  return { choice, cost };
}

/**
 * Invariant: a binary heap of nodes, cheapest first by `#key`, then smallest; keys are fixed while inside.
 */
class NodeQueue {
  readonly #heap: number[] = [];
  readonly #key: Float64Array;

  constructor(key: Float64Array) {
    this.#key = key;
  }

  #before(a: number, b: number): boolean {
    const difference = this.#key[a]! - this.#key[b]!;
    return difference < 0 || (difference === 0 && a < b);
  }

  push(node: number): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(node);
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!this.#before(node, heap[above]!)) break;
      heap[at] = heap[above]!;
      at = above;
    }
    heap[at] = node;
  }

  /** -1 when empty. */
  pop(): number {
    const heap = this.#heap;
    const first = heap[0] ?? -1;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return first;
    let at = 0;
    for (let below = 1; below < heap.length; below = 2 * at + 1) {
      if (below + 1 < heap.length && this.#before(heap[below + 1]!, heap[below]!)) below++;
      if (!this.#before(heap[below]!, last)) break;
      heap[at] = heap[below]!;
      at = below;
    }
    heap[at] = last;
    return first;
  }
}
