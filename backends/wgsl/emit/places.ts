/**
 * Where a value lies when a kernel runs. Everything that a step makes lies in one arena, which a kernel
 * sees as a whole, since WebGPU lets no two bindings of a dispatch overlap; so do the arrays of a batch.
 * Where an operand begins there is a pipeline constant, so that one module serves every call. Weights are
 * bound by themselves; of the cache a kernel sees the layer that it runs for.
 */

import { assertNever, invariant } from "../../../src/base/index.js";
import { dtypeBytes, partOffset, quantizedParts } from "../../../src/ir/index.js";
import type { PlannedValue, ProgramPlan } from "../../../src/plan/index.js";
import type { KernelAccess } from "../kernel-row.js";
import { LIMITS } from "../limits.js";
import type { BatchArrayRecord } from "../program.js";

export type Place =
  /** A buffer that many values share; keys, values and output begin at 0. */
  | { readonly kind: "shared"; readonly buffer: SharedBuffer; readonly offsetWords: number }
  /** `firstElement`: where a part of a quantized matrix begins behind those before it. */
  | { readonly kind: "weight"; readonly index: number; readonly firstElement: number }
  /** The number of the layer, in the uniform. */
  | { readonly kind: "layer" };

export type SharedBuffer = "arena" | "output" | "batch" | "keys" | "values";

export function placeOf(value: PlannedValue, { part }: Pick<KernelAccess, "part">, plan: ProgramPlan): Place {
  const { storage, type } = value;
  switch (storage.kind) {
    case "arena":
      return { kind: "shared", buffer: "arena", offsetWords: storage.offsetBytes / 4 };
    case "input": {
      const array = batchArrays(plan).find(({ name }) => name === storage.name);
      invariant(array !== undefined, `the batch has an array ${storage.name}`);
      return { kind: "shared", buffer: "batch", offsetWords: array.offsetBytes / 4 };
    }
    case "output":
      return { kind: "shared", buffer: "output", offsetWords: 0 };
    case "cache":
      return { kind: "shared", buffer: part === 0 ? "keys" : "values", offsetWords: 0 };
    case "weight": {
      const elements = type.kind === "quantized" ? quantizedParts(type)[part] : undefined;
      const firstElement =
        type.kind === "quantized" && elements !== undefined ? partOffset(type, part) / dtypeBytes(elements.dtype) : 0;
      return { kind: "weight", index: storage.index, firstElement };
    }
    case "layer":
      return { kind: "layer" };
    default:
      return assertNever(storage);
  }
}

/** The arrays of a batch at capacity, in the order of the step's parameters. */
export function batchArrays({ dims, capacity }: ProgramPlan): readonly BatchArrayRecord[] {
  const arrays: readonly (readonly [name: string, count: BatchArrayRecord["count"]])[] = [
    ["tokens", ["T"]],
    ["positions", ["T"]],
    ["sequences", ["T"]],
    ["rows", ["R"]],
    ["block_table", ["S", capacity.blocksPerSequence]],
    ["context_sequences", ["C"]],
    ["context_positions", ["C"]],
  ];
  let offsetBytes = 0;
  return arrays.map(([name, count]) => {
    const array = { name, offsetBytes, count };
    const elements = count.reduce<number>((product, factor) => product * factorValue(factor, dims), 1);
    offsetBytes += alignUp(4 * elements);
    return array;
  });
}

/** Bytes of all arrays of a batch at capacity. */
export function batchBytes(plan: ProgramPlan): number {
  const last = batchArrays(plan).at(-1);
  invariant(last !== undefined, "a batch has arrays");
  return last.offsetBytes + alignUp(4 * (plan.dims["C"] ?? 0));
}

function factorValue(factor: number | string, dims: ProgramPlan["dims"]): number {
  const value = typeof factor === "number" ? factor : dims[factor];
  invariant(value !== undefined, `the plan has a dimension ${factor}`);
  return value;
}

function alignUp(bytes: number): number {
  return Math.ceil(bytes / LIMITS.offsetAlignment) * LIMITS.offsetAlignment;
}
