/**
 * Picks the next token from a row of logits. Greedy at temperature 0; otherwise the distribution is
 * cut in the order of the Hugging Face library: temperature, top-k, top-p, min-p, then one draw of a seeded
 * generator. Same options, same logits, same tokens, on every machine.
 */

import { createRandom } from "../base/index.js";
import type { Diagnostic, Result } from "../diagnostics/index.js";
import { diagnostic, failure, success } from "../diagnostics/index.js";
import { createSelection } from "./sampling-selection.js";

export interface SamplingOptions {
  /** 0 takes the likeliest token; 1 leaves the model's distribution as it is. */
  readonly temperature: number;
  /** Keeps that many of the likeliest tokens; 0 keeps all. */
  readonly topK: number;
  /** Keeps the fewest likeliest tokens that together reach this probability; 1 keeps all. */
  readonly topP: number;
  /** Keeps tokens of at least this share of the likeliest one's probability; 0 keeps all. */
  readonly minP: number;
  /** A whole number from 0 to 2^32 - 1. */
  readonly seed: number;
}

export const defaultSampling: SamplingOptions = { temperature: 0, topK: 0, topP: 1, minP: 0, seed: 0 };

export interface Sampler {
  /** The token picked from one row of logits. Throws `InvalidLogits`. */
  sample(logits: Float32Array): number;
}

/** Logits that are no numbers: an overflow in the model's arithmetic, or damaged weights. */
export class InvalidLogits extends Error {
  override readonly name = "InvalidLogits";
}

interface OptionRange {
  readonly min: number;
  readonly max: number;
  readonly whole: boolean;
}

const ranges: { readonly [Name in keyof SamplingOptions]: OptionRange } = {
  temperature: { min: 0, max: 100, whole: false },
  topK: { min: 0, max: 2 ** 32 - 1, whole: true },
  topP: { min: 0, max: 1, whole: false },
  minP: { min: 0, max: 1, whole: false },
  seed: { min: 0, max: 2 ** 32 - 1, whole: true },
};

/** Options with their defaults, or a diagnostic for each that is out of its range. */
export function checkSampling(given: Partial<SamplingOptions>): Result<SamplingOptions> {
  const options = { ...defaultSampling, ...given };
  const faults: Diagnostic[] = [];
  for (const name of Object.keys(ranges) as readonly (keyof SamplingOptions)[]) {
    const { min, max, whole } = ranges[name];
    const value = options[name];
    const fits = typeof value === "number" && value >= min && value <= max && (!whole || Number.isInteger(value));
    if (fits) continue;
    const kind = whole ? "a whole number" : "a number";
    faults.push(diagnostic("model/invalid-sampling", `\`${name}\` must be ${kind} from ${min} to ${max}, found ${String(value)}`));
  }
  return faults.length > 0 ? failure(...faults) : success(options);
}

/** A sampler with a generator of its own. */
export function createSampler(given: Partial<SamplingOptions> = {}): Result<Sampler> {
  const checked = checkSampling(given);
  if (!checked.ok) return checked;
  const options = checked.value;
  const random = createRandom(options.seed);
  const selection = createSelection();
  return success({
    sample: (logits) => {
      const best = likeliest(logits);
      if (options.temperature === 0) return best;
      const kept = selection.keep(logits, logits[best]!, options);
      return kept.draw(random.next());
    },
  });
}

/** The first of the largest logits. -Infinity forbids a token; NaN and +Infinity are errors. */
export function likeliest(logits: Float32Array): number {
  let best = -1;
  let largest = -Infinity;
  for (let i = 0; i < logits.length; i++) {
    const logit = logits[i]!;
    if (logit > largest) {
      best = i;
      largest = logit;
    } else if (Number.isNaN(logit)) {
      throw new InvalidLogits(`the logit of token ${i} is not a number`);
    }
  }
  if (best === -1) throw new InvalidLogits(logits.length === 0 ? "there are no logits" : "every token is forbidden");
  if (largest === Infinity) throw new InvalidLogits(`the logit of token ${best} is infinite`);
  return best;
}
