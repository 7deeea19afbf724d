/**
 * Provenance in flat arrays: which rule application made a node, and why two classes are equal.
 *
 * An application is written only once it has changed something: the rule that is being applied announces each
 * match, and the first node or union that follows logs it. One record is [rule, iteration, matched e-nodes
 * .., classes of the variables .., built e-nodes ..].
 *
 * A union is logged with the ids it was asked for, not with the roots. Each union joins two trees of the
 * forest of all logged unions, so the path between two ids is unique, and when they became equal all of it
 * had been logged: proofs need no order beyond that of the log (`explain/prover.ts`).
 */
import { grown, IntList } from "./int-list.js";
import type { Application, ApplicationId, EClassId, ENodeId, Rule } from "./types.js";

/** What the log must know to read a record of a rule back. */
export interface RuleShape {
  readonly rule: Rule<never>;
  readonly name: string;
  readonly variables: readonly string[];
  /** How many e-nodes a match of the rule holds; all that its premises match, in a graph that keeps a log. */
  readonly nodeCount: number;
  /** How many e-nodes its conclusions build. */
  readonly builtCount: number;
}

/**
 * A match in the apply phase: its values lie at `data[base ..]`, classes first, e-nodes from `nodesAt`.
 * One object serves all matches of a rule in turn.
 */
export interface PendingMatch {
  readonly shape: RuleShape;
  readonly nodesAt: number;
  /** The e-nodes built so far: conclusion by conclusion, children before what reads them. */
  readonly built: Int32Array;
  iteration: number;
  data: Int32Array;
  base: number;
}

/** A record as the prover reads it. */
export interface ApplicationRecord {
  readonly shape: RuleShape;
  readonly matched: Int32Array;
  readonly classes: Int32Array;
  readonly built: Int32Array;
}

export interface LoggedUnion {
  readonly left: number;
  readonly right: number;
  /** An application, or GIVEN, CONGRUENCE or ANALYSIS. */
  readonly reason: number;
  /** Which conclusion of the rule asked for it. */
  readonly conclusion: number;
}

/** How much had been logged. */
export interface LogMark {
  readonly records: number;
  readonly starts: number;
  readonly unions: number;
}

export const GIVEN = -1;
export const CONGRUENCE = -2;
export const ANALYSIS = -3;

const HEADER = 2;
const UNION_SIZE = 4;

export class ApplicationLog {
  readonly #shapes: RuleShape[] = [];
  readonly #shapeIds = new Map<RuleShape, number>();
  /** The rule of the latest record: the matches of one come one after the other. */
  #latestShape = -1;
  readonly #records = new IntList(64);
  readonly #starts = new IntList(64);
  /** Quadruples: left, right, reason, conclusion. */
  readonly #unions = new IntList(64);
  /** Application that made each node, or GIVEN. Indexed by node. */
  #origins: Int32Array = new Int32Array(64);
  /** The children each node was made with, laid out as the cells of the nodes. */
  #births: Int32Array = new Int32Array(256);

  get unionCount(): number {
    return this.#unions.length / UNION_SIZE;
  }

  get bytes(): number {
    const lists = [this.#records, this.#starts, this.#unions].map(({ data }) => data.byteLength);
    return lists.reduce((sum, size) => sum + size, this.#origins.byteLength + this.#births.byteLength);
  }

  /** A point to come back to. */
  mark(): LogMark {
    return { records: this.#records.length, starts: this.#starts.length, unions: this.#unions.length };
  }

  backTo({ records, starts, unions }: LogMark): void {
    this.#records.length = records;
    this.#starts.length = starts;
    this.#unions.length = unions;
  }

  write(match: PendingMatch): ApplicationId {
    const id = this.#starts.length as ApplicationId;
    const { shape, data, base, nodesAt } = match;
    const records = this.#records;
    const variableCount = shape.variables.length;
    let at = records.length;
    this.#starts.push(at);
    const end = at + HEADER + shape.nodeCount + variableCount + shape.builtCount;
    records.reserve(end - at);
    const to = records.data;
    to[at++] = this.#shapeId(shape);
    to[at++] = match.iteration;
    for (let i = 0; i < shape.nodeCount; i++) to[at++] = data[base + nodesAt + i]!;
    for (let i = 0; i < variableCount; i++) to[at++] = data[base + i]!;
    while (at < end) to[at++] = -1;
    records.length = end;
    return id;
  }

  /** Adds what the application has built; to be called once it is over. */
  finish(application: number, { shape, built }: PendingMatch): void {
    const from = this.#starts.data[application]! + HEADER + shape.nodeCount + shape.variables.length;
    const { data } = this.#records;
    for (let i = 0; i < shape.builtCount; i++) data[from + i] = built[i]!;
  }

  #shapeId(shape: RuleShape): number {
    if (this.#shapes[this.#latestShape] === shape) return this.#latestShape;
    this.#latestShape = this.#knownShapeId(shape);
    return this.#latestShape;
  }

  #knownShapeId(shape: RuleShape): number {
    const known = this.#shapeIds.get(shape);
    if (known !== undefined) return known;
    const id = this.#shapes.length;
    this.#shapes.push(shape);
    this.#shapeIds.set(shape, id);
    return id;
  }

  noteNode(node: number, application: number, kids: Int32Array, arity: number): void {
    if (node >= this.#origins.length) this.#origins = grown(this.#origins, node + 1);
    this.#origins[node] = application;
    const at = (node << 2) + 1;
    if (at + arity > this.#births.length) this.#births = grown(this.#births, at + arity);
    for (let k = 0; k < arity; k++) this.#births[at + k] = kids[k]!;
  }

  /** The ids a node's children had when it was made; each is smaller than the node. */
  birthChildren(node: number, arity: number): Int32Array {
    const at = (node << 2) + 1;
    return this.#births.subarray(at, at + arity);
  }

  noteUnion(left: number, right: number, reason: number, conclusion: number): void {
    const unions = this.#unions;
    unions.reserve(UNION_SIZE);
    const at = unions.length;
    unions.length = at + UNION_SIZE;
    unions.data[at] = left;
    unions.data[at + 1] = right;
    unions.data[at + 2] = reason;
    unions.data[at + 3] = conclusion;
  }

  origin(node: number): Application | undefined {
    const application = node < this.#origins.length ? this.#origins[node]! : GIVEN;
    return application < 0 ? undefined : this.read(application);
  }

  /** The union numbered `index`. */
  union(index: number): LoggedUnion {
    const at = index * UNION_SIZE;
    const data = this.#unions.data;
    return { left: data[at]!, right: data[at + 1]!, reason: data[at + 2]!, conclusion: data[at + 3]! };
  }

  record(application: number): ApplicationRecord & { readonly iteration: number } {
    const from = this.#starts.data[application]!;
    const data = this.#records.data;
    const shape = this.#shapes[data[from]!]!;
    const classesFrom = from + HEADER + shape.nodeCount;
    const builtFrom = classesFrom + shape.variables.length;
    return {
      shape,
      iteration: data[from + 1]!,
      matched: data.slice(from + HEADER, classesFrom),
      classes: data.slice(classesFrom, builtFrom),
      built: data.slice(builtFrom, builtFrom + shape.builtCount),
    };
  }

  read(application: number): Application {
    const { shape, iteration, matched, classes } = this.record(application);
    return {
      rule: shape.name,
      matched: Array.from(matched, (node) => node as ENodeId),
      substitution: substitutionOf(shape, classes, 0),
      iteration,
    };
  }
}

export function substitutionOf(shape: RuleShape, data: Int32Array, from: number): Record<string, EClassId> {
  return Object.fromEntries(shape.variables.map((name, i) => [name, data[from + i]! as EClassId]));
}
