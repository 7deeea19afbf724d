/**
 * Scenarios: the sizes of step that the plan is optimised for. Decode and prefill are one function at
 * other extents; each gets its own choice of kernels, over the same packed weights.
 */

import type { DimEnv } from "../ir/index.js";

export interface Scenario {
  readonly name: "decode" | "prefill";
  /** Steps of up to this many tokens run this scenario's code. */
  readonly maxTokens: number;
  readonly dims: DimEnv;
  /** How often such a step runs, relative to the others. */
  readonly weight: number;
}

/** What a step holds at most. */
export interface StepLimits {
  readonly tokens: number;
  readonly contextLength: number;
}

/** Largest step that counts as decode: tokens of several sequences, or a speculated few. */
export const DECODE_TOKENS = 8;

/**
 * The default mix: a request reads a prompt of 256 tokens in one step and then writes 256 tokens one by
 * one, at a context of 512, or what the model's context and the step's capacity allow.
 */
export function defaultScenarios(capacity: StepLimits, blockSize: number): readonly Scenario[] {
  const prompt = Math.min(256, capacity.tokens, capacity.contextLength);
  const context = Math.min(512, capacity.contextLength);
  const dims = (tokens: number, slots: number): DimEnv => ({
    T: tokens,
    S: 1,
    R: 1,
    C: slots,
    B: Math.ceil(slots / blockSize),
    P: Math.ceil(capacity.contextLength / blockSize),
  });
  return [
    {
      name: "decode",
      maxTokens: Math.min(DECODE_TOKENS, capacity.tokens),
      dims: dims(1, context),
      weight: 1,
    },
    { name: "prefill", maxTokens: capacity.tokens, dims: dims(prompt, prompt), weight: 1 / prompt },
  ];
}
