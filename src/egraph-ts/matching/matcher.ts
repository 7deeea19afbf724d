/**
 * From plans to nested closures over registers: each step loops over its candidates and calls the next step's
 * closure; the last one accepts the match. A closure returns false to end the whole search (limit reached,
 * out of time). Runs on a clean graph only, where stored children are canonical.
 *
 * Closures are shared by all rules and stay compiled from run to run. Generating one function a plan was
 * tried and was slower: each is warmed up anew, and spends its few calls in loops that are replaced on the
 * stack.
 *
 * Hot loop: the function that `nodeTrial` gives, and the loops that call it. Guarded by `npm run
 * bench:egraph`.
 */
import type { ShapeJournal } from "../change-journal.js";
import type { Core } from "../core.js";
import type { IntList } from "../int-list.js";
import { type NodeStep, plansOf, type Step } from "./plan.js";
import type { Query } from "./query.js";
import { filterOf, type ShapeFilter } from "./shape-filter.js";

type Next = () => boolean;
type TryNode = (node: number) => boolean;

export interface MatchCallbacks {
  /** False ends the search. */
  accept(): boolean;
  /** False ends the search. */
  tick(): boolean;
}

/** What all steps of one rule share. */
export interface Machine<D> {
  readonly core: Core<D>;
  /** One more than the query has: the last takes what nobody reads. */
  readonly registers: Int32Array;
  /** Only nodes with a later stamp count as changed. */
  since: number;
  /** Nodes of this number or a larger one were made later than that. */
  sinceSize: number;
  /** Candidates met so far. */
  ticks: number;
  readonly callbacks: MatchCallbacks;
}

/** Whether the graph has the rule's ground terms, and whether one of them has changed. */
export type GroundState = "missing" | "changed" | "same";

/** How many candidates pass between two calls of `tick`. */
export const TICK_MASK = 1023;

export class Matcher<D> {
  readonly machine: Machine<D>;
  readonly #query: Query;
  readonly #filters: readonly ShapeFilter[];
  readonly #full: Next;
  readonly #changed: readonly Next[];

  constructor(core: Core<D>, query: Query, callbacks: MatchCallbacks) {
    const registers = new Int32Array(query.registerCount + 1);
    this.machine = { core, registers, since: 0, sinceSize: 0, ticks: 0, callbacks };
    this.#query = query;
    this.#filters = query.atoms.map((atom) => filterOf(core, atom));
    const plans = plansOf(query);
    this.#full = this.#compile(plans.full);
    this.#changed = plans.changed.map((steps) => this.#compile(steps));
  }

  /** To be called before a search: looks up ground terms and takes in new labels. */
  prepare(since: number, sinceSize: number): GroundState {
    this.machine.since = since;
    this.machine.sinceSize = sinceSize;
    for (const filter of this.#filters) filter.refresh();
    return this.#fillGround();
  }

  /** Calls `accept` for every match. */
  searchAll(): void {
    this.#full();
  }

  /** Calls `accept` for every match that holds something changed. */
  searchChanged(): void {
    for (let part = 0; part < this.#changed.length; part++) {
      if (this.#hasChanged(part) && !this.#changed[part]!()) return;
    }
  }

  #hasChanged(part: number): boolean {
    const { journal, nodes } = this.machine.core;
    const { since, sinceSize } = this.machine;
    const filter = this.#filters[part];
    if (filter === undefined) return true;
    for (const shape of filter.shapes) {
      const made = nodes.byShape[shape]?.nodes;
      if (made !== undefined && made.length > 0 && made.data[made.length - 1]! >= sinceSize) return true;
      const marks = journal.byShape[shape]?.marks;
      if (marks !== undefined && marks.length > 0 && marks.data[marks.length - 2]! > since) return true;
    }
    return false;
  }

  #fillGround(): GroundState {
    const { core, registers, since } = this.machine;
    const { nodes, classes, journal, subsumed } = core;
    let state: GroundState = "same";
    const filled = new Set<number>();
    for (const term of this.#query.ground) {
      const kids = Int32Array.from(term.children, (register) => registers[register]!);
      const node = nodes.find(term.shape, kids, kids.length);
      if (node < 0 || subsumed.has(node)) return "missing";
      const cls = classes.find(node);
      if (filled.has(term.cls) && registers[term.cls] !== cls) return "missing";
      filled.add(term.cls);
      registers[term.node] = node;
      registers[term.cls] = cls;
      if (journal.stamps[node]! > since) state = "changed";
    }
    return state;
  }

  #compile(steps: readonly Step[]): Next {
    const { machine } = this;
    let next: Next = () => machine.callbacks.accept();
    for (const step of [...steps].reverse()) {
      if (step.kind === "node") {
        const filter = this.#filters[this.#query.atoms.indexOf(step.atom)]!;
        next = candidates(machine, step, filter, nodeTrial(machine, step, filter, next));
      } else {
        const trial = classTrial(machine, step.register, step.old, next);
        next = step.source === "all" ? everyClass(machine, trial) : changedClasses(machine, trial);
      }
    }
    return next;
  }
}

function tick<D>(machine: Machine<D>): boolean {
  return (++machine.ticks & TICK_MASK) !== 0 || machine.callbacks.tick();
}

/** Tests one e-node of a fitting shape; if all agrees, fills the registers and runs the rest of the plan. */
function nodeTrial<D>(machine: Machine<D>, step: NodeStep, filter: ShapeFilter, next: Next): TryNode {
  const isPlain = filter.exact >= 0 && step.sameKey.length === 0 && step.cls !== "check";
  if (isPlain && step.binds.length <= 2 && step.checks.length <= 1) return plainTrial(machine, step, next);
  const { core, registers } = machine;
  const { nodes, classes, journal, subsumed } = core;
  const { binds, checks, old } = step;
  const { cls, node: nodeRegister } = step.atom;
  const agrees = classTest(machine, step);
  const sameKey = keyTest(machine, step);
  return (node) => {
    if (!tick(machine)) return false;
    const { cells } = nodes;
    const at = node << 2;
    if (old && journal.stamps[node]! > machine.since) return true;
    for (const { position, register } of binds) registers[register] = cells[at + 1 + position]!;
    for (const { position, register } of checks) {
      if (registers[register] !== cells[at + 1 + position]) return true;
    }
    if (step.cls === "bind") registers[cls] = classes.find(node);
    else if (agrees !== undefined && !agrees(node)) return true;
    if (sameKey !== undefined && !sameKey(cells[at]!)) return true;
    if (subsumed.size > 0 && subsumed.has(node)) return true;
    registers[nodeRegister] = node;
    return next();
  };
}

/** The common case, without loops: at most two children to bind, at most one to check. */
function plainTrial<D>(machine: Machine<D>, step: NodeStep, next: Next): TryNode {
  const { core, registers } = machine;
  const { nodes, classes, journal, subsumed } = core;
  const { old, binds, checks } = step;
  const { cls, node: nodeRegister } = step.atom;
  const unread = { position: 0, register: registers.length - 1 };
  const [first = unread, second = unread] = binds;
  const { position: firstAt, register: firstRegister } = first;
  const { position: secondAt, register: secondRegister } = second;
  const isChecked = checks.length > 0;
  const { position: checkAt, register: checkRegister } = checks[0] ?? unread;
  const bindsClass = step.cls === "bind";
  return (node) => {
    if ((++machine.ticks & TICK_MASK) === 0 && !machine.callbacks.tick()) return false;
    if (old && journal.stamps[node]! > machine.since) return true;
    const { cells } = nodes;
    const at = (node << 2) + 1;
    registers[firstRegister] = cells[at + firstAt]!;
    registers[secondRegister] = cells[at + secondAt]!;
    if (isChecked && registers[checkRegister] !== cells[at + checkAt]) return true;
    if (bindsClass) registers[cls] = classes.find(node);
    if (subsumed.size > 0 && subsumed.has(node)) return true;
    registers[nodeRegister] = node;
    return next();
  };
}

function classTest<D>({ core, registers }: Machine<D>, step: NodeStep): TryNode | undefined {
  if (step.cls !== "check") return undefined;
  const { cls } = step.atom;
  return (node) => core.classes.find(node) === registers[cls];
}

/** The test takes a shape. */
function keyTest<D>({ core, registers }: Machine<D>, step: NodeStep): TryNode | undefined {
  const other = step.sameKey[0];
  if (other === undefined) return undefined;
  const { labels, nodes } = core;
  const keyOf = (shape: number): number => labels.keyNumber(labels.labelOf(shape));
  return (shape) => keyOf(shape) === keyOf(nodes.shapeOf(registers[other]!));
}

function candidates<D>(machine: Machine<D>, step: NodeStep, filter: ShapeFilter, tryNode: TryNode): Next {
  const { source, atom } = step;
  switch (source.kind) {
    case "all":
      return () => tryAll(machine, filter, tryNode);
    case "changed":
      return () => tryChanged(machine, filter, tryNode);
    case "members":
      return members(machine, atom.cls, filter, tryNode);
    case "parents":
      return parents(machine, source, filter, tryNode);
    case "lookup":
      return lookup(machine, step, filter, tryNode);
  }
}

function tryAll<D>({ core }: Machine<D>, filter: ShapeFilter, tryNode: TryNode): boolean {
  for (const shape of filter.shapes) {
    const list = core.nodes.byShape[shape]?.nodes;
    if (list === undefined) continue;
    const { data, length } = list;
    const { cells } = core.nodes;
    for (let i = 0; i < length; i++) {
      const node = data[i]!;
      if (cells[node << 2] === shape && !tryNode(node)) return false;
    }
  }
  return true;
}

/** Old nodes that have changed, then new ones. */
function tryChanged<D>(machine: Machine<D>, filter: ShapeFilter, tryNode: TryNode): boolean {
  const { nodes, journal } = machine.core;
  const { cells } = nodes;
  for (const shape of filter.shapes) {
    const fits: TryNode = (node) => cells[node << 2] !== shape || tryNode(node);
    const listed = journal.byShape[shape];
    if (listed !== undefined && !tryListed(machine, listed, fits)) return false;
    const made = nodes.byShape[shape]?.nodes;
    if (made === undefined) continue;
    const { data, length } = made;
    for (let i = firstNotBelow(machine.sinceSize, made); i < length; i++) {
      const node = data[i]!;
      if (cells[node << 2] === shape && !tryNode(node)) return false;
    }
  }
  return true;
}

/** A node changed in several epochs is listed in each; it counts in its latest. */
function tryListed<D>(machine: Machine<D>, { nodes, marks }: ShapeJournal, tryNode: TryNode): boolean {
  const { since, sinceSize } = machine;
  const { stamps } = machine.core.journal;
  for (let mark = 0; mark < marks.length; mark += 2) {
    const epoch = marks.data[mark]!;
    if (epoch <= since) continue;
    const end = mark + 2 < marks.length ? marks.data[mark + 3]! : nodes.length;
    for (let i = marks.data[mark + 1]!; i < end; i++) {
      const node = nodes.data[i]!;
      if (stamps[node] === epoch && node < sinceSize && !tryNode(node)) return false;
    }
  }
  return true;
}

/** Index of the first entry of an ascending list that is at least `bound`. */
function firstNotBelow(bound: number, { data, length }: IntList): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (data[middle]! < bound) low = middle + 1;
    else high = middle;
  }
  return low;
}

function members<D>(machine: Machine<D>, cls: number, filter: ShapeFilter, tryNode: TryNode): Next {
  const { registers } = machine;
  const { classes, nodes } = machine.core;
  const { exact } = filter;
  return () => {
    const root = registers[cls]!;
    if ((classes.shapes[root]! & filter.mask) === 0) return true;
    const { links } = classes;
    const { cells } = nodes;
    let node = root;
    do {
      const shape = cells[node << 2]!;
      const fits = exact >= 0 ? shape === exact : filter.accepts[shape] === 1;
      if (fits && !tryNode(node)) return false;
      node = links[node << 2]!;
    } while (node !== root);
    return true;
  };
}

/** Walks the class's parents, or all nodes of the shape if those are fewer. */
function parents<D>(
  machine: Machine<D>,
  source: { readonly register: number; readonly position: number },
  filter: ShapeFilter,
  tryNode: TryNode,
): Next {
  const { core, registers } = machine;
  const { classes, nodes } = core;
  const { register, position } = source;
  const { exact } = filter;
  return () => {
    const child = registers[register]!;
    const rivals = exact >= 0 ? nodes.byShape[exact]?.nodes : undefined;
    if (exact >= 0 && rivals === undefined) return true;
    if (rivals !== undefined && rivals.length < classes.weight[child]!) {
      return tryReaders(core, rivals, { child, position }, tryNode);
    }
    const { links } = classes;
    const { cells } = nodes;
    const last = classes.lastParent[child]!;
    if (last < 0) return true;
    let edge = last;
    do {
      edge = links[edge]!;
      const node = classes.nodeOf(edge);
      if (edge - (node << 2) - 1 !== position) continue;
      const shape = cells[node << 2]!;
      const fits = exact >= 0 ? shape === exact : filter.accepts[shape] === 1;
      if (fits && !tryNode(node)) return false;
    } while (edge !== last);
    return true;
  };
}

/** Of live nodes in a list of one shape, those that read a class at a position. */
function tryReaders<D>(
  { nodes }: Core<D>,
  { data, length }: IntList,
  { child, position }: { readonly child: number; readonly position: number },
  tryNode: TryNode,
): boolean {
  const { cells } = nodes;
  for (let i = 0; i < length; i++) {
    const node = data[i]!;
    const at = node << 2;
    if (cells[at + 1 + position] === child && cells[at]! >= 0 && !tryNode(node)) return false;
  }
  return true;
}

function lookup<D>(machine: Machine<D>, step: NodeStep, filter: ShapeFilter, tryNode: TryNode): Next {
  const { core, registers } = machine;
  const { children } = step.atom;
  const kids = new Int32Array(children.length);
  return () => {
    children.forEach((register, k) => (kids[k] = registers[register]!));
    const node = core.nodes.find(filter.exact, kids, kids.length);
    return node < 0 || tryNode(node);
  };
}

function classTrial<D>(machine: Machine<D>, register: number, old: boolean, next: Next): TryNode {
  const { journal } = machine.core;
  return (cls) => {
    if (!tick(machine)) return false;
    if (old && journal.stamps[cls]! > machine.since) return true;
    machine.registers[register] = cls;
    return next();
  };
}

function everyClass<D>({ core }: Machine<D>, tryClass: TryNode): Next {
  return () => {
    const { up } = core.classes;
    for (let id = 0; id < core.nodes.size; id++) {
      if (up[id] === id && !tryClass(id)) return false;
    }
    return true;
  };
}

/** Classes whose root node has changed: all new ones are among them. */
function changedClasses<D>(machine: Machine<D>, tryClass: TryNode): Next {
  const { core } = machine;
  return () => {
    const { up } = core.classes;
    const ifRoot: TryNode = (id) => up[id] !== id || tryClass(id);
    for (const list of core.journal.byShape) {
      if (list !== undefined && !tryListed(machine, list, ifRoot)) return false;
    }
    for (let id = machine.sinceSize; id < core.nodes.size; id++) {
      if (!ifRoot(id)) return false;
    }
    return true;
  };
}
