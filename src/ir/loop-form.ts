/**
 * The loop form: buffers, loops and scalar expressions, small and closed. Every op's record lowers to
 * it, so that every op runs on every target before anyone tunes it. The types and their builders are
 * here because op records state them; printing and checking live in `src/loops`.
 */

import type { Dim, DType } from "./types.js";

export type UnaryOperator =
  | "neg"
  | "abs"
  | "not"
  | "exp"
  | "exp2"
  | "log"
  | "sqrt"
  | "sin"
  | "cos"
  | "tanh"
  | "erf"
  | "round"
  | "floor";
export type BinaryOperator =
  | "add"
  | "sub"
  | "mul"
  | "div"
  | "pow"
  | "max"
  | "min"
  /** On indices: floor division and remainder of numbers that are not negative. */
  | "quotient"
  | "remainder"
  | "eq"
  | "ne"
  | "lt"
  | "le"
  | "gt"
  | "ge"
  | "and"
  | "or";

export type Scalar =
  | { readonly kind: "number"; readonly value: number; readonly dtype: DType }
  /** The value of an enclosing loop's variable. */
  | { readonly kind: "index"; readonly name: string }
  /** The extent of a dimension. */
  | { readonly kind: "extent"; readonly dim: Dim }
  | { readonly kind: "load"; readonly buffer: string; readonly indices: readonly Scalar[] }
  /** The current value of a local declared by `let`. */
  | { readonly kind: "local"; readonly name: string }
  | { readonly kind: "unary"; readonly operator: UnaryOperator; readonly operand: Scalar }
  | {
      readonly kind: "binary";
      readonly operator: BinaryOperator;
      readonly left: Scalar;
      readonly right: Scalar;
    }
  | { readonly kind: "select"; readonly condition: Scalar; readonly then: Scalar; readonly otherwise: Scalar }
  | { readonly kind: "cast"; readonly dtype: DType; readonly operand: Scalar };

/**
 * `parallel`: iterations touch disjoint elements and may run at once, in any order. `vector`: the same for a
 * few iterations of straight-line code, which a target unrolls. `workgroup`: iterations are lanes that run
 * together, share on-chip memory and wait for each other at barriers.
 */
export const loopModes = ["serial", "parallel", "vector", "workgroup"] as const;
export type LoopMode = (typeof loopModes)[number];

/** Takes every `by`th iteration, from one that differs between lanes. */
export interface Stride {
  readonly from: Scalar;
  readonly by: number;
}

export type Statement =
  | {
      readonly kind: "for";
      readonly index: string;
      readonly extent: Dim;
      readonly mode: LoopMode;
      /** Of a serial loop. */
      readonly stride?: Stride;
      readonly body: readonly Statement[];
    }
  /** Declares a local that later `assign`s may change; visible to the end of the enclosing body. */
  | { readonly kind: "let"; readonly name: string; readonly dtype: DType; readonly value: Scalar }
  | { readonly kind: "assign"; readonly name: string; readonly value: Scalar }
  | {
      readonly kind: "store";
      readonly buffer: string;
      readonly indices: readonly Scalar[];
      readonly value: Scalar;
    }
  | { readonly kind: "if"; readonly condition: Scalar; readonly then: readonly Statement[] }
  /** On-chip memory of a workgroup, unset at first: loaded and stored like a buffer, to the body's end. */
  | {
      readonly kind: "shared";
      readonly name: string;
      readonly dtype: DType;
      readonly shape: readonly number[];
    }
  /** All lanes arrive before any goes on; what they stored before is seen after. */
  | { readonly kind: "barrier" };

/** A buffer of a loop kernel: row-major, [] for a scalar. */
export interface LoopBuffer {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly Dim[];
  readonly access: "read" | "write" | "update";
}

export interface LoopKernel {
  readonly name: string;
  readonly buffers: readonly LoopBuffer[];
  readonly body: readonly Statement[];
}

export function number(value: number, dtype: DType = "f32"): Scalar {
  return { kind: "number", value, dtype };
}

export function index(name: string): Scalar {
  return { kind: "index", name };
}

export function load(buffer: string, ...indices: readonly Scalar[]): Scalar {
  return { kind: "load", buffer, indices };
}

export function local(name: string): Scalar {
  return { kind: "local", name };
}

export function unary(operator: UnaryOperator, operand: Scalar): Scalar {
  return { kind: "unary", operator, operand };
}

export function binary(operator: BinaryOperator, left: Scalar, right: Scalar): Scalar {
  return { kind: "binary", operator, left, right };
}

export function select(condition: Scalar, then: Scalar, otherwise: Scalar): Scalar {
  return { kind: "select", condition, then, otherwise };
}

export function cast(dtype: DType, operand: Scalar): Scalar {
  return { kind: "cast", dtype, operand };
}

export function store(buffer: string, indices: readonly Scalar[], value: Scalar): Statement {
  return { kind: "store", buffer, indices, value };
}

export function declare(name: string, dtype: DType, value: Scalar): Statement {
  return { kind: "let", name, dtype, value };
}

export function assign(name: string, value: Scalar): Statement {
  return { kind: "assign", name, value };
}

export function loop(name: string, extent: Dim, mode: LoopMode, body: readonly Statement[]): Statement {
  return { kind: "for", index: name, extent, mode, body };
}

/** Nested loops, outermost first. */
export function nest(
  indices: readonly { readonly name: string; readonly extent: Dim }[],
  mode: LoopMode,
  body: readonly Statement[],
): readonly Statement[] {
  return indices.reduceRight<readonly Statement[]>(
    (inner, { name, extent }) => [loop(name, extent, mode, inner)],
    body,
  );
}
