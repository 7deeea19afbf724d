/**
 * Text from a prompt: tokens in, one step a token, text out as soon as it is whole characters.
 */

import type { Sampler } from "./sampling.js";
import type { StepRunner } from "./step-runner.js";

export interface GenerateOptions {
  /** The most tokens to write. */
  readonly maxTokens: number;
  readonly sampler: Sampler;
  /** Tokens that end the text; they are not part of it. */
  readonly stopTokens: ReadonlySet<number>;
  readonly signal?: AbortSignal | undefined;
}

export type StopReason = "stop-token" | "length" | "context" | "aborted";

export interface GenerateReport {
  readonly promptTokens: number;
  readonly newTokens: number;
  readonly stop: StopReason;
}

/** Yields tokens as they are written; returns why it stopped. The prompt has at least one token. */
export async function* generateTokens(
  runner: StepRunner,
  prompt: readonly number[],
  options: GenerateOptions,
): AsyncGenerator<number, GenerateReport> {
  const sequence = runner.newSequence();
  const { contextLength } = runner.executor.capacity;
  const report = (newTokens: number, stop: StopReason): GenerateReport => {
    return { promptTokens: prompt.length, newTokens, stop };
  };
  try {
    let next: readonly number[] = prompt;
    for (let written = 0; ; written++) {
      if (written >= options.maxTokens) return report(written, "length");
      if (options.signal?.aborted === true) return report(written, "aborted");
      if (sequence.length + next.length > contextLength) return report(written, "context");
      const [rows] = await runner.run([{ sequence, tokens: next, rows: "last" }]);
      const logits = rows?.[0];
      if (logits === undefined) throw new TypeError("a step that was asked for logits gave none");
      const token = options.sampler.sample(logits);
      if (options.stopTokens.has(token)) return report(written, "stop-token");
      yield token;
      next = [token];
    }
  } finally {
    sequence.release();
  }
}
