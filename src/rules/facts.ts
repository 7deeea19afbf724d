/**
 * What the e-graph knows of each class of equal values: its type, and whether it depends on weights alone.
 * Never a value: an approximate form beside an exact one must not be able to poison folding.
 */

import type { Analysis, MergeResult } from "../egraph-ts/index.js";
import type { Attrs, OpRecord, Registry, ValueType } from "../ir/index.js";
import { attrsKey, hasTrait, inferType, printType, sameType } from "../ir/index.js";

/** What a label carries beside the op's name. `type` is the written type of a `typed` op. */
export interface NodePayload {
  readonly attrs: Attrs;
  readonly type?: ValueType;
}

export interface Facts {
  readonly type: ValueType;
  /** Some form of the class can be computed when weights are packed. */
  readonly constant: boolean;
}

/** Equal payloads give equal keys. */
export function payloadKey({ attrs, type }: NodePayload): string {
  return attrsKey(attrs) + (type === undefined ? "" : `|${printType(type)}`);
}

/** The facts of an op over operands with known facts; throws `IllTyped` when they do not fit. */
export function applyFacts(
  record: OpRecord,
  operands: readonly Facts[],
  { attrs, type }: NodePayload,
): Facts {
  const types = operands.map((each) => each.type);
  return { type: inferType(record, types, attrs, type), constant: isConstant(record, operands) };
}

function isConstant(record: OpRecord, operands: readonly Facts[]): boolean {
  if (hasTrait(record, "constant")) return true;
  return hasTrait(record, "pure") && operands.length > 0 && operands.every((each) => each.constant);
}

/**
 * Facts for `EGraph`. `make` throws `IllTyped` for a node that was added ill-typed, which is the caller's
 * bug: compiled rules infer before they build. Classes of different types refuse to become one.
 */
export function llmAnalysis(registry: Registry): Analysis<Facts> {
  return {
    make(graph, node) {
      const label = graph.nodeLabel(node);
      const operands = graph.nodeChildren(node).map((child) => graph.data(child));
      const payload = graph.labelPayload(label) as NodePayload | undefined;
      return applyFacts(registry.require(graph.labelOp(label)), operands, payload ?? { attrs: {} });
    },
    merge: mergeFacts,
  };
}

function mergeFacts(a: Facts, b: Facts): MergeResult<Facts> {
  if (!sameType(a.type, b.type)) {
    return { conflict: `${printType(a.type)} and ${printType(b.type)} cannot be equal` };
  }
  const constant = a.constant || b.constant;
  return {
    data: { type: a.type, constant },
    changedA: a.constant !== constant,
    changedB: b.constant !== constant,
  };
}
