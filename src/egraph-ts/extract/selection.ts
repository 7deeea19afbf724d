/**
 * A selection under change: one choice for each class, counts of how often each selected class is needed, and
 * the DAG cost, all kept up to date by small reversible edits. The local search of `dag.ts` works on it.
 *
 * An edit costs as much as the part of the selection it brings in or drops. Edits are undone in reverse
 * order, so that each undo meets exactly the choices that its edit met.
 */
import type { ProblemIndex } from "./problem-index.js";

/**
 * Invariant: `uses[c]` counts the selected nodes, roots and holds that need class c; c is selected iff it is
 * > 0.
 */
export class Selection {
  readonly choice: Int32Array;
  readonly #index: ProblemIndex;
  readonly #uses: Int32Array;
  /** Kept by adding and subtracting; `exactCost` adds anew. */
  #cost = 0;
  /**
   * Pairs of class and former choice; class + classCount for a hold, class + 2 · classCount for a release.
   */
  readonly #edits: number[] = [];
  readonly #stack: number[] = [];

  constructor(index: ProblemIndex, choice: Int32Array) {
    this.#index = index;
    this.choice = Int32Array.from(choice);
    this.#uses = new Int32Array(index.classCount);
    for (const root of index.roots) this.#need(root);
  }

  get cost(): number {
    return this.#cost;
  }

  isSelected(cls: number): boolean {
    return this.#uses[cls]! > 0;
  }

  /** A point to come back to. */
  get mark(): number {
    return this.#edits.length;
  }

  /** Changes the choice of a class, selected or not. */
  choose(cls: number, node: number): void {
    this.#edits.push(cls, this.choice[cls]!);
    this.#switch(cls, node);
  }

  #switch(cls: number, node: number): void {
    const former = this.choice[cls]!;
    this.choice[cls] = node;
    if (this.#uses[cls]! === 0) return;
    this.#cost += this.#index.cost[node]! - this.#index.cost[former]!;
    this.#forChildren(node, true);
    this.#forChildren(former, false);
  }

  /** Keeps a class selected whether or not anything reads it. */
  hold(cls: number): void {
    this.#edits.push(cls + this.#index.classCount, 0);
    this.#need(cls);
  }

  release(cls: number): void {
    this.#edits.push(cls + 2 * this.#index.classCount, 0);
    this.#drop(cls);
  }

  undoTo(mark: number): void {
    const { classCount } = this.#index;
    while (this.#edits.length > mark) {
      const former = this.#edits.pop() ?? 0;
      const edit = this.#edits.pop() ?? 0;
      if (edit < classCount) this.#switch(edit, former);
      else if (edit < 2 * classCount) this.#drop(edit - classCount);
      else this.#need(edit - 2 * classCount);
    }
  }

  /** Forgets how to undo. */
  commit(): void {
    this.#edits.length = 0;
  }

  #forChildren(node: number, need: boolean): void {
    const { starts, items } = this.#index.children;
    for (let i = starts[node]!; i < starts[node + 1]!; i++) {
      if (need) this.#need(items[i]!);
      else this.#drop(items[i]!);
    }
  }

  #need(cls: number): void {
    const { cost } = this.#index;
    const { starts, items } = this.#index.children;
    const stack = this.#stack;
    stack.push(cls);
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      if (this.#uses[next]!++ > 0) continue;
      const node = this.choice[next]!;
      this.#cost += cost[node]!;
      for (let i = starts[node]!; i < starts[node + 1]!; i++) stack.push(items[i]!);
    }
  }

  #drop(cls: number): void {
    const { cost } = this.#index;
    const { starts, items } = this.#index.children;
    const stack = this.#stack;
    stack.push(cls);
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      if (--this.#uses[next]! > 0) continue;
      const node = this.choice[next]!;
      this.#cost -= cost[node]!;
      for (let i = starts[node]!; i < starts[node + 1]!; i++) stack.push(items[i]!);
    }
  }

  /** The cost of what the roots reach, added in a fixed order; undefined if it is cyclic. */
  exactCost(): number | undefined {
    const { children, cost, roots, classCount } = this.#index;
    const state = new Uint8Array(classCount); // 1 while its children are visited, 2 after
    const stack: number[] = [...roots];
    let total = 0;
    while (stack.length > 0) {
      const cls = stack[stack.length - 1]!;
      if (state[cls] !== 0) {
        stack.pop();
        if (state[cls] === 1) {
          state[cls] = 2;
          total += cost[this.choice[cls]!]!;
        }
        continue;
      }
      state[cls] = 1;
      const node = this.choice[cls]!;
      for (let i = children.starts[node]!; i < children.starts[node + 1]!; i++) {
        const child = children.items[i]!;
        if (state[child] === 1) return undefined;
        if (state[child] === 0) stack.push(child);
      }
    }
    return total;
  }
}
