/**
 * The plan: what a target's emitter prints. Kernels in execution order, every value with a place in
 * memory, the layout of the weight file, the paged KV cache. Nothing is decided after this point.
 */

import type { Attrs, Dim, KvCacheType, Registry, RuleReference, ScenarioName, ValueType } from "../ir/index.js";

/** The largest batch that one step takes; buffers are sized for it. */
export interface Capacity {
  /** Tokens (T), and rows of logits (R), of one step. */
  readonly tokens: number;
  readonly rows: number;
  /** Sequences (S) of one step. */
  readonly sequences: number;
  /** Positions of one sequence: the model's context. */
  readonly contextLength: number;
  /** Entries of the block table for each sequence (B). */
  readonly blocksPerSequence: number;
}

/** Where a value lives. */
export type Storage =
  /** Bytes into the activation arena, 64-byte aligned. */
  | { readonly kind: "arena"; readonly offsetBytes: number }
  /** A row of `weights.entries`. */
  | { readonly kind: "weight"; readonly index: number }
  /**
   * An array of the batch: tokens, positions, sequences, rows, block_table, context_sequences,
   * context_positions.
   */
  | { readonly kind: "input"; readonly name: string }
  /** The number of the layer, a scalar i32; only in a layer's function. */
  | { readonly kind: "layer" }
  | { readonly kind: "cache" }
  /** The logits that the caller asked for. */
  | { readonly kind: "output" };

export interface PlannedValue {
  /** For people, and for names in emitted code: an identifier, unique in its function. */
  readonly name: string;
  readonly type: ValueType;
  readonly storage: Storage;
}

export interface KernelCall {
  readonly kind: "kernel";
  /** A kernel of the target's table, or `loops.<op>` for a kernel printed from an op's loop form. */
  readonly kernel: string;
  readonly operands: readonly PlannedValue[];
  readonly attrs: Attrs;
  readonly result: PlannedValue;
  /** Oldest first. */
  readonly rules: readonly RuleReference[];
  readonly predictedNs: number;
}

/** Runs the layer function `body` for layers first … first+count-1. Values stay where the plan put them. */
export interface LayersCall {
  readonly kind: "layers";
  readonly body: string;
  readonly first: number;
  readonly count: number;
}

/** Moves a value: only where a layer's result could not be computed in place. */
export interface CopyCall {
  readonly kind: "copy";
  readonly from: PlannedValue;
  readonly to: PlannedValue;
}

export type Call = KernelCall | LayersCall | CopyCall;

export interface FunctionPlan {
  /** An identifier, unique in the plan: `step_decode`, `layer_decode`, `step_prefill` … */
  readonly name: string;
  readonly role: "step" | "layer";
  readonly calls: readonly Call[];
}

/** A way of running the step, for batches of up to `maxTokens` tokens (the last one takes all). */
export interface ScenarioPlan {
  readonly name: ScenarioName;
  readonly maxTokens: number;
  /** The name of its `step` function. */
  readonly entry: string;
  readonly predictedNs: number;
}

/** A packed constant. Constants of a layer function exist once a layer. */
export interface WeightEntry {
  /** An identifier for people: `layer_qkv`, `head`. */
  readonly name: string;
  readonly type: ValueType;
  readonly scope: "step" | "layer";
  /** For `layer`: the layers it exists for. */
  readonly layers?: { readonly first: number; readonly count: number };
  /**
   * Bytes from the start of the file; of the first layer's copy when the scope is `layer`. 64-byte aligned.
   */
  readonly offsetBytes: number;
  /** Distance between one layer's copy and the next; 0 for `step`. */
  readonly strideBytes: number;
  readonly sizeBytes: number;
}

export interface KvPlan {
  readonly type: KvCacheType;
  readonly blockBytes: number;
}

export interface ProgramPlan {
  readonly model: string;
  readonly target: string;
  /** Ops by the names that kernels `loops.<op>` are printed from. */
  readonly ops: Registry;
  readonly vocabulary: number;
  readonly capacity: Capacity;
  /** Symbolic dimensions at capacity, by name; a buffer's bytes are those of its type there. */
  readonly dims: Readonly<Record<Dim & string, number>>;
  readonly functions: readonly FunctionPlan[];
  readonly scenarios: readonly ScenarioPlan[];
  readonly weights: { readonly entries: readonly WeightEntry[]; readonly sizeBytes: number };
  readonly arenaBytes: number;
  readonly kv: KvPlan;
}
