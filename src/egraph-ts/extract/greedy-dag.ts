/**
 * Greedy DAG extraction: each class keeps the set of classes that its current choice pulls in, and takes the
 * node whose set is cheapest, a shared class counting once (the "faster greedy DAG" of the extraction-gym
 * collection).
 *
 * A set is a snapshot and may be out of date, so the outcome can, rarely, be cyclic: callers check it. Work
 * is bounded: past the budget the choice stays as the cheapest trees have it.
 */
import type { TreeChoice } from "./knuth.js";
import type { ProblemIndex } from "./problem-index.js";

/** Set entries merged before giving up on further improvement. */
const WORK_BUDGET = 40_000_000;

export function greedyDagChoice(index: ProblemIndex, trees: TreeChoice): Int32Array {
  return new GreedyDag(index, trees).run();
}

/** Invariant: `#sets[c]` is defined iff class c has a choice that was made here. */
class GreedyDag {
  readonly #index: ProblemIndex;
  readonly #choice: Int32Array;
  readonly #total: Float64Array;
  readonly #sets: (Int32Array | undefined)[];
  readonly #stamp: Int32Array;
  readonly #queue: number[];
  readonly #queued: Uint8Array;
  #round = 0;
  #work = 0;

  constructor(index: ProblemIndex, trees: TreeChoice) {
    this.#index = index;
    this.#choice = Int32Array.from(trees.choice);
    this.#total = new Float64Array(index.classCount).fill(Number.POSITIVE_INFINITY);
    this.#sets = new Array<Int32Array | undefined>(index.classCount).fill(undefined);
    this.#stamp = new Int32Array(index.classCount);
    this.#queue = nodesByTreeCost(index, trees);
    this.#queued = new Uint8Array(index.nodeCount);
    for (const node of this.#queue) this.#queued[node] = 1;
  }

  run(): Int32Array {
    const { classOf, readers } = this.#index;
    for (let at = 0; at < this.#queue.length && this.#work < WORK_BUDGET; at++) {
      const node = this.#queue[at]!;
      this.#queued[node] = 0;
      if (!this.#improve(node)) continue;
      const cls = classOf[node]!;
      for (let i = readers.starts[cls]!; i < readers.starts[cls + 1]!; i++) this.#enqueue(readers.items[i]!);
    }
    return this.#choice;
  }

  #enqueue(node: number): void {
    if (this.#queued[node] === 1) return;
    this.#queued[node] = 1;
    this.#queue.push(node);
  }

  /** Whether the node is now its class's choice and was not, or has become cheaper. */
  #improve(node: number): boolean {
    const cls = this.#index.classOf[node]!;
    const found = this.#setOf(node, cls);
    if (found === undefined || !(found.total < this.#total[cls]! * (1 - 1e-12))) return false;
    this.#choice[cls] = node;
    this.#total[cls] = found.total;
    this.#sets[cls] = found.set;
    return true;
  }

  /**
   * The classes this node pulls in, itself last; undefined if a child has no set yet or the node reads
   * itself.
   */
  #setOf(node: number, cls: number): { set: Int32Array; total: number } | undefined {
    const { children, cost } = this.#index;
    const round = ++this.#round;
    const set: number[] = [];
    let total = cost[node]!;
    for (let i = children.starts[node]!; i < children.starts[node + 1]!; i++) {
      const below = this.#sets[children.items[i]!];
      if (below === undefined) return undefined;
      this.#work += below.length;
      for (const member of below) {
        if (member === cls) return undefined;
        if (this.#stamp[member] === round) continue;
        this.#stamp[member] = round;
        set.push(member);
        total += cost[this.#choice[member]!]!;
      }
    }
    set.push(cls);
    return { set: Int32Array.from(set), total };
  }
}

/**
 * Nodes that some finite tree starts with, cheapest first: a first visit then usually finds its children
 * done.
 */
function nodesByTreeCost(index: ProblemIndex, trees: TreeChoice): number[] {
  const { children, cost } = index;
  const key = Float64Array.from(cost);
  for (let node = 0; node < index.nodeCount; node++) {
    for (let i = children.starts[node]!; i < children.starts[node + 1]!; i++) {
      key[node]! += trees.cost[children.items[i]!]!;
    }
  }
  const nodes = [...key.keys()].filter((node) => key[node]! < Number.POSITIVE_INFINITY);
  return nodes.sort((a, b) => key[a]! - key[b]! || a - b);
}
