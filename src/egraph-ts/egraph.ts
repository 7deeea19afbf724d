/**
 * The e-graph: a set of terms, closed under sharing, together with equalities between them, closed under
 * congruence.
 *
 * Take terms in with `label` and `add`, equalities with `union`, and call `rebuild` before reading: between a
 * union and the next rebuild, counts and class members may be out of date. Same calls, same ids.
 */
import { ANALYSIS, ApplicationLog, CONGRUENCE, GIVEN } from "./application-log.js";
import { type Checkpoint, takeCheckpoint } from "./checkpoint.js";
import { Core } from "./core.js";
import { EGraphError } from "./errors.js";
import type { Proof } from "./explain/proof.js";
import { proveEqual } from "./explain/prover.js";
import type { Analysis, Application, EClassId, ENodeId, Equality, LabelId, Reason } from "./types.js";

export interface EGraphOptions<D> {
  readonly analysis?: Analysis<D>;
  /** Keep which application made each node and each equality. Default true; costs memory and some speed. */
  readonly explanations?: boolean;
}

let coreOfGraph: <D>(graph: EGraph<D>) => Core<D>;

/** Invariant: after `rebuild`, no two e-nodes have the same label and the same canonical children. */
export class EGraph<D = undefined> {
  readonly #core: Core<D>;
  readonly #checkpoints: Checkpoint[] = [];

  static {
    coreOfGraph = (graph) => graph.#core;
  }

  constructor(options: EGraphOptions<D> = {}) {
    const log = options.explanations === false ? undefined : new ApplicationLog();
    this.#core = new Core<D>(this, options.analysis, log);
  }

  /** An operator with one payload. Without a payload the key is empty. */
  label(op: string, payload?: unknown, key = ""): LabelId {
    return this.#core.labels.intern(op, payload, key);
  }

  labelOp(label: LabelId): string {
    return this.#core.labels.opName(label);
  }

  labelPayload(label: LabelId): unknown {
    return this.#core.labels.payload(label);
  }

  labelKey(label: LabelId): string {
    return this.#core.labels.key(label);
  }

  /** The class of this node, which is made unless the graph has it. */
  add(label: LabelId, children: readonly EClassId[] = []): EClassId {
    const kids = this.#kids(children);
    const shape = this.#core.labels.shape(label, kids.length);
    return this.#core.classes.find(this.#core.add(shape, kids, kids.length)) as EClassId;
  }

  /** The class of this node, if the graph has it. Exact on a rebuilt graph. */
  lookup(label: LabelId, children: readonly EClassId[] = []): EClassId | undefined {
    const kids = this.#kids(children).map((child) => this.#core.classes.find(child));
    const node = this.#core.nodes.find(this.#core.labels.shape(label, kids.length), kids, kids.length);
    return node < 0 ? undefined : (this.#core.classes.find(node) as EClassId);
  }

  #kids(children: readonly EClassId[]): Int32Array {
    for (const child of children) this.#check(child);
    return Int32Array.from(children);
  }

  /**
   * Whether the two were different classes. Their data is merged at once, congruence waits for `rebuild`.
   * Throws `analysis-conflict`, having changed nothing, if the analysis refuses.
   */
  union(a: EClassId, b: EClassId): boolean {
    this.#check(a);
    this.#check(b);
    return this.#core.union(a, b);
  }

  /** The canonical id of a class. */
  find(id: EClassId): EClassId {
    this.#check(id);
    return this.#core.classes.find(id) as EClassId;
  }

  /** Restores all invariants; returns how many further unions congruence and the analysis brought. */
  rebuild(): number {
    return this.#core.rebuild();
  }

  /** Whether a rebuild would find nothing to do. */
  get isClean(): boolean {
    return this.#core.isClean;
  }

  /** Different e-nodes; an upper bound before `rebuild`. */
  get nodeCount(): number {
    return this.#core.nodes.made - this.#core.nodes.deadCount;
  }

  /** Exact on a rebuilt graph. */
  get classCount(): number {
    return this.#core.nodes.made - this.#core.classes.unionCount;
  }

  /** Canonical ids, ascending. The graph must not change meanwhile. */
  *classes(): IterableIterator<EClassId> {
    const { nodes, classes } = this.#core;
    for (let id = 0; id < nodes.size; id++) {
      if (classes.up[id] === id) yield id as EClassId;
    }
  }

  /** The e-nodes of a class, oldest first. */
  nodesOf(cls: EClassId): readonly ENodeId[] {
    const { nodes, classes } = this.#core;
    const members: ENodeId[] = [];
    const root = this.find(cls);
    let node: number = root;
    do {
      if (!nodes.isDead(node)) members.push(node as ENodeId);
      node = classes.links[node << 2]!;
    } while (node !== root);
    return members.sort((a, b) => a - b);
  }

  /** Also of an e-node that a congruent one has replaced. */
  nodeLabel(node: ENodeId): LabelId {
    this.#check(node);
    return this.#core.labels.labelOf(this.#core.nodes.shapeOf(node));
  }

  nodeArity(node: ENodeId): number {
    this.#check(node);
    return this.#core.labels.arityOf(this.#core.nodes.shapeOf(node));
  }

  /** Canonical classes. */
  nodeChildren(node: ENodeId): EClassId[] {
    const { nodes, classes } = this.#core;
    const from = (node << 2) + 1;
    const stored = nodes.cells.subarray(from, from + this.nodeArity(node));
    return Array.from(stored, (child) => classes.find(child) as EClassId);
  }

  /**
   * The ids that its children had when it was made: those of the term it stands for in explanations.
   * Canonical classes when explanations were not kept.
   */
  termChildren(node: ENodeId): EClassId[] {
    this.#check(node);
    const born = this.#core.log?.birthChildren(node, this.nodeArity(node));
    return born === undefined ? this.nodeChildren(node) : Array.from(born, (child) => child as EClassId);
  }

  nodeClass(node: ENodeId): EClassId {
    this.#check(node);
    return this.#core.classes.find(node) as EClassId;
  }

  /** The e-node itself, or the one that has replaced it by congruence. Exact on a rebuilt graph. */
  canonicalNode(node: ENodeId): ENodeId {
    const kids = Int32Array.from(this.nodeChildren(node));
    const found = this.#core.nodes.find(this.#core.nodes.shapeOf(node), kids, kids.length);
    return found < 0 ? node : (found as ENodeId);
  }

  /** The analysis data of a class; undefined without an analysis. */
  data(cls: EClassId): D {
    return this.#core.data[this.find(cls)] as D;
  }

  /**
   * Takes an e-node out of matching and extraction; whether it was in. It stays a member of its class, keeps
   * its part in congruence, and adding its term again finds it without reviving it. When congruence makes two
   * e-nodes one, the one is subsumed if either was. There is no way back but `pop`.
   */
  subsume(node: ENodeId): boolean {
    const target = this.canonicalNode(node);
    if (this.#core.subsumed.has(target)) return false;
    this.#core.subsumed.add(target);
    return true;
  }

  isSubsumed(node: ENodeId): boolean {
    return this.#core.subsumed.size > 0 && this.#core.subsumed.has(this.canonicalNode(node));
  }

  /** Remembers the graph as it is, for `pop`. It must be rebuilt. Costs as much memory as the graph. */
  push(): void {
    if (!this.isClean) throw new EGraphError("dirty-graph", "push needs a rebuilt graph");
    this.#checkpoints.push(takeCheckpoint(this.#core));
  }

  /** Goes back to the latest `push` that has not been gone back to. Ids given out since are void. */
  pop(): void {
    const restore = this.#checkpoints.pop();
    if (restore === undefined) throw new EGraphError("no-checkpoint", "pop without a push");
    this.#core.forgetPending();
    restore();
  }

  /** The rule application that made this e-node; undefined for one added by the caller. */
  origin(node: ENodeId): Application | undefined {
    this.#check(node);
    return this.#core.log?.origin(node);
  }

  /** Every union so far, oldest first. Empty when explanations are off. */
  *equalities(): IterableIterator<Equality> {
    const log = this.#core.log;
    if (log === undefined) return;
    for (let i = 0; i < log.unionCount; i++) {
      const { left, right, reason } = log.union(i);
      yield { left: left as EClassId, right: right as EClassId, reason: reasonOf(log, reason) };
    }
  }

  /**
   * Why two ids are of one class: a flat list of steps, for `checkProof` to replay. The terms at its ends are
   * those of the e-nodes of these numbers. Throws `not-equal`, or `no-explanations` if they were not kept.
   * Linear in the number of unions so far. Steps on which a condition or an analysis decided rest on those.
   */
  explain(a: EClassId | ENodeId, b: EClassId | ENodeId): Proof {
    this.#check(a);
    this.#check(b);
    return proveEqual(this.#core, a, b);
  }

  #check(id: number): void {
    if (!(id >= 0 && id < this.#core.nodes.size && Number.isInteger(id) && this.#core.classes.up[id]! >= 0)) {
      throw new EGraphError("unknown-id", `this graph has no class or e-node ${id}`);
    }
  }
}

function reasonOf(log: ApplicationLog, reason: number): Reason {
  switch (reason) {
    case CONGRUENCE:
      return "congruence";
    case GIVEN:
      return "given";
    case ANALYSIS:
      return "analysis";
    default:
      return log.read(reason);
  }
}

/** The inside of a graph, for the other modules of this folder only. */
export function coreOf<D>(graph: EGraph<D>): Core<D> {
  return coreOfGraph(graph);
}
