/**
 * Compiling a rule's premises, second half: from a plan to nested closures over registers.
 *
 * Each step becomes one closure that loops over its candidates and calls the next step's closure; the last
 * one accepts the match. A closure returns false to end the whole search (limit reached, out of time). Runs
 * on a clean graph only, where stored children are canonical and no ring holds a dead node.
 *
 * Hot loop: `tryNode`.
 */
import type { Core } from "../core.js";
import type { IntList } from "../int-list.js";
import type { LabelTest, Plan, Source, Step } from "./plan.js";

type Next = () => boolean;
type TryNode = (node: number) => boolean;
type NodeStep = Extract<Step, { kind: "node" }>;
type ParentSource = Extract<Source, { kind: "parents" }>;

export interface Matcher {
  readonly registers: Int32Array;
  /**
   * Runs `accept` for each match. Returns false if a callback ended the search early.
   * `tick` is asked now and then, also when nothing matches.
   */
  search(): boolean;
}

export interface MatchCallbacks {
  /** False ends the search. */
  accept(): boolean;
  /** False ends the search. */
  tick(): boolean;
}

/** What all steps of one rule share. */
interface Machine<D> {
  readonly core: Core<D>;
  readonly registers: Int32Array;
  /** Called for each candidate. */
  readonly tick: () => boolean;
}

const TICK_MASK = 1023;

export function buildMatcher<D>(core: Core<D>, plan: Plan, callbacks: MatchCallbacks): Matcher {
  const registers = new Int32Array(plan.registerCount);
  const filters: LabelFilter[] = [];
  let ticks = 0;
  const tick = (): boolean => (++ticks & TICK_MASK) !== 0 || callbacks.tick();
  const machine: Machine<D> = { core, registers, tick };
  let first: Next = () => callbacks.accept();
  for (const step of [...plan.steps].reverse()) {
    if (step.kind === "node") {
      const filter = filterOf(core, step.test);
      filters.push(filter);
      first = candidates(machine, step.source, filter, nodeTrial(machine, step, filter, first));
    } else if (step.kind === "every-class") {
      first = everyClass(machine, step.classRegister, first);
    } else {
      first = equalStep(registers, step.left, step.right, first);
    }
  }
  const search = (): boolean => {
    for (const filter of filters) filter.refresh();
    return fillGround(core, plan, registers) ? first() : true;
  };
  return { registers, search };
}

/** False if the graph lacks one of the plan's ground terms: then nothing matches. */
function fillGround<D>(core: Core<D>, plan: Plan, registers: Int32Array): boolean {
  for (const term of plan.ground) {
    const kids = Int32Array.from(term.children, (register) => registers[register]!);
    const node = core.nodes.lookup(term.label, kids, kids.length);
    if (node < 0) return false;
    registers[term.nodeRegister] = node;
    registers[term.classRegister] = core.classes.find(node);
  }
  return true;
}

/** Which labels a pattern node accepts; "any" patterns ask their test once for each label. */
interface LabelFilter {
  /** The one label, or -1 when `accepts` decides. */
  readonly exact: number;
  readonly state: { accepts: Uint8Array; readonly labels: number[] };
  refresh(): void;
}

function filterOf<D>(core: Core<D>, test: LabelTest): LabelFilter {
  const state = { accepts: new Uint8Array(0), labels: [] as number[] };
  if (test.kind === "exact") return { exact: test.label, state, refresh: () => undefined };
  const opId = core.labels.opId(test.op);
  let seen = 0;
  const refresh = (): void => {
    const all = core.labels.labelsOf(opId);
    if (state.accepts.length < core.labels.size) {
      const larger = new Uint8Array(core.labels.size * 2);
      larger.set(state.accepts);
      state.accepts = larger;
    }
    for (; seen < all.length; seen++) {
      const label = all[seen]!;
      if (test.test !== undefined && !test.test(core.labels.payload(label))) continue;
      state.accepts[label] = 1;
      state.labels.push(label);
    }
  };
  return { exact: -1, state, refresh };
}

/** Tests one e-node; if it fits, fills the registers and runs the rest of the plan. */
function nodeTrial<D>(machine: Machine<D>, step: NodeStep, filter: LabelFilter, next: Next): TryNode {
  const { core, registers, tick } = machine;
  const { nodes, classes, labels } = core;
  const { arity, nodeRegister, classRegister, childBase, sameKey } = step;
  const { exact, state } = filter;
  const setsClass = step.source.kind !== "members";
  const left = Int32Array.from(step.equal, ([register]) => register);
  const right = Int32Array.from(step.equal, ([, register]) => register);
  const sameKeyAs = (label: number): boolean =>
    sameKey.every((other) => labels.keyNumber(nodes.label[registers[other]!]!) === labels.keyNumber(label));
  return (node) => {
    if (!tick()) return false;
    const label = nodes.label[node]!;
    if (exact >= 0 ? label !== exact : state.accepts[label] !== 1) return true;
    const from = nodes.start[node]!;
    if (nodes.start[node + 1]! - from !== arity) return true;
    for (let k = 0; k < arity; k++) registers[childBase + k] = nodes.children[from + k]!;
    if (setsClass) registers[classRegister] = classes.find(node);
    for (let i = 0; i < left.length; i++) {
      if (registers[left[i]!] !== registers[right[i]!]) return true;
    }
    if (sameKey.length > 0 && !sameKeyAs(label)) return true;
    registers[nodeRegister] = node;
    return next();
  };
}

function candidates<D>(machine: Machine<D>, source: Source, filter: LabelFilter, tryNode: TryNode): Next {
  switch (source.kind) {
    case "all":
      return () => tryAll(machine.core, filter, tryNode);
    case "members":
      return members(machine, source.classRegister, tryNode);
    case "parents":
      return parents(machine, source, filter, tryNode);
  }
}

function tryAll<D>(core: Core<D>, filter: LabelFilter, tryNode: TryNode): boolean {
  const labels = filter.exact >= 0 ? [filter.exact] : filter.state.labels;
  for (const label of labels) {
    const list = core.nodes.byLabel[label];
    if (list !== undefined && !tryList(list, tryNode)) return false;
  }
  return true;
}

function tryList(list: IntList, tryNode: TryNode): boolean {
  const { data, length } = list;
  for (let i = 0; i < length; i++) {
    if (!tryNode(data[i]!)) return false;
  }
  return true;
}

function members<D>(machine: Machine<D>, classRegister: number, tryNode: TryNode): Next {
  const { registers } = machine;
  const { classes } = machine.core;
  return () => {
    const { ringNext } = classes;
    const head = classes.ringHead[registers[classRegister]!]!;
    let node = head;
    do {
      if (!tryNode(node)) return false;
      node = ringNext[node]!;
    } while (node !== head);
    return true;
  };
}

/** Walks the class's parents, or all nodes of the label if those are fewer. */
function parents<D>(machine: Machine<D>, source: ParentSource, filter: LabelFilter, tryNode: TryNode): Next {
  const { core, registers } = machine;
  const { classes, nodes } = core;
  const { childRegister, position } = source;
  return () => {
    const child = registers[childRegister]!;
    const rivals = filter.exact >= 0 ? (nodes.byLabel[filter.exact]?.length ?? 0) : Number.POSITIVE_INFINITY;
    if (rivals < classes.parentCount[child]!) return tryAll(core, filter, tryNode);
    const { parentNext, edgeNode } = classes;
    for (let edge = classes.parentHead[child]!; edge >= 0; edge = parentNext[edge]!) {
      const node = edgeNode[edge]!;
      if (edge - nodes.start[node]! !== position || nodes.dead[node] === 1) continue;
      if (!tryNode(node)) return false;
    }
    return true;
  };
}

function everyClass<D>(machine: Machine<D>, classRegister: number, next: Next): Next {
  const { registers, tick } = machine;
  const { classes, nodes } = machine.core;
  return () => {
    const { up } = classes;
    for (let id = 0; id < nodes.size; id++) {
      if (up[id] !== id) continue;
      registers[classRegister] = id;
      if (!tick() || !next()) return false;
    }
    return true;
  };
}

function equalStep(registers: Int32Array, left: number, right: number, next: Next): Next {
  return () => (registers[left] === registers[right] ? next() : true);
}
