/**
 * A row of this target's kernel table: an op with its types, meaning and work, and how a use of it becomes
 * CUDA. The emitter knows nothing of single kernels; all that it prints comes from `instance`.
 */

import type { KernelRow } from "../../src/codegen/index.js";
import type { Attrs, ValueType } from "../../src/ir/index.js";

/** One operand or result as the emitter passes it to an instance. */
export interface CudaArgument {
  /** A C++ expression: a typed pointer to its first element, in the device's memory. */
  readonly text: string;
  readonly type: ValueType;
}

/** Dimensions at run time as C++ expressions: `s->T`. */
export type DimText = (dim: number | string) => string;

/** One specialised kernel. */
export interface KernelInstance {
  /** Source file in `kernels/`. */
  readonly file: string;
  /** The launcher. Another set of parameters that asks for the same name gets a number behind it. */
  readonly name: string;
  /** Parameters of the source file, in its order, without NAME. */
  readonly defines: readonly (readonly [name: string, value: string])[];
  /** What it computes, with shapes; a comment. */
  readonly comment: string;
  /** Arguments after the step. */
  readonly call: (operands: readonly CudaArgument[], result: CudaArgument, dim: DimText) => readonly string[];
}

export interface CudaKernelRow extends KernelRow {
  /** Absent for kernels that are evaluated when weights are packed. */
  readonly instance?: (operands: readonly ValueType[], attrs: Attrs, result: ValueType) => KernelInstance;
}
