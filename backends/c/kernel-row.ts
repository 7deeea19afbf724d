/**
 * A row of this target's kernel table: an op with its types, meaning and work, and how a use of it becomes
 * C. The emitter knows nothing of single kernels; all that it prints comes from `instance`.
 */

import type { CFamilyRow, CKernelInstance } from "../../src/codegen/index.js";

export type { CArgument, DimText } from "../../src/codegen/index.js";

/** One specialised kernel: `call` gives the arguments after the worker. */
export interface KernelInstance extends CKernelInstance {
  /** Floats of scratch memory that a thread needs. */
  readonly scratchFloats: number;
  /** Bytes of memory that all threads share, at first 0; a kernel leaves its counters there at 0. */
  readonly sharedBytes?: number;
}

export type CKernelRow = CFamilyRow<KernelInstance>;

/** The largest width of a vector register in floats: scratch rows are rounded up to it. */
export const MOST_LANES = 16;
