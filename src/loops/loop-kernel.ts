/**
 * From a use of an op to its loop kernel: the buffers that operands and result become, and the record's body.
 * Buffers are named as operands are; a cache and a quantized matrix are two or more:
 *
 *     cache    cache_keys, cache_values   [layers, P, blockSize, heads, headDim], and what else
 *              `cacheParts` says
 *     q        q_codes [K, N] of i8, q_scales [K / group, N], and what else `quantizedParts` says
 *
 * An op that returns a cache updates the buffers of the one that it was given and has no buffer `result`.
 */

import { InvariantError, invariant } from "../base/index.js";
import type { Attrs, LoopBuffer, LoopKernel, OpRecord, ValueType } from "../ir/index.js";
import { cacheParts, operandName, quantizedParts } from "../ir/index.js";

/** Whether every use of the op has a loop kernel: constants are evaluated when weights are packed instead. */
export function hasLoopForm(record: OpRecord): boolean {
  return record.lower !== undefined;
}

export function loopKernel(
  record: OpRecord,
  operands: readonly ValueType[],
  attrs: Attrs,
  result: ValueType,
): LoopKernel {
  invariant(record.lower !== undefined, `the op ${record.name} has a loop form`);
  return {
    name: record.name,
    buffers: kernelBuffers(record, operands, result),
    body: record.lower({ operands, attrs, result }),
  };
}

/** The buffers of a kernel, operands first. */
export function kernelBuffers(
  record: OpRecord,
  operands: readonly ValueType[],
  result: ValueType,
): readonly LoopBuffer[] {
  const updates = result.kind === "kv_cache";
  const read = operands.flatMap((type, i) =>
    valueBuffers(operandName(record, i), type, updates && type.kind === "kv_cache" ? "update" : "read"),
  );
  return updates ? read : [...read, ...valueBuffers("result", result, "write")];
}

/** The buffers that one value is made of. */
export function valueBuffers(
  name: string,
  type: ValueType,
  access: LoopBuffer["access"],
): readonly LoopBuffer[] {
  switch (type.kind) {
    case "tensor":
      return [{ name, dtype: type.dtype, shape: type.shape, access }];
    case "kv_cache":
      return cacheParts(type).map((part) => ({ ...part, name: `${name}_${part.name}`, access }));
    case "quantized":
      return quantizedParts(type).map((part) => ({ ...part, name: `${name}_${part.name}`, access }));
    case "packed":
      throw new InvariantError(`a packed constant (${type.format}) has no loop form`);
  }
}
