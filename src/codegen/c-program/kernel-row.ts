/**
 * A row of a kernel table whose kernels are functions of C or C++: how a use of the kernel becomes a
 * specialised source file and a call. Emitters know nothing of single kernels; all they print is here.
 */

import type { Attrs, ValueType } from "../../ir/index.js";
import type { KernelRow } from "../backend.js";

/** One operand or result as the emitter passes it to an instance. */
export interface CArgument {
  /** An expression: a typed pointer to its first element, where the kernel finds it. */
  readonly text: string;
  /** The element itself, for a scalar; undefined where the calling code cannot read it. */
  readonly scalar: string | undefined;
  readonly type: ValueType;
}

/** Dimensions at run time as expressions: `s->T`. */
export type DimText = (dim: number | string) => string;

/** One specialised kernel. Instances of one name are printed once. */
export interface CKernelInstance {
  /** Source file in the target's `kernels/`. */
  readonly file: string;
  /** The function. Another set of parameters that asks for the same name gets a number behind it. */
  readonly name: string;
  /** Parameters of the source file, in its order, without NAME. */
  readonly defines: readonly (readonly [name: string, value: string])[];
  /** What it computes, with shapes; a comment. */
  readonly comment: string;
  /** Arguments after what runs it: the worker or the step. */
  readonly call: (operands: readonly CArgument[], result: CArgument, dim: DimText) => readonly string[];
}

/** `Instance`: what a target wants to know of its instances besides. */
export interface CFamilyRow<Instance extends CKernelInstance = CKernelInstance> extends KernelRow {
  /** Absent for kernels that are evaluated when weights are packed. */
  readonly instance?: (operands: readonly ValueType[], attrs: Attrs, result: ValueType) => Instance;
}
