/** Writes a continuation as it comes and measures it: shared by `run` and `demo`. */

import type { GenerateReport, LoadedModel, TextOptions } from "../runtime/index.js";
import type { Door } from "./door.js";
import { Interrupted, unwrap } from "./door.js";
import { formatMs, threeDigits } from "./format.js";
import { withInterrupt } from "./interrupt.js";

export interface Generation extends GenerateReport {
  /** Without the prompt. */
  readonly text: string;
  /** Until the first new token. */
  readonly promptMs: number;
  /** From the first new token to the last. */
  readonly generationMs: number;
  readonly promptTokensPerSecond: number | null;
  readonly tokensPerSecond: number | null;
}

export interface GenerationRequest {
  readonly prompt: string;
  readonly options: Partial<TextOptions>;
  /** Called with each piece of text. */
  readonly write: (piece: string) => void;
}

/** Throws `Interrupted` after what was written so far. */
export async function writeText(
  door: Door,
  model: LoadedModel,
  request: GenerationRequest,
): Promise<Generation> {
  return withInterrupt(async (signal) => {
    const { prompt, options, write } = request;
    const pieces = unwrap(door, model.generate(prompt, { ...options, signal }));
    write(prompt);
    const { nowMs } = door.host;
    const started = nowMs();
    let firstToken: number | undefined;
    let text = "";
    for (;;) {
      const next = await pieces.next();
      firstToken ??= nowMs();
      if (next.done === true) {
        write("\n");
        if (next.value.stop === "aborted") throw new Interrupted();
        const times = { promptMs: firstToken - started, generationMs: nowMs() - firstToken };
        return { ...next.value, text, ...times, ...rates(next.value, times) };
      }
      text += next.value;
      write(next.value);
    }
  });
}

function rates(
  { promptTokens, newTokens }: GenerateReport,
  { promptMs, generationMs }: Pick<Generation, "promptMs" | "generationMs">,
): Pick<Generation, "promptTokensPerSecond" | "tokensPerSecond"> {
  return {
    promptTokensPerSecond: rate(promptTokens, promptMs),
    tokensPerSecond: rate(newTokens - 1, generationMs),
  };
}

function rate(tokens: number, ms: number): number | null {
  return tokens > 0 && ms > 0 ? (1000 * tokens) / ms : null;
}

/** One line: what was read and written, how fast, by what. */
export function describeSpeed(generation: Generation, executor: string): string {
  const { promptTokens, newTokens, promptMs, generationMs } = generation;
  const rate = (value: number | null): string => (value === null ? "" : ` (${threeDigits(value)} tokens/s)`);
  const read = `${promptTokens} prompt tokens in ${formatMs(promptMs)}${rate(generation.promptTokensPerSecond)}`;
  const wrote = `${newTokens} new in ${formatMs(generationMs)}${rate(generation.tokensPerSecond)}`;
  return `${read}, ${wrote}; ${executor}`;
}
