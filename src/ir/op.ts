/**
 * The record of an op: everything that is true of it on every machine. Parser, printer, verifier,
 * rule type-checker, documentation, cost features and tests all read this record, so that adding an
 * op touches one file.
 */

import type { Random } from "../base/index.js";
import { Signal } from "../base/index.js";
import type { Attrs, AttrsOf, AttrSpec } from "./attrs.js";
import type { Statement } from "./loop-form.js";
import type { DimEnv, PackedType, ValueType } from "./types.js";
import type { Value } from "./values.js";

export type Trait =
  /** No effect and no state: equal operands give equal results. */
  | "pure"
  /** Each result element depends on the elements at the same (broadcast) place. */
  | "elementwise"
  /** Each row of the last axis is computed by itself. */
  | "rowwise"
  /**
   * A column of the result needs that column of its operands alone, and the bytes of 64 columns follow those
   * of the columns before, in each of the result's `runs`: packed matrices are made a slice at a time.
   */
  | "columnwise"
  /** Its result is coarser than its type: an approximate rule may offer it. */
  | "rounds"
  /** The result is its operand under another shape: no byte moves. */
  | "view"
  /** Depends on weights alone although it has no constant operands: `weight`, `constant`, tables. */
  | "constant"
  /** The result type is written at each use, not inferred: `weight`, `constant`, parameters. */
  | "typed";

/** Arithmetic and traffic of one evaluation: facts about the op, not costs on a machine. */
export interface Work {
  /** Floating-point operations; a multiply-add counts two. */
  readonly flops: number;
  /** Bytes read, where they are not simply the bytes of all operands (a gather reads few rows). */
  readonly bytesRead?: number;
  readonly bytesWritten?: number;
}

/** What `infer` throws; the verifier and the rule checker turn it into a diagnostic with a place. */
export class IllTyped extends Signal {
  override readonly name = "IllTyped";
}

/** Names of the operands in order. A last name that starts with `...` takes one or more. */
export type OperandNames = readonly string[];

/** How the op becomes loops: names of its buffers are its operands' names and `result`. */
export interface LoweringInput<A> {
  readonly operands: readonly ValueType[];
  readonly attrs: A;
  readonly result: ValueType;
}

/** A sample for the conformance suite: operand types, concrete or symbolic, attributes, dims' values. */
export interface OpSample {
  readonly operands: readonly ValueType[];
  readonly attrs: Attrs;
  /** For `typed` ops. */
  readonly result?: ValueType;
  readonly dims?: DimEnv;
  /** Upper bound (exclusive) for integer operands by position, when they are indices. */
  readonly indexBounds?: Readonly<Record<number, number>>;
}

/** What is known of one use of an op when random well-typed operands are drawn for it. */
export interface DrawRequest {
  /** The type that the result must have, if it is fixed. */
  readonly result?: ValueType;
  /** Types that operands have already (a variable met before); undefined where free. */
  readonly operands: readonly (ValueType | undefined)[];
  /** Attributes that are fixed already. */
  readonly attrs: Partial<Attrs>;
}

export interface Drawn {
  readonly operands: readonly ValueType[];
  readonly attrs: Attrs;
  /** For `typed` ops. */
  readonly result?: ValueType;
}

/** A record whose attribute types are erased: what tables of ops hold. */
export interface OpRecord {
  readonly name: string;
  readonly doc: string;
  readonly operands: OperandNames;
  readonly attrs: AttrSpec;
  readonly traits: readonly Trait[];
  /** The result's type. Throws `IllTyped` with one sentence. `given` is the written type of a `typed` op. */
  readonly infer: (operands: readonly ValueType[], attrs: Attrs, given?: ValueType) => ValueType;
  /** The meaning: slow, obvious, trusted. `result` has concrete dimensions. */
  readonly evaluate: (operands: readonly Value[], attrs: Attrs, result: ValueType) => Value;
  /** The same, overwriting the first operand: called only where nothing reads that value later. */
  readonly evaluateInPlace?: (operands: readonly Value[], attrs: Attrs, result: ValueType) => Value;
  /** Bytes of each run of columns that a packed result consists of, see `columnwise`; absent: it is one. */
  readonly runs?: (result: PackedType) => readonly number[];
  /** Types have concrete dimensions. */
  readonly work: (operands: readonly ValueType[], attrs: Attrs, result: ValueType) => Work;
  /** To loop form, hence to every target; absent for constants, evaluated when weights are packed. */
  readonly lower?: (input: LoweringInput<Attrs>) => readonly Statement[];
  /**
   * Completes what is known to random well-typed operands and attributes, with small concrete extents, odd
   * ones and 1 included; undefined when the request cannot be met. Rules are checked on what it draws.
   */
  readonly draw?: (random: Random, request: DrawRequest) => Drawn | undefined;
  readonly samples: readonly OpSample[];
}

/** The same record with the types that its attribute specification implies. */
export interface TypedOpRecord<Name extends string, Spec extends AttrSpec> {
  readonly name: Name;
  readonly doc: string;
  readonly operands: OperandNames;
  readonly attrs: Spec;
  readonly traits: readonly Trait[];
  readonly infer: (operands: readonly ValueType[], attrs: AttrsOf<Spec>, given?: ValueType) => ValueType;
  readonly evaluate: (operands: readonly Value[], attrs: AttrsOf<Spec>, result: ValueType) => Value;
  readonly evaluateInPlace?: (operands: readonly Value[], attrs: AttrsOf<Spec>, result: ValueType) => Value;
  readonly runs?: (result: PackedType) => readonly number[];
  readonly work: (operands: readonly ValueType[], attrs: AttrsOf<Spec>, result: ValueType) => Work;
  readonly lower?: (input: LoweringInput<AttrsOf<Spec>>) => readonly Statement[];
  readonly draw?: (random: Random, request: DrawRequest) => Drawn | undefined;
  readonly samples: readonly OpSample[];
}

/**
 * Declares an op. Attribute types are inferred from `attrs`; the returned record is what tables hold,
 * with its name kept as a literal type. The registry checks attributes before any callback sees them.
 */
export function defineOp<const Name extends string, const Spec extends AttrSpec>(
  record: TypedOpRecord<Name, Spec>,
): OpRecord & { readonly name: Name } {
  return record as unknown as OpRecord & { readonly name: Name };
}

/** True when the op takes any number of operands from its last name on. */
export function isVariadic(record: OpRecord): boolean {
  return record.operands.at(-1)?.startsWith("...") ?? false;
}

/** The name of the operand at a position, numbering those of a variadic tail from 0. */
export function operandName(record: OpRecord, index: number): string {
  const last = record.operands.length - 1;
  if (!isVariadic(record) || index < last) return record.operands[index] ?? `operand ${index}`;
  return `${record.operands[last]!.slice(3)}${index - last}`;
}

export function hasTrait(record: OpRecord, trait: Trait): boolean {
  return record.traits.includes(trait);
}
