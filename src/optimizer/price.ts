/**
 * Prices one e-node of an extraction: which kernel it is, and what a call costs at given extents.
 */

import type { HardwareDescription, KernelPrice } from "../cost/index.js";
import { priceKernel } from "../cost/index.js";
import type { KernelFamily } from "../cost/index.js";
import type { Attrs, DimEnv, OpRecord, Registry, ValueType } from "../ir/index.js";
import { concreteType, hasTrait, typeBytes } from "../ir/index.js";

/** Prefix of kernels that are printed from an op's loop form. */
export const LOOPS_PREFIX = "loops.";

export function isLoopKernel(op: string): boolean {
  return op.startsWith(LOOPS_PREFIX);
}

/** What the target offers, as the optimizer needs it. */
export interface TargetKernels {
  readonly name: string;
  /** The core ops, the target's kernels, and `loops.<op>` for every op with a loop form. */
  readonly registry: Registry;
  /** The family of a kernel; undefined for an op that is not a kernel. */
  familyOf(op: string): KernelFamily | undefined;
  /** Why a kernel cannot take these operands, or undefined. */
  refuses(op: string, operands: readonly ValueType[], attrs: Attrs): string | undefined;
}

export interface Use {
  readonly op: string;
  readonly attrs: Attrs;
  readonly operands: readonly ValueType[];
  readonly constant: readonly boolean[];
  readonly result: ValueType;
}

/** True for an op that costs nothing because it only renames the shape of a contiguous value. */
export function isView(record: OpRecord): boolean {
  return hasTrait(record, "view");
}

export interface Pricing {
  readonly target: TargetKernels;
  readonly hardware: HardwareDescription;
  /** Bytes of all weights, which decides the level they are read from. */
  readonly residentBytes: number;
}

/** The price of a use, or undefined when the op is no kernel of the target or refuses its operands. */
export function priceUse(pricing: Pricing, use: Use, dims: DimEnv): KernelPrice | undefined {
  const family = pricing.target.familyOf(use.op);
  if (family === undefined || pricing.target.refuses(use.op, use.operands, use.attrs) !== undefined)
    return undefined;
  const operands = use.operands.map((type) => concreteType(type, dims));
  const result = concreteType(use.result, dims);
  const work = pricing.target.registry.require(use.op).work(operands, use.attrs, result);
  const sizes = operands.map((type) => typeBytes(type));
  const weightBytes = sumWhere(sizes, use.constant, true);
  const readBytes = work.bytesRead ?? weightBytes + sumWhere(sizes, use.constant, false);
  const fromWeights = Math.min(weightBytes, readBytes);
  const writtenBytes = work.bytesWritten ?? typeBytes(result);
  const activationBytes = readBytes - fromWeights + writtenBytes;
  return priceKernel(
    pricing.hardware,
    { family, flops: work.flops, weightBytes: fromWeights, activationBytes },
    pricing.residentBytes,
  );
}

function sumWhere(sizes: readonly number[], constant: readonly boolean[], wanted: boolean): number {
  return sizes.reduce((sum, size, i) => (constant[i] === wanted ? sum + size : sum), 0);
}
