/**
 * How a match is stored between search and apply: classes of the variables first, then the matched e-nodes.
 */
import type { RuleShape } from "../application-log.js";
import type { Plan } from "./plan.js";

export interface RecordLayout {
  readonly shape: RuleShape;
  readonly stride: number;
  /** Offset of the first e-node. */
  readonly nodesAt: number;
  /** Which register each entry of the record is copied from. */
  readonly sources: Int32Array;
  /** Class variable to offset. */
  readonly classAt: ReadonlyMap<string, number>;
  /** Payload name to the offset of the e-node that carries it. */
  readonly payloadAt: ReadonlyMap<string, number>;
}

/** Without `keepNodes`, only the e-nodes that carry a named payload are stored. */
export function layoutOf(ruleName: string, plan: Plan, keepNodes: boolean): RecordLayout {
  const nodeRegisters = keepNodes ? plan.nodeRegisters : [...plan.payloads.values()];
  const variables = [...plan.variables.keys()];
  const nodesAt = variables.length;
  const sources = Int32Array.from([...plan.variables.values(), ...nodeRegisters]);
  const payloadAt = new Map<string, number>();
  for (const [name, register] of plan.payloads) {
    payloadAt.set(name, nodesAt + nodeRegisters.indexOf(register));
  }
  return {
    shape: { name: ruleName, variables, nodeCount: nodeRegisters.length },
    stride: sources.length,
    nodesAt,
    sources,
    classAt: new Map(variables.map((name, i) => [name, i])),
    payloadAt,
  };
}
