/**
 * A row of this target's kernel table: an op with its types, meaning and work, and how a use of it becomes
 * WGSL. The emitter knows nothing of single kernels; all that it prints comes from `instances`.
 */

import type { KernelRow } from "../../src/codegen/index.js";
import type { Attrs, Dim, DType, ValueType } from "../../src/ir/index.js";

/** What devices may have besides: rules ask for it as a compile option of that name. */
export const wgslFeatures = ["subgroups", "packed_4x8_integer_dot_product"] as const;
export type WgslFeature = (typeof wgslFeatures)[number];

/** How a module says that it uses a feature. */
export const featureDirectives: Readonly<Record<WgslFeature, string>> = {
  subgroups: "enable subgroups;",
  packed_4x8_integer_dot_product: "requires packed_4x8_integer_dot_product;",
};

/** A constant that stands before a kernel's source. */
export interface KernelConstant {
  readonly name: string;
  readonly type: "i32" | "f32" | "bool";
  /** A literal. */
  readonly value: string;
}

/** What a kernel reads or writes through `read_<name>` and `write_<name>`. */
export interface KernelAccess {
  readonly name: string;
  /** The operand's position, or the result. */
  readonly value: number | "result";
  /** Keys or values of a cache; of a quantized matrix, which of `quantizedParts`. */
  readonly part: number;
  /** How elements are stored; `vector`: 16 bytes of a packed matrix, as four words. */
  readonly element: DType | "vector";
  readonly reads: boolean;
  readonly writes: boolean;
}

/** How many workgroups one axis of a dispatch has: the product of the factors, divided and rounded up. */
export interface GroupCount {
  readonly factors: readonly Dim[];
  readonly per: number;
}

/** One specialised kernel. Instances of one name with operands in the same kinds of places are one module. */
export interface KernelInstance {
  /** An identifier: unique for each set of parameters. */
  readonly name: string;
  /** What it computes, with shapes. */
  readonly comment: string;
  readonly constants: readonly KernelConstant[];
  /** What `row_count()` is in a step: a product. */
  readonly rows: readonly Dim[];
  /** Source files in `numbers/` and `kernels/`, in order. */
  readonly files: readonly string[];
  readonly accesses: readonly KernelAccess[];
  readonly groups: readonly GroupCount[];
  /** Taken for at most this many rows; absent: for any number. */
  readonly upToRows?: number;
  /** Optional features of WebGPU that its source uses. */
  readonly needs?: readonly WgslFeature[];
  /** The constant operand that may be bound in parts. */
  readonly split?: KernelSplit;
}

/** A constant of equal units, one after the other, of which a dispatch can see a few. */
export interface KernelSplit {
  readonly operand: number;
  readonly units: number;
  readonly unitBytes: number;
  /**
   * The pipeline constant that names the first unit of a part, and the one for their number if there is one.
   */
  readonly first: string;
  readonly count?: string;
  /** Whether the first axis of the dispatch counts units. */
  readonly dispatchesUnits: boolean;
}

export interface WgslKernelRow extends KernelRow {
  /**
   * Absent for kernels that are evaluated when weights are packed. Several: the first that takes the rows.
   */
  readonly instances?: (
    operands: readonly ValueType[],
    attrs: Attrs,
    result: ValueType,
  ) => readonly KernelInstance[];
}

/** An access that only reads a whole operand. */
export function reads(name: string, value: number, element: KernelAccess["element"]): KernelAccess {
  return { name, value, part: 0, element, reads: true, writes: false };
}

export function writesResult(): KernelAccess {
  return { name: "result", value: "result", part: 0, element: "f32", reads: false, writes: true };
}

export function integer(name: string, value: number): KernelConstant {
  return { name, type: "i32", value: String(value) };
}
