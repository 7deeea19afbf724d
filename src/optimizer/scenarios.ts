/**
 * Scenarios: the sizes of step that the plan is optimised for. Decode and prefill are one function at
 * other extents; each gets its own choice of kernels, over the same packed weights.
 */

import type { DimEnv, ScenarioName } from "../ir/index.js";

export interface Scenario {
  readonly name: ScenarioName;
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

/** Largest step that counts as decode: tokens of a few sequences, or a speculated few. */
export const DECODE_TOKENS = 8;
/** Largest step that counts as a batch: a token each of many sequences, or a short prompt. */
export const BATCH_TOKENS = 32;

/**
 * The default mix: a request reads a prompt of 256 tokens in one step and then writes 256 tokens one by
 * one, at a context of 512, or what the model's context and the step's capacity allow. A step in
 * which 16 requests write a token each counts as often as one of 16 prompts.
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
  const sequences = BATCH_TOKENS / 2;
  const batch: Scenario = {
    name: "batch",
    maxTokens: BATCH_TOKENS,
    dims: {
      ...dims(sequences, sequences * context),
      S: sequences,
      R: sequences,
      B: Math.ceil(context / blockSize),
    },
    weight: 1 / (sequences * prompt),
  };
  return [
    {
      name: "decode",
      maxTokens: Math.min(DECODE_TOKENS, capacity.tokens),
      dims: dims(1, context),
      weight: 1,
    },
    ...(capacity.tokens > BATCH_TOKENS ? [batch] : []),
    { name: "prefill", maxTokens: capacity.tokens, dims: dims(prompt, prompt), weight: 1 / prompt },
  ];
}
