/**
 * The e-graph: a set of terms, closed under sharing, together with equalities between them, closed under
 * congruence.
 *
 * Take terms in with `label` and `add`, equalities with `union`, and call `rebuild` before reading: between a
 * union and the next rebuild, counts and class members may be out of date. Same calls, same ids.
 */
import { ApplicationLog, CONGRUENCE, GIVEN } from "./application-log.js";
import { Core } from "./core.js";
import { EGraphError } from "./errors.js";
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
    return this.#core.classes.find(this.#core.add(label, kids, kids.length)) as EClassId;
  }

  /** The class of this node, if the graph has it. Exact on a rebuilt graph. */
  lookup(label: LabelId, children: readonly EClassId[] = []): EClassId | undefined {
    const kids = this.#kids(children).map((child) => this.#core.classes.find(child));
    const node = this.#core.nodes.lookup(label, kids, kids.length);
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
    return this.#core.nodes.size - this.#core.nodes.deadCount;
  }

  /** Exact on a rebuilt graph. */
  get classCount(): number {
    return this.#core.nodes.size - this.#core.classes.unionCount;
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
    const head = classes.ringHead[this.find(cls)]!;
    let node = head;
    do {
      if (nodes.dead[node] === 0) members.push(node as ENodeId);
      node = classes.ringNext[node]!;
    } while (node !== head);
    return members.sort((a, b) => a - b);
  }

  /** Also of an e-node that a congruent one has replaced. */
  nodeLabel(node: ENodeId): LabelId {
    this.#check(node);
    return this.#core.nodes.label[node]! as LabelId;
  }

  nodeArity(node: ENodeId): number {
    this.#check(node);
    return this.#core.nodes.arity(node);
  }

  /** Canonical classes. */
  nodeChildren(node: ENodeId): EClassId[] {
    this.#check(node);
    const { nodes, classes } = this.#core;
    const stored = nodes.children.subarray(nodes.start[node], nodes.start[node + 1]);
    return Array.from(stored, (child) => classes.find(child) as EClassId);
  }

  nodeClass(node: ENodeId): EClassId {
    this.#check(node);
    return this.#core.classes.find(node) as EClassId;
  }

  /** The e-node itself, or the one that has replaced it by congruence. Exact on a rebuilt graph. */
  canonicalNode(node: ENodeId): ENodeId {
    const kids = Int32Array.from(this.nodeChildren(node));
    const found = this.#core.nodes.lookup(this.nodeLabel(node), kids, kids.length);
    return found < 0 ? node : (found as ENodeId);
  }

  /** The analysis data of a class; undefined without an analysis. */
  data(cls: EClassId): D {
    return this.#core.data[this.find(cls)] as D;
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
      const [left, right, why] = log.union(i);
      let reason: Reason;
      if (why === CONGRUENCE) reason = "congruence";
      else reason = why === GIVEN ? "given" : log.read(why);
      yield { left: left as EClassId, right: right as EClassId, reason };
    }
  }

  #check(id: number): void {
    if (!(id >= 0 && id < this.#core.nodes.size && Number.isInteger(id))) {
      throw new EGraphError("unknown-id", `this graph has no class or e-node ${id}`);
    }
  }
}

/** The inside of a graph, for the other modules of this folder only. */
export function coreOf<D>(graph: EGraph<D>): Core<D> {
  return coreOfGraph(graph);
}
