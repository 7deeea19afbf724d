/**
 * The mutable heart of an e-graph: the tables, the analysis data, and the three operations that change them.
 *
 * Add and union are cheap and leave congruence to `rebuild`, which repairs the parents of every class that
 * has lost its id since the last one (deferred rebuilding, Willsey et al., "egg", POPL 2021). Analysis data
 * is merged at the union; what follows from it for parents waits for the rebuild.
 *
 * This class is the engine's inside: it speaks plain integers and trusts its caller. `EGraph` is the face.
 */
import { type ApplicationLog, CONGRUENCE, GIVEN, type PendingMatch, substitutionOf } from "./application-log.js";
import { ClassTable } from "./class-table.js";
import type { EGraph } from "./egraph.js";
import { EGraphError } from "./errors.js";
import { IntList } from "./int-list.js";
import { LabelTable } from "./label-table.js";
import { NodeTable } from "./node-table.js";
import type { Analysis, Application, EClassId, ENodeId } from "./types.js";

export class Core<D> {
  readonly labels = new LabelTable();
  readonly nodes = new NodeTable();
  readonly classes = new ClassTable();
  readonly analysis: Analysis<D> | undefined;
  readonly log: ApplicationLog | undefined;
  /** Analysis data, indexed by canonical class. Empty without an analysis. */
  readonly data: (D | undefined)[] = [];
  /** The match that is being applied, the author of whatever changes now; absent outside the apply phase. */
  author: PendingMatch | undefined;

  readonly #graph: EGraph<D>;
  /** The author's record in the log, once written. */
  #authorId = GIVEN;
  /** Parents to repair: triples of first edge, last edge, and the application that caused it. */
  readonly #repairs = new IntList(64);
  #repairsDone = 0;
  /** Parents whose data must be made anew: same triples. */
  readonly #remakes = new IntList(16);
  #remakesDone = 0;
  /** What congruences found now are due to. */
  #cause = GIVEN;
  #rebuilding = false;
  /** Nodes that died in this rebuild and are still in rings and label lists. */
  readonly #buried = new IntList(16);
  #scratch: Int32Array = new Int32Array(16);

  constructor(graph: EGraph<D>, analysis: Analysis<D> | undefined, log: ApplicationLog | undefined) {
    this.#graph = graph;
    this.analysis = analysis;
    this.log = log;
  }

  get isClean(): boolean {
    return this.#repairsDone === this.#repairs.length && this.#remakesDone === this.#remakes.length;
  }

  setAuthor(match: PendingMatch | undefined): void {
    this.author = match;
    this.#authorId = GIVEN;
  }

  #reason(): number {
    if (this.author === undefined || this.log === undefined) return this.#cause;
    if (this.#authorId === GIVEN) this.#authorId = this.log.write(this.author);
    return this.#authorId;
  }

  /** The node of this content, made if need be. `kids` is canonicalised in place. */
  add(label: number, kids: Int32Array, arity: number): number {
    const { classes, nodes } = this;
    for (let k = 0; k < arity; k++) kids[k] = classes.find(kids[k]!);
    const known = nodes.lookup(label, kids, arity);
    if (known >= 0) return known;
    const node = nodes.append(label, kids, arity);
    classes.open(node);
    const from = nodes.start[node]!;
    for (let k = 0; k < arity; k++) classes.link(from + k, node, nodes.children[from + k]!);
    this.log?.noteNode(this.#reason());
    if (this.analysis !== undefined) {
      this.data[node] = this.analysis.make(this.#graph, node as ENodeId);
      this.analysis.modify?.(this.#graph, node as EClassId);
    }
    return node;
  }

  /** Whether the two were different classes. Throws, having changed nothing, if the analysis refuses. */
  union(a: number, b: number): boolean {
    return this.#unite(a, b, undefined);
  }

  #unite(a: number, b: number, forced: typeof CONGRUENCE | undefined): boolean {
    const { classes } = this;
    const left = classes.find(a);
    const right = classes.find(b);
    if (left === right) return false;
    const heavier = classes.parentCount[left]! - classes.parentCount[right]! || right - left;
    const root = heavier >= 0 ? left : right;
    const loser = root === left ? right : left;
    if (this.analysis !== undefined) this.#mergeData(this.analysis, root, loser, forced !== undefined);
    const cause = this.#reason();
    this.log?.noteUnion(a, b, forced ?? cause);
    push3(this.#repairs, classes.parentHead[loser]!, classes.parentTail[loser]!, cause);
    classes.join(root, loser);
    this.analysis?.modify?.(this.#graph, root as EClassId);
    return true;
  }

  #mergeData(analysis: Analysis<D>, root: number, loser: number, byCongruence: boolean): void {
    const merged = analysis.merge(this.data[root] as D, this.data[loser] as D);
    if ("conflict" in merged) throw this.#conflict(root, loser, merged.conflict, byCongruence);
    this.data[root] = merged.data;
    this.data[loser] = undefined;
    if (merged.changedA) this.#queueRemake(root);
    if (merged.changedB) this.#queueRemake(loser);
  }

  #queueRemake(cls: number): void {
    const { parentHead, parentTail } = this.classes;
    push3(this.#remakes, parentHead[cls]!, parentTail[cls]!, this.#reason());
  }

  #conflict(left: number, right: number, conflict: string, byCongruence: boolean): EGraphError {
    const culprit = this.#culprit();
    const by = culprit === undefined ? "a given union" : `rule "${culprit.rule}"`;
    const how = byCongruence ? `, by congruence after ${by}` : `, by ${by}`;
    const message = `classes ${left} and ${right} cannot be united${how}: ${conflict}`;
    return new EGraphError("analysis-conflict", message, {
      left: left as EClassId,
      right: right as EClassId,
      conflict,
      rule: culprit?.rule,
      substitution: culprit?.substitution,
      byCongruence,
    });
  }

  #culprit(): Pick<Application, "rule" | "substitution"> | undefined {
    if (this.author !== undefined) {
      const { shape, data, base } = this.author;
      return { rule: shape.name, substitution: substitutionOf(shape, data, base) };
    }
    return this.#cause >= 0 ? this.log?.read(this.#cause) : undefined;
  }

  /**
   * Restores congruence and analysis invariants; returns how many classes were united on the way. After a
   * conflict the graph stays dirty, and the next rebuild meets the same conflict.
   */
  rebuild(): number {
    if (this.#rebuilding) throw new EGraphError("dirty-graph", "rebuild was called from within a rebuild");
    const before = this.classes.unionCount;
    const author = this.author;
    this.setAuthor(undefined);
    this.#rebuilding = true;
    try {
      while (!this.isClean) {
        while (this.#repairsDone < this.#repairs.length) this.#runNext(this.#repairs);
        if (this.#remakesDone < this.#remakes.length) this.#runNext(this.#remakes);
      }
      this.#repairsDone = this.#remakesDone = 0;
      this.#repairs.clear();
      this.#remakes.clear();
    } finally {
      this.#rebuilding = false;
      this.#cause = GIVEN;
      this.author = author;
      this.#purge();
    }
    return this.classes.unionCount - before;
  }

  /** A task counts as done only after it has gone through, so that a conflict is met again. */
  #runNext(queue: IntList): void {
    const repairing = queue === this.#repairs;
    const at = repairing ? this.#repairsDone : this.#remakesDone;
    const last = queue.data[at + 1]!;
    this.#cause = queue.data[at + 2]!;
    for (let edge = queue.data[at]!; edge >= 0; edge = this.classes.parentNext[edge]!) {
      const node = this.classes.edgeNode[edge]!;
      if (this.nodes.dead[node] === 0) {
        if (repairing) this.#repair(node);
        else this.#remake(node);
      }
      if (edge === last) break;
    }
    if (repairing) this.#repairsDone += 3;
    else this.#remakesDone += 3;
  }

  /**
   * Makes a node's stored children canonical; if another node has that content already, the two become one.
   */
  #repair(node: number): void {
    const { nodes } = this;
    const arity = nodes.arity(node);
    const kids = this.#scratchFor(arity);
    if (!this.#canonicalChildren(node, arity, kids)) return;
    const twin = nodes.lookup(nodes.label[node]!, kids, arity);
    if (twin < 0) {
      nodes.moveTo(node, kids);
      return;
    }
    this.#unite(node, twin, CONGRUENCE);
    const younger = Math.max(node, twin);
    if (younger === twin) nodes.replace(twin, node);
    else nodes.kill(node);
    this.#buried.push(younger);
  }

  /** Whether any child differs from what is stored. */
  #canonicalChildren(node: number, arity: number, kids: Int32Array): boolean {
    const { nodes, classes } = this;
    const from = nodes.start[node]!;
    let stale = false;
    for (let k = 0; k < arity; k++) {
      const stored = nodes.children[from + k]!;
      const root = classes.find(stored);
      kids[k] = root;
      if (root !== stored) stale = true;
    }
    return stale;
  }

  #remake(node: number): void {
    const analysis = this.analysis;
    if (analysis === undefined) return;
    const cls = this.classes.find(node);
    const made = analysis.make(this.#graph, node as ENodeId);
    const merged = analysis.merge(this.data[cls] as D, made);
    if ("conflict" in merged) throw this.#conflict(cls, node, merged.conflict, true);
    if (!merged.changedA) return;
    this.data[cls] = merged.data;
    this.#queueRemake(cls);
    analysis.modify?.(this.#graph, cls as EClassId);
  }

  #scratchFor(arity: number): Int32Array {
    if (arity > this.#scratch.length) this.#scratch = new Int32Array(arity * 2);
    return this.#scratch;
  }

  /** Takes the dead out of rings and label lists. */
  #purge(): void {
    const { nodes, classes } = this;
    const labels = new Set<number>();
    const roots = new Set<number>();
    for (let i = 0; i < this.#buried.length; i++) {
      const node = this.#buried.data[i]!;
      labels.add(nodes.label[node]!);
      roots.add(classes.find(node));
    }
    for (const root of roots) classes.purgeRing(root, nodes.dead);
    nodes.purgeLabels(labels);
    this.#buried.clear();
  }
}

function push3(list: IntList, first: number, second: number, third: number): void {
  list.reserve(3);
  list.data[list.length++] = first;
  list.data[list.length++] = second;
  list.data[list.length++] = third;
}
