/**
 * How a match is stored between search and apply: classes of the variables first, then e-nodes.
 */
import type { Query } from "./query.js";

export interface RecordLayout {
  readonly ruleName: string;
  readonly variables: readonly string[];
  readonly stride: number;
  /** Offset of the first e-node. */
  readonly nodesAt: number;
  readonly nodeCount: number;
  /** Which register each entry of the record is copied from. */
  readonly sources: Int32Array;
  /** Class variable to offset. */
  readonly classAt: ReadonlyMap<string, number>;
  /** Payload name to the offset of the e-node that carries it. */
  readonly payloadAt: ReadonlyMap<string, number>;
  /** Offsets of what the match hangs on: its e-nodes, and classes that no e-node stands for. */
  readonly partsAt: readonly number[];
}

/** Without `keepNodes`, only the e-nodes that carry a named payload are stored, and `partsAt` is empty. */
export function layoutOf(ruleName: string, query: Query, keepNodes: boolean): RecordLayout {
  const nodeRegisters = keepNodes ? query.nodeRegisters : [...new Set(query.payloads.values())];
  const variables = [...query.variables.keys()];
  const nodesAt = variables.length;
  const sources = Int32Array.from([...query.variables.values(), ...nodeRegisters]);
  const payloadAt = new Map<string, number>();
  for (const [name, register] of query.payloads) {
    payloadAt.set(name, nodesAt + nodeRegisters.indexOf(register));
  }
  const atomNodes = query.atoms.map(({ node }) => nodesAt + nodeRegisters.indexOf(node));
  const freeClasses = query.free.map((register) => sources.indexOf(register));
  return {
    ruleName,
    variables,
    stride: sources.length,
    nodesAt,
    nodeCount: nodeRegisters.length,
    sources,
    classAt: new Map(variables.map((name, i) => [name, i])),
    payloadAt,
    partsAt: keepNodes ? [...atomNodes, ...freeClasses] : [],
  };
}
