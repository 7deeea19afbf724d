/**
 * The mutable heart of an e-graph: the tables, the analysis data, and the three operations that change them.
 *
 * Add and union are cheap and leave congruence to `rebuild`, which repairs the parents of every class that
 * has lost its id since the last one (deferred rebuilding, Willsey et al., "egg", POPL 2021). Analysis data
 * is merged at the union; what follows from it for parents waits for the rebuild.
 *
 * This class is the engine's inside: it speaks plain integers and trusts its caller. `EGraph` is the face.
 */
import {
  ANALYSIS,
  type ApplicationLog,
  CONGRUENCE,
  GIVEN,
  type PendingMatch,
  substitutionOf,
} from "./application-log.js";
import { ChangeJournal } from "./change-journal.js";
import { ClassTable } from "./class-table.js";
import type { EGraph } from "./egraph.js";
import { EGraphError } from "./errors.js";
import { IntList } from "./int-list.js";
import { LabelTable } from "./label-table.js";
import { NodeTable, slotsFor } from "./node-table.js";
import type { Analysis, Application, EClassId, ENodeId } from "./types.js";

export class Core<D> {
  readonly labels = new LabelTable();
  readonly nodes = new NodeTable();
  readonly classes = new ClassTable();
  readonly journal = new ChangeJournal();
  readonly analysis: Analysis<D> | undefined;
  readonly log: ApplicationLog | undefined;
  /** Analysis data, indexed by canonical class. Empty without an analysis. */
  readonly data: (D | undefined)[] = [];
  /** The match that is being applied, the author of whatever changes now; absent outside the apply phase. */
  author: PendingMatch | undefined;
  /** E-nodes that rules and extraction pass over; any number of them may have died since. */
  readonly subsumed = new Set<number>();

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
  /** Calls of the analysis's `modify` that have not returned. */
  #modifying = 0;
  /** Nodes that died in this rebuild and are still in rings. */
  readonly #buried = new IntList(16);
  #scratch: Int32Array = new Int32Array(16);
  readonly #kids = new Int32Array(2);

  constructor(graph: EGraph<D>, analysis: Analysis<D> | undefined, log: ApplicationLog | undefined) {
    this.#graph = graph;
    this.analysis = analysis;
    this.log = log;
  }

  get isClean(): boolean {
    return this.#repairsDone === this.#repairs.length && this.#remakesDone === this.#remakes.length;
  }

  /** What the tables take, without analysis data and payloads. */
  get bytes(): number {
    return this.nodes.bytes + this.classes.bytes + this.journal.bytes + (this.log?.bytes ?? 0);
  }

  /** Makes room for so many slots at once, which is cheaper than to grow step by step. */
  reserve(slots: number): void {
    const size = this.nodes.size + slots;
    this.nodes.reserve(size);
    this.classes.reserve(size);
    this.journal.reserve(size);
  }

  /** The author of the changes to come. */
  setAuthor(match: PendingMatch | undefined): void {
    if (this.#authorId >= 0 && this.author !== undefined) this.log?.finish(this.#authorId, this.author);
    this.author = match;
    this.#authorId = GIVEN;
  }

  #reason(): number {
    if (this.author === undefined || this.log === undefined) return this.#cause;
    if (this.#authorId === GIVEN) this.#authorId = this.log.write(this.author);
    return this.#authorId;
  }

  /** The node of this content, made if need be. `kids` is canonicalised in place. */
  add(shape: number, kids: Int32Array, arity: number): number {
    const { classes } = this;
    for (let k = 0; k < arity; k++) kids[k] = classes.find(kids[k]!);
    const known = this.nodes.find(shape, kids, arity);
    return known >= 0 ? known : this.#make(shape, kids, arity);
  }

  /** As `add`, for one child. */
  add1(shape: number, a: number): number {
    const kid = this.classes.find(a);
    const known = this.nodes.find1(shape, kid);
    if (known >= 0) return known;
    this.#kids[0] = kid;
    return this.#make(shape, this.#kids, 1);
  }

  /** As `add`, for two children. */
  add2(shape: number, a: number, b: number): number {
    const { classes } = this;
    const first = classes.find(a);
    const second = classes.find(b);
    const known = this.nodes.find2(shape, first, second);
    if (known >= 0) return known;
    this.#kids[0] = first;
    this.#kids[1] = second;
    return this.#make(shape, this.#kids, 2);
  }

  #make(shape: number, kids: Int32Array, arity: number): number {
    const { classes } = this;
    const node = this.nodes.append(shape, kids, arity);
    classes.open(node, shape, slotsFor(arity));
    const edge = (node << 2) + 1;
    for (let k = 0; k < arity; k++) classes.link(edge + k, kids[k]!);
    this.journal.open(node);
    this.log?.noteNode(node, this.#reason(), kids, arity);
    if (this.analysis !== undefined) {
      this.data[node] = this.analysis.make(this.#graph, node as ENodeId);
      this.#modify(this.analysis, node);
    }
    return node;
  }

  #modify(analysis: Analysis<D>, cls: number): void {
    if (analysis.modify === undefined) return;
    this.#modifying++;
    try {
      analysis.modify(this.#graph, cls as EClassId);
    } finally {
      this.#modifying--;
    }
  }

  /**
   * Whether the two were different classes. Throws, having changed nothing, if the analysis refuses.
   * `conclusion` tells which conclusion of the author's rule asks for it.
   */
  union(a: number, b: number, conclusion = 0): boolean {
    return this.#unite(a, b, this.#modifying > 0 ? ANALYSIS : undefined, conclusion);
  }

  #unite(a: number, b: number, forced: number | undefined, conclusion: number): boolean {
    const { classes } = this;
    const left = classes.find(a);
    const right = classes.find(b);
    if (left === right) return false;
    const heavier = classes.weight[left]! - classes.weight[right]! || right - left;
    const root = heavier >= 0 ? left : right;
    const loser = root === left ? right : left;
    if (this.analysis !== undefined) this.#mergeData(this.analysis, root, loser, forced === CONGRUENCE);
    const cause = this.#reason();
    this.log?.noteUnion(a, b, forced ?? cause, conclusion);
    const last = classes.lastParent[loser]!;
    if (last >= 0) push3(this.#repairs, classes.links[last]!, last, cause);
    if (this.journal.active) this.#noteMembers(loser);
    classes.join(root, loser);
    if (this.analysis !== undefined) this.#modify(this.analysis, root);
    return true;
  }

  #noteMembers(cls: number): void {
    const { nodes, journal } = this;
    const { links } = this.classes;
    let node = cls;
    do {
      journal.note(node, nodes.shapeOf(node));
      node = links[node << 2]!;
    } while (node !== cls);
  }

  #mergeData(analysis: Analysis<D>, root: number, loser: number, byCongruence: boolean): void {
    const merged = analysis.merge(this.data[root] as D, this.data[loser] as D);
    if ("conflict" in merged) throw this.#conflict(root, loser, merged.conflict, byCongruence);
    this.data[root] = merged.data;
    this.data[loser] = undefined;
    if (merged.changedA) this.#dataChanged(root);
    if (merged.changedB) this.#queueRemake(loser);
  }

  /** Rules may read the data of any class they match: whoever holds or reads this one counts as changed. */
  #dataChanged(cls: number): void {
    this.#queueRemake(cls);
    if (!this.journal.active) return;
    this.#noteMembers(cls);
    const { classes, nodes, journal } = this;
    const last = classes.lastParent[cls]!;
    if (last < 0) return;
    let edge = last;
    do {
      edge = classes.links[edge]!;
      const node = classes.nodeOf(edge);
      journal.note(node, nodes.shapeOf(node));
    } while (edge !== last);
  }

  #queueRemake(cls: number): void {
    const last = this.classes.lastParent[cls]!;
    if (last >= 0) push3(this.#remakes, this.classes.links[last]!, last, this.#reason());
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

  /** Drops what waits for a rebuild: the tables are about to be put back to a clean state. */
  forgetPending(): void {
    this.#repairsDone = this.#remakesDone = 0;
    this.#repairs.clear();
    this.#remakes.clear();
    this.#buried.clear();
  }

  /** A task counts as done only after it has gone through, so that a conflict is met again. */
  #runNext(queue: IntList): void {
    const repairing = queue === this.#repairs;
    const at = repairing ? this.#repairsDone : this.#remakesDone;
    const last = queue.data[at + 1]!;
    this.#cause = queue.data[at + 2]!;
    for (let edge = queue.data[at]!; ; edge = this.classes.links[edge]!) {
      const node = this.classes.nodeOf(edge);
      if (!this.nodes.isDead(node)) {
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
    const { nodes, labels } = this;
    const shape = nodes.cells[node << 2]!;
    const arity = labels.arityOf(shape);
    const kids = this.#scratchFor(arity);
    if (!this.#canonicalChildren(node, arity, kids)) return;
    this.journal.note(node, shape);
    const twin = nodes.find(shape, kids, arity);
    if (twin < 0) {
      nodes.moveTo(node, kids, arity);
      return;
    }
    this.#unite(node, twin, CONGRUENCE, 0);
    const younger = Math.max(node, twin);
    this.journal.note(younger, shape);
    nodes.kill(younger);
    this.#buried.push(younger);
    if (younger === twin) nodes.moveTo(node, kids, arity);
    if (this.subsumed.size > 0) this.#mergeSubsumed(node, twin);
  }

  /** Of two e-nodes that become one, either may have been subsumed: then so is what remains. */
  #mergeSubsumed(node: number, twin: number): void {
    if (!this.subsumed.has(node) && !this.subsumed.has(twin)) return;
    this.subsumed.add(node);
    this.subsumed.add(twin);
  }

  /** Whether any child differs from what is stored. */
  #canonicalChildren(node: number, arity: number, kids: Int32Array): boolean {
    const { nodes, classes } = this;
    const from = (node << 2) + 1;
    let stale = false;
    for (let k = 0; k < arity; k++) {
      const stored = nodes.cells[from + k]!;
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
    this.#dataChanged(cls);
    this.#modify(analysis, cls);
  }

  #scratchFor(arity: number): Int32Array {
    if (arity > this.#scratch.length) this.#scratch = new Int32Array(arity * 2);
    return this.#scratch;
  }

  /** Takes the dead out of rings, and out of the lists of their shapes where they are many. */
  #purge(): void {
    const { nodes, classes } = this;
    if (this.#buried.length === 0) return;
    for (let i = 0; i < this.#buried.length; i++) {
      const node = this.#buried.data[i]!;
      if (classes.isInRing(node)) classes.purgeRing(classes.find(node), nodes.cells);
    }
    nodes.purge();
    this.#buried.clear();
  }
}

function push3(list: IntList, first: number, second: number, third: number): void {
  list.reserve(3);
  list.data[list.length++] = first;
  list.data[list.length++] = second;
  list.data[list.length++] = third;
}
