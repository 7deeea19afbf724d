/**
 * What a person may choose about a compilation, with every default in one constant.
 */

import type { CacheDType } from "../ir/index.js";

export const quantizationLevels = ["none", "q8", "q4"] as const;
export type QuantizationLevel = (typeof quantizationLevels)[number];

/** How activations may be rounded where they meet narrower weights. */
export const activationRoundings = ["exact", "rounded"] as const;
export type ActivationRounding = (typeof activationRoundings)[number];

/** What the KV cache may hold. */
export const kvDtypes = ["f32", "f16", "bf16", "i8"] as const satisfies readonly CacheDType[];

export interface CompileOptions {
  /** A row of `targets`. */
  readonly target: string;
  /**
   * The processor to build for, in the words of the target's compiler; what suits the machine when undefined.
   */
  readonly arch: string | undefined;
  /** The coarsest weights that may be used. */
  readonly quantize: QuantizationLevel;
  /** `rounded`: products with integer weights may round activations to 8 bits, as llama.cpp does. */
  readonly activations: ActivationRounding;
  /** What the KV cache holds; undefined: f16 beside quantized weights where kernels read it, else f32. */
  readonly kvDtype: CacheDType | undefined;
  /**
   * Optional features of devices that the program may need (`capabilities.features`); undefined takes none,
   * or when it is run at once, those of the device.
   */
  readonly features: readonly string[] | undefined;
  /** Rule families to leave out, by name: costs speed, never correctness. */
  readonly without: readonly string[];
  /** Rule files of the user's own, by path, besides the shipped ones. */
  readonly ruleFiles: readonly string[];
  /** Use rules that nobody has found sound: the output may be wrong. */
  readonly uncheckedRules: boolean;
  /** Single rules to leave out, by name. */
  readonly withoutRules: readonly string[];
  /** Positions of one sequence; the model's own context, at most `DEFAULT_CONTEXT`, when undefined. */
  readonly contextLength: number | undefined;
  /** Tokens of one step: longer prompts are read in chunks. */
  readonly maxTokens: number;
  /** Sequences of one step. */
  readonly maxSequences: number;
  /** Token slots in one block of the KV cache. */
  readonly blockSize: number;
  /** Packed weights may not take more. */
  readonly memoryBytes: number;
  /** Threads that a plan is priced for; the machine's cores when undefined. */
  readonly threads: number | undefined;
}

export const DEFAULT_CONTEXT = 4096;

export const DEFAULT_COMPILE_OPTIONS: CompileOptions = {
  target: "c",
  arch: undefined,
  quantize: "none",
  activations: "rounded",
  kvDtype: undefined,
  features: undefined,
  without: [],
  ruleFiles: [],
  uncheckedRules: false,
  withoutRules: [],
  contextLength: undefined,
  maxTokens: 256,
  maxSequences: 8,
  blockSize: 16,
  memoryBytes: Infinity,
  threads: undefined,
};
