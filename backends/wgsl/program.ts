/**
 * `program.json`: what a runtime needs to run the modules of an artifact. Sizes and offsets are in bytes
 * unless a name says otherwise; a dimension is a number or one of T, S, R, C, B, P. Everything that can be
 * decided before the batch is known is decided here: a runtime evaluates products and binds what it is
 * told.
 */

import type { ProgramDescription } from "../../src/codegen/index.js";

export const PROGRAM_FORMAT = 1;

/** A factor of a product: a number, or a dimension of the step. */
export type Factor = number | string;

/** Workgroups along one axis: the product of the factors, divided by `per` and rounded up. */
export interface GroupsRecord {
  readonly factors: readonly Factor[];
  readonly per: number;
}

/** What a binding is filled with. Keys and values are those of the layer that runs. */
export type Resource =
  | "step"
  | "arena"
  | "output"
  | "batch"
  | "keys"
  | "values"
  | { readonly weight: number; readonly part: number };

export interface DispatchRecord {
  /** A row of `modules`. */
  readonly module: number;
  /** Pipeline constants: where operands begin, in 32-bit words, and which part of a weight this is. */
  readonly constants: Readonly<Record<string, number>>;
  /** One to three axes; a single axis of too many groups is folded into two. */
  readonly groups: readonly GroupsRecord[];
  /** By binding. */
  readonly resources: readonly Resource[];
}

/** Dispatches for a number of rows; more than one where a weight is bound in parts. */
export interface ChoiceRecord {
  /** Taken when the product is at most this; null: always. */
  readonly upToRows: number | null;
  readonly rows: readonly Factor[];
  readonly dispatches: readonly DispatchRecord[];
}

export type CallRecord =
  | {
      readonly kind: "kernel";
      /** The value that it makes, with its shape. */
      readonly result: string;
      readonly kernel: string;
      /** Rules behind it, oldest first, with their places. */
      readonly rules: readonly string[];
      readonly choices: readonly ChoiceRecord[];
    }
  | { readonly kind: "layers"; readonly body: string; readonly first: number; readonly count: number };

export interface FunctionRecord {
  readonly name: string;
  readonly role: "step" | "layer";
  readonly calls: readonly CallRecord[];
}

export interface BindingRecord {
  readonly name: string;
  readonly access: "uniform" | "read" | "read_write";
}

export interface ModuleRecord {
  readonly name: string;
  /** Relative to the artifact's folder. */
  readonly file: string;
  /** Optional features that it uses; absent for none. */
  readonly needs?: readonly string[];
  /** By number, in group 0. */
  readonly bindings: readonly BindingRecord[];
}

export interface WeightRecord {
  readonly name: string;
  /** In the weight file, of the first layer's copy. */
  readonly offsetBytes: number;
  readonly strideBytes: number;
  readonly sizeBytes: number;
  /** Layers that have a copy of their own; null: one for all. */
  readonly layers: { readonly first: number; readonly count: number } | null;
  /** Bytes of each part that is bound by itself. */
  readonly parts: readonly number[];
}

export interface ProgramRecord {
  readonly format: typeof PROGRAM_FORMAT;
  /** As every target's programs describe themselves. */
  readonly program: ProgramDescription;
  /** A block of keys, or of values, of one layer. */
  readonly layerBlockBytes: number;
  readonly outputBytes: number;
  /** The arrays of a batch, in one buffer. */
  readonly batch: { readonly sizeBytes: number; readonly arrays: readonly BatchArrayRecord[] };
  readonly weights: readonly WeightRecord[];
  readonly modules: readonly ModuleRecord[];
  readonly functions: readonly FunctionRecord[];
  /** In the order in which a batch is offered to them; the last takes all. */
  readonly scenarios: readonly ScenarioRecord[];
}

export interface ScenarioRecord {
  readonly name: string;
  readonly maxTokens: number;
  /** A function with the role `step`. */
  readonly entry: string;
}

export interface BatchArrayRecord {
  readonly name: string;
  readonly offsetBytes: number;
  /** Elements of four bytes in a step. */
  readonly count: readonly Factor[];
}
