/**
 * The strongly connected components of the classes, where a class leads to what its nodes read (Tarjan,
 * 1972), without recursion.
 */
import type { ProblemIndex } from "./problem-index.js";

/** For each class the number of its component; nodes that do not count lead nowhere. */
export function componentsOf(index: ProblemIndex, counts: (node: number) => boolean): Int32Array {
  const { classCount } = index;
  const found = new Tarjan(successors(index, counts), classCount);
  for (let cls = 0; cls < classCount; cls++) found.visit(cls);
  return found.component;
}

function successors(index: ProblemIndex, counts: (node: number) => boolean): number[][] {
  const { members, children, classCount } = index;
  return Array.from({ length: classCount }, (_, cls) => {
    const reads = new Set<number>();
    for (let i = members.starts[cls]!; i < members.starts[cls + 1]!; i++) {
      const node = members.items[i]!;
      if (!counts(node)) continue;
      for (let k = children.starts[node]!; k < children.starts[node + 1]!; k++) reads.add(children.items[k]!);
    }
    return [...reads];
  });
}

/** Invariant: `#open` holds visited classes whose component is not closed yet. */
class Tarjan {
  readonly component: Int32Array;
  readonly #successors: readonly (readonly number[])[];
  readonly #order: Int32Array;
  readonly #low: Int32Array;
  readonly #open: number[] = [];
  #visited = 0;
  #components = 0;

  constructor(successors: readonly (readonly number[])[], size: number) {
    this.#successors = successors;
    this.component = new Int32Array(size).fill(-1);
    this.#order = new Int32Array(size).fill(-1);
    this.#low = new Int32Array(size);
  }

  visit(start: number): void {
    if (this.#order[start] !== -1) return;
    const path = [{ cls: start, next: 0 }];
    this.#enter(start);
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const child = this.#successors[top.cls]![top.next++];
      if (child === undefined) {
        path.pop();
        this.#leave(top.cls, path.at(-1)?.cls);
      } else if (this.#order[child] === -1) {
        this.#enter(child);
        path.push({ cls: child, next: 0 });
      } else if (this.component[child] === -1) {
        this.#low[top.cls] = Math.min(this.#low[top.cls]!, this.#order[child]!);
      }
    }
  }

  #enter(cls: number): void {
    this.#order[cls] = this.#low[cls] = this.#visited++;
    this.#open.push(cls);
  }

  #leave(cls: number, parent: number | undefined): void {
    if (parent !== undefined) this.#low[parent] = Math.min(this.#low[parent]!, this.#low[cls]!);
    if (this.#low[cls] !== this.#order[cls]) return;
    for (let member = this.#open.pop(); member !== undefined; member = this.#open.pop()) {
      this.component[member] = this.#components;
      if (member === cls) break;
    }
    this.#components++;
  }
}
