/**
 * Local search over a selection: swaps and pull-ins, in class order, until a pass finds nothing or the budget
 * is spent. Hot loop: `#swapsOf` and `#pullIn`, each as long as the part of the selection that a move
 * touches.
 */
import type { DagOptions } from "./dag.js";
import { cheapestTrees } from "./knuth.js";
import type { ProblemIndex } from "./problem-index.js";
import { Selection } from "./selection.js";

/** A move must gain this share of the cost to count, so that rounding cannot make it cycle. */
const LEAST_GAIN = 1e-12;
/** Classes a single pull-in may spread to. */
const PULL_IN_REACH = 256;

/** Invariant: between moves the selection is acyclic, costs `#best`, and has nothing to undo. */
export class LocalSearch {
  readonly #index: ProblemIndex;
  readonly #usable: Uint8Array;
  #selection: Selection;
  #best: number;
  #movesLeft = 0;
  /** For classes outside the selection, the cost of bringing them in; as of the start of the pass. */
  #entryCost: Float64Array;

  constructor(index: ProblemIndex, usable: Uint8Array, start: Selection) {
    this.#index = index;
    this.#usable = usable;
    this.#selection = start;
    this.#best = start.exactCost() ?? Number.POSITIVE_INFINITY;
    this.#entryCost = new Float64Array(index.classCount);
  }

  /** The improved choice for every class. */
  run(options: DagOptions): Int32Array {
    this.#movesLeft = options.moves;
    for (let pass = 0; pass < options.passes && this.#movesLeft > 0; pass++) {
      const before = this.#best;
      this.#refreshEntries();
      for (let cls = 0; cls < this.#index.classCount && this.#movesLeft > 0; cls++) {
        if (this.#selection.isSelected(cls)) {
          if (options.swaps) this.#swapsOf(cls);
        } else if (options.pullIns) {
          this.#pullInsOf(cls);
        }
      }
      if (this.#best === before) break;
    }
    return this.#selection.choice;
  }

  /** Lets every class outside the selection choose what is cheapest to bring in now. */
  #refreshEntries(): void {
    const selection = this.#selection;
    const entries = cheapestTrees(this.#index, (cls) => selection.isSelected(cls));
    this.#entryCost = entries.cost;
    const choose = (node: number, cls: number): number =>
      selection.isSelected(cls) ? node : entries.choice[cls]!;
    this.#selection = new Selection(this.#index, selection.choice.map(choose));
  }

  #swapsOf(cls: number): void {
    const { members } = this.#index;
    for (let i = members.starts[cls]!; i < members.starts[cls + 1]!; i++) {
      const node = members.items[i]!;
      if (this.#usable[node] === 0 || node === this.#selection.choice[cls]) continue;
      this.#selection.choose(cls, node);
      this.#keepOrUndo();
    }
  }

  /** A class with one reader is covered by the swaps of that reader. */
  #pullInsOf(cls: number): void {
    const { members, readers } = this.#index;
    if (readers.starts[cls + 1]! - readers.starts[cls]! < 2) return;
    for (let i = members.starts[cls]!; i < members.starts[cls + 1]!; i++) {
      const node = members.items[i]!;
      if (this.#usable[node] === 0 || this.#selection.isSelected(cls)) continue;
      if (node !== this.#selection.choice[cls]) this.#selection.choose(cls, node);
      this.#pullIn([cls]);
      this.#keepOrUndo();
    }
    if (!this.#selection.isSelected(cls)) this.#pullInWithReaders(cls);
  }

  /**
   * Pulls a class in together with the classes that would read it: for something dear that pays only when
   * several readers take it up at once, each of them shared in its turn.
   */
  #pullInWithReaders(cls: number): void {
    const { readers, classOf } = this.#index;
    const held = [cls];
    for (let i = readers.starts[cls]!; i < readers.starts[cls + 1]!; i++) {
      const node = readers.items[i]!;
      const reader = classOf[node]!;
      if (this.#usable[node] === 0 || this.#selection.isSelected(reader) || held.includes(reader)) continue;
      this.#selection.choose(reader, node);
      held.push(reader);
    }
    if (held.length > 2) this.#pullIn(held);
    this.#keepOrUndo();
  }

  #keepOrUndo(): void {
    this.#movesLeft--;
    const goal = this.#best * (1 - LEAST_GAIN);
    const cost = this.#selection.cost < goal ? this.#selection.exactCost() : undefined;
    if (cost === undefined || cost >= goal) {
      this.#selection.undoTo(0);
      return;
    }
    this.#best = cost;
    this.#selection = new Selection(this.#index, this.#selection.choice);
  }

  /** Holds classes as if they were paid for, and lets the selection switch to whatever is cheaper now. */
  #pullIn(held: readonly number[]): void {
    const selection = this.#selection;
    for (const cls of held) selection.hold(cls);
    const spread = new Map<number, number>(held.map((cls) => [cls, 0]));
    const offers: number[] = [];
    for (const next of spread.keys()) {
      if (spread.size > PULL_IN_REACH) break;
      this.#spreadFrom(next, spread, offers);
    }
    for (const node of offers) {
      const before = selection.cost;
      const mark = selection.mark;
      const reader = this.#index.classOf[node]!;
      if (!selection.isSelected(reader) || selection.choice[reader] === node) continue;
      selection.choose(reader, node);
      if (selection.cost >= before) selection.undoTo(mark);
    }
    for (const cls of held) selection.release(cls);
  }

  /**
   * Offers the readers of a class to selected classes, and makes them the entry of unselected classes for
   * which they are a cheaper one, from where they spread further.
   */
  #spreadFrom(cls: number, spread: Map<number, number>, offers: number[]): void {
    const { readers, classOf } = this.#index;
    const selection = this.#selection;
    for (let i = readers.starts[cls]!; i < readers.starts[cls + 1]!; i++) {
      const node = readers.items[i]!;
      const reader = classOf[node]!;
      if (this.#usable[node] === 0) continue;
      if (selection.isSelected(reader)) {
        offers.push(node);
        continue;
      }
      const entry = this.#entryOf(node, spread);
      if (entry >= (spread.get(reader) ?? this.#entryCost[reader]!) || spread.has(reader)) continue;
      spread.set(reader, entry);
      selection.choose(reader, node);
    }
  }

  #entryOf(node: number, spread: ReadonlyMap<number, number>): number {
    const { children, cost } = this.#index;
    let entry = cost[node]!;
    for (let i = children.starts[node]!; i < children.starts[node + 1]!; i++) {
      const child = children.items[i]!;
      if (!this.#selection.isSelected(child)) entry += spread.get(child) ?? this.#entryCost[child]!;
    }
    return entry;
  }
}
