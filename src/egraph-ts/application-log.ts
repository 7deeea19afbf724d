/**
 * Provenance in flat arrays: which rule application made a node, and why two classes are equal.
 *
 * An application is written only once it has changed something: the rule that is being applied announces each
 * match, and the first node or union that follows logs it. One record is [rule, iteration, matched e-nodes
 * .., classes of the variables ..].
 */
import { IntList } from "./int-list.js";
import type { Application, ApplicationId, EClassId, ENodeId } from "./types.js";

/** What the log must know to read a record of a rule back. */
export interface RuleShape {
  readonly name: string;
  readonly variables: readonly string[];
  /** How many e-nodes a match of the rule holds; all that its premises match, in a graph that keeps a log. */
  readonly nodeCount: number;
}

/**
 * A match in the apply phase: its values lie at `data[base ..]`, classes first, e-nodes from `nodesAt`.
 * One object serves all matches of a rule in turn.
 */
export interface PendingMatch {
  readonly shape: RuleShape;
  readonly nodesAt: number;
  iteration: number;
  data: Int32Array;
  base: number;
}

export const GIVEN = -1;
export const CONGRUENCE = -2;

const HEADER = 2;

export class ApplicationLog {
  readonly #shapes: RuleShape[] = [];
  readonly #shapeIds = new Map<RuleShape, number>();
  readonly #records = new IntList(64);
  readonly #starts = new IntList(64);
  /** Triples: left, right, application or GIVEN or CONGRUENCE. */
  readonly #unions = new IntList(64);
  /** Application that made each node, or GIVEN. */
  readonly #origins = new IntList(64);

  get unionCount(): number {
    return this.#unions.length / 3;
  }

  write(match: PendingMatch): ApplicationId {
    const id = this.#starts.length as ApplicationId;
    const { shape, data, base, nodesAt } = match;
    this.#starts.push(this.#records.length);
    this.#records.push(this.#shapeId(shape));
    this.#records.push(match.iteration);
    for (let i = 0; i < shape.nodeCount; i++) this.#records.push(data[base + nodesAt + i]!);
    for (let i = 0; i < shape.variables.length; i++) this.#records.push(data[base + i]!);
    return id;
  }

  #shapeId(shape: RuleShape): number {
    const known = this.#shapeIds.get(shape);
    if (known !== undefined) return known;
    const id = this.#shapes.length;
    this.#shapes.push(shape);
    this.#shapeIds.set(shape, id);
    return id;
  }

  noteNode(application: number): void {
    this.#origins.push(application);
  }

  noteUnion(left: number, right: number, reason: number): void {
    this.#unions.push(left);
    this.#unions.push(right);
    this.#unions.push(reason);
  }

  origin(node: number): Application | undefined {
    const application = node < this.#origins.length ? this.#origins.data[node]! : GIVEN;
    return application < 0 ? undefined : this.read(application);
  }

  /** Left class, right class and reason of the union numbered `index`. */
  union(index: number): readonly [number, number, number] {
    const at = index * 3;
    const data = this.#unions.data;
    return [data[at]!, data[at + 1]!, data[at + 2]!];
  }

  read(application: number): Application {
    const from = this.#starts.data[application]!;
    const data = this.#records.data;
    const shape = this.#shapes[data[from]!]!;
    const nodesFrom = from + HEADER;
    const classesFrom = nodesFrom + shape.nodeCount;
    return {
      rule: shape.name,
      matched: Array.from(data.subarray(nodesFrom, classesFrom), (node) => node as ENodeId),
      substitution: substitutionOf(shape, data, classesFrom),
      iteration: data[from + 1]!,
    };
  }
}

export function substitutionOf(shape: RuleShape, data: Int32Array, from: number): Record<string, EClassId> {
  return Object.fromEntries(shape.variables.map((name, i) => [name, data[from + i]! as EClassId]));
}
