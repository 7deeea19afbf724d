/**
 * DAG extraction as an integer program. For each node x_n says that it is chosen; a class is needed if a
 * chosen node reads it, and then one of its nodes is chosen:
 *
 *   roots           sum of x over the class = 1
 *   other classes   sum of x over the class <= 1
 *   each reading    sum of x over the nodes of c that read d <= sum of x over d
 *   no cycles       t_c >= t_d + 1 - size (1 - x_n), for c and d of one strongly connected component
 *   budget          sum of weight x <= budget
 *
 * Only what a finite choice can use and the roots can reach is in it.
 */
import { EGraphError } from "../errors.js";
import type { TreeChoice } from "./knuth.js";
import type { ExtractionProblem } from "./problem.js";
import type { ProblemIndex } from "./problem-index.js";
import { componentsOf } from "./components.js";

/** Minimise cost · x subject to rowLower <= A x <= rowUpper, 0 <= x <= upper; rows one after the other. */
export interface IntegerProgram {
  readonly cost: Float64Array;
  readonly upper: Float64Array;
  /** 1 where x must be an integer. */
  readonly integer: Uint8Array;
  readonly rowLower: Float64Array;
  readonly rowUpper: Float64Array;
  /** Row r has the entries `starts[r] .. starts[r + 1] - 1`. */
  readonly starts: Int32Array;
  readonly columns: Int32Array;
  readonly values: Float64Array;
}

export interface ExtractionProgram {
  readonly program: IntegerProgram;
  /** The x that stands for a choice. */
  encode(choice: Int32Array): Float64Array;
  /** Class to node, -1 where none is chosen. */
  decode(x: Float64Array): Int32Array;
}

export function programOf(
  problem: ExtractionProblem,
  index: ProblemIndex,
  trees: TreeChoice,
): ExtractionProgram {
  return new ProgramBuilder(problem, index, trees).build();
}

/** Invariant: `#columnOf[n]` is the column of node n, or -1 where it can never be chosen. */
class ProgramBuilder {
  readonly #problem: ExtractionProblem;
  readonly #index: ProblemIndex;
  readonly #columnOf: Int32Array;
  /** The classes that the roots reach, roots first. */
  readonly #classes: readonly number[];
  readonly #component: Int32Array;
  readonly #componentSize: number[];
  /** Column of a class's level, for classes on cycles. */
  readonly #levelOf = new Map<number, number>();
  readonly #nodeOfColumn: number[] = [];
  readonly #cost: number[] = [];
  readonly #upper: number[] = [];
  readonly #rowLower: number[] = [];
  readonly #rowUpper: number[] = [];
  readonly #starts: number[] = [0];
  readonly #columns: number[] = [];
  readonly #values: number[] = [];

  constructor(problem: ExtractionProblem, index: ProblemIndex, trees: TreeChoice) {
    this.#problem = problem;
    this.#index = index;
    this.#columnOf = new Int32Array(index.nodeCount).fill(-1);
    this.#classes = this.#reach(trees);
    this.#component = componentsOf(index, (node) => this.#columnOf[node] !== -1);
    this.#componentSize = [];
    for (const cls of this.#classes) {
      const component = this.#component[cls]!;
      this.#componentSize[component] = (this.#componentSize[component] ?? 0) + 1;
    }
  }

  /** Gives every usable node of a reachable class its column. */
  #reach(trees: TreeChoice): readonly number[] {
    const { members, cost } = this.#index;
    const seen = new Set<number>(this.#index.roots);
    for (const cls of seen) {
      for (let i = members.starts[cls]!; i < members.starts[cls + 1]!; i++) {
        const node = members.items[i]!;
        const children = this.#childrenOf(node);
        if (children.includes(cls) || children.some((child) => trees.choice[child] === -1)) continue;
        this.#columnOf[node] = this.#nodeOfColumn.push(node) - 1;
        this.#cost.push(cost[node]!);
        this.#upper.push(1);
        for (const child of children) seen.add(child);
      }
    }
    return [...seen];
  }

  #childrenOf(node: number): Int32Array {
    const { starts, items } = this.#index.children;
    return items.subarray(starts[node], starts[node + 1]);
  }

  #columnsOf(cls: number): readonly number[] {
    const { starts, items } = this.#index.members;
    const nodes = items.subarray(starts[cls], starts[cls + 1]);
    return Array.from(nodes, (node) => this.#columnOf[node]!).filter((column) => column !== -1);
  }

  build(): ExtractionProgram {
    this.#addLevels();
    const isRoot = new Set(this.#index.roots);
    for (const cls of this.#classes) {
      const ones = this.#columnsOf(cls).map((column) => [column, 1] as const);
      this.#addRow(ones, isRoot.has(cls) ? 1 : 0, 1);
      this.#addReadings(cls);
    }
    this.#addBudget();
    const nodeCount = this.#nodeOfColumn.length;
    const program = {
      cost: Float64Array.from(this.#cost),
      upper: Float64Array.from(this.#upper),
      integer: Uint8Array.from(this.#cost, (_, column) => (column < nodeCount ? 1 : 0)),
      rowLower: Float64Array.from(this.#rowLower),
      rowUpper: Float64Array.from(this.#rowUpper),
      starts: Int32Array.from(this.#starts),
      columns: Int32Array.from(this.#columns),
      values: Float64Array.from(this.#values),
    };
    return { program, encode: (choice) => this.#encode(choice), decode: (x) => this.#decode(x) };
  }

  #addRow(entries: readonly (readonly [number, number])[], lower: number, upper: number): void {
    for (const [column, value] of entries) {
      this.#columns.push(column);
      this.#values.push(value);
    }
    this.#starts.push(this.#columns.length);
    this.#rowLower.push(lower);
    this.#rowUpper.push(upper);
  }

  #addLevels(): void {
    for (const cls of this.#classes) {
      const size = this.#componentSize[this.#component[cls]!]!;
      if (size < 2) continue;
      this.#levelOf.set(cls, this.#cost.push(0) - 1);
      this.#upper.push(size - 1);
    }
  }

  #addReadings(cls: number): void {
    const readers = new Map<number, number[]>();
    for (const column of this.#columnsOf(cls)) {
      for (const child of this.#childrenOf(this.#nodeOfColumn[column]!)) {
        const list = readers.get(child);
        if (list === undefined) readers.set(child, [column]);
        else list.push(column);
      }
    }
    for (const [child, columns] of readers) {
      const reads = columns.map((column) => [column, 1] as const);
      const offers = this.#columnsOf(child).map((column) => [column, -1] as const);
      this.#addRow([...reads, ...offers], Number.NEGATIVE_INFINITY, 0);
      if (this.#component[child] === this.#component[cls]) this.#addOrder(cls, child, columns);
    }
  }

  /** At most one of the columns is 1, so one row serves them all. */
  #addOrder(cls: number, child: number, columns: readonly number[]): void {
    const [above, below] = [this.#levelOf.get(cls), this.#levelOf.get(child)];
    if (above === undefined || below === undefined) return;
    const size = this.#componentSize[this.#component[cls]!]!;
    const chosen = columns.map((column) => [column, -size] as const);
    this.#addRow([[above, 1], [below, -1], ...chosen], 1 - size, Number.POSITIVE_INFINITY);
  }

  #addBudget(): void {
    const { nodes, budget } = this.#problem;
    if (budget === undefined || budget === Number.POSITIVE_INFINITY) return;
    if (!(budget >= 0)) throw new EGraphError("bad-problem", `the budget is ${budget}; it is at least 0`);
    const weights = this.#nodeOfColumn.map((node, column) => [column, nodes[node]!.weight ?? 0] as const);
    this.#addRow(weights.filter(([, weight]) => weight > 0), Number.NEGATIVE_INFINITY, budget);
  }

  #encode(choice: Int32Array): Float64Array {
    const x = new Float64Array(this.#cost.length);
    const ranked = new Set<number>();
    const path = [...this.#index.roots];
    for (let cls = path.at(-1); cls !== undefined; cls = path.at(-1)) {
      const node = choice[cls]!;
      const waiting = this.#childrenOf(node).filter((child) => !ranked.has(child));
      if (waiting.length > 0) {
        path.push(...waiting);
        continue;
      }
      x[this.#columnOf[node]!] = 1;
      ranked.add(cls);
      path.pop();
    }
    this.#setLevels(x, ranked);
    return x;
  }

  /** `ranked` has children before what reads them; levels count within a component. */
  #setLevels(x: Float64Array, ranked: ReadonlySet<number>): void {
    const next = new Map<number, number>();
    for (const cls of ranked) {
      const column = this.#levelOf.get(cls);
      if (column === undefined) continue;
      const component = this.#component[cls]!;
      x[column] = next.get(component) ?? 0;
      next.set(component, x[column] + 1);
    }
  }

  #decode(x: Float64Array): Int32Array {
    const choice = new Int32Array(this.#index.classCount).fill(-1);
    this.#nodeOfColumn.forEach((node, column) => {
      if (x[column]! > 0.5) choice[this.#index.classOf[node]!] = node;
    });
    return choice;
  }
}
