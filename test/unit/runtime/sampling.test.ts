// Sampling against the obvious definition: sort everything, cut, normalise.

import { describe, expect, test } from "vitest";

import { createRandom } from "../../../src/base/index.js";
import type { Sampler, SamplingOptions } from "../../../src/runtime/sampling.js";
import { checkSampling, createSampler, InvalidLogits, likeliest } from "../../../src/runtime/sampling.js";
import { createSelection } from "../../../src/runtime/sampling-selection.js";

function options(given: Partial<SamplingOptions>): SamplingOptions {
  const result = checkSampling(given);
  if (!result.ok) throw new Error("the options are valid");
  return result.value;
}

function sampler(given: Partial<SamplingOptions> = {}): Sampler {
  const result = createSampler(given);
  if (!result.ok) throw new Error("the options are valid");
  return result.value;
}

function randomLogits(seed: number, count: number): Float32Array {
  const random = createRandom(seed);
  // Coarse steps, so that there are ties.
  return Float32Array.from({ length: count }, () => Math.round(random.normal() * 20) / 8);
}

describe("greedy sampling", () => {
  test("takes the first of equal maxima", () => {
    expect(sampler().sample(Float32Array.of(-1, 3, 2, 3))).toBe(1);
  });

  test("never takes a forbidden token", () => {
    expect(likeliest(Float32Array.of(-Infinity, -1e30, -Infinity))).toBe(1);
  });
});

describe("logits that are no numbers", () => {
  test.each([
    ["NaN behind the maximum", [1, 2, NaN], "the logit of token 2 is not a number"],
    ["NaN first", [NaN, 2], "the logit of token 0 is not a number"],
    ["infinity", [0, Infinity], "the logit of token 1 is infinite"],
    ["all forbidden", [-Infinity, -Infinity], "every token is forbidden"],
    ["none", [], "there are no logits"],
  ])("%s is refused, greedy or not", (_, logits, message) => {
    for (const temperature of [0, 1]) {
      const { sample } = sampler({ temperature });
      expect(() => sample(Float32Array.from(logits))).toThrow(new InvalidLogits(message));
    }
  });
});

/** The definition: ids that are kept, likeliest first, the smaller id first among equals. */
function keptByDefinition(logits: Float32Array, cuts: SamplingOptions): number[] {
  const { temperature, topK, topP, minP } = cuts;
  const largest = Math.max(...logits);
  const weight = (id: number): number => Math.exp((logits[id]! - largest) / temperature);
  let ids = Array.from(logits.keys()).sort((a, b) => logits[b]! - logits[a]! || a - b);
  if (topK > 0) ids = ids.slice(0, topK);
  if (topP < 1) {
    const total = ids.reduce((sum, id) => sum + weight(id), 0);
    let sum = 0;
    const last = ids.findIndex((id) => (sum += weight(id)) >= topP * total);
    ids = ids.slice(0, last === -1 ? ids.length : last + 1);
  }
  return ids.filter((id) => weight(id) >= minP && weight(id) > 0);
}

describe("the tokens that are kept", () => {
  const cuts: readonly Partial<SamplingOptions>[] = [
    {}, { topK: 1 }, { topK: 7 }, { topK: 5000 }, { topP: 0 }, { topP: 0.1 }, { topP: 0.9 }, { topP: 0.9999 },
    { minP: 0.05 }, { minP: 1 }, { topK: 40, topP: 0.8 }, { topK: 40, minP: 0.2 }, { topP: 0.95, minP: 0.1 },
    { topK: 300, topP: 0.99, minP: 0.01 },
  ];

  test.each(cuts)("with %o are those of the definition", (cut) => {
    const selection = createSelection();
    for (let seed = 0; seed < 12; seed++) {
      const logits = randomLogits(seed, [1, 2, 50, 3000][seed % 4]!);
      const all = options({ temperature: [0.3, 1, 5][seed % 3]!, ...cut });
      const kept = [...selection.keep(logits, Math.max(...logits), all).ids];
      const expected = keptByDefinition(logits, all);
      // The order is free where nothing is cut by rank.
      expect([...kept].sort((a, b) => a - b)).toEqual([...expected].sort((a, b) => a - b));
      if (all.topK > 0 && all.topK < logits.length) expect(kept).toEqual(expected);
    }
  });

  test("are drawn as often as they are likely", () => {
    const logits = Float32Array.of(0, Math.log(2), -Infinity, Math.log(5));
    const { sample } = sampler({ temperature: 1, seed: 11 });
    const counts = [0, 0, 0, 0];
    for (let i = 0; i < 8000; i++) counts[sample(logits)]! += 1;
    expect(counts[2]).toBe(0);
    [1, 2, 0, 5].forEach((share, id) => expect(Math.abs(counts[id]! - share * 1000)).toBeLessThan(130));
  });

  test("hold at the ends of the unit interval", () => {
    const logits = Float32Array.of(-Infinity, 0, 0, -Infinity);
    const kept = createSelection().keep(logits, 0, options({ temperature: 1 }));
    expect([kept.draw(0), kept.draw(1 - 2 ** -32), kept.draw(1)]).toEqual([1, 2, 2]);
  });
});

test("the same seed gives the same tokens, another seed others", () => {
  const logits = randomLogits(3, 500);
  const run = (seed: number): readonly number[] => {
    const { sample } = sampler({ temperature: 1, topP: 0.9, seed });
    return Array.from({ length: 40 }, () => sample(logits));
  };
  expect(run(5)).toEqual(run(5));
  expect(run(5)).not.toEqual(run(6));
});

test.each<[string, Partial<SamplingOptions>]>([
  ["temperature", { temperature: -0.1 }],
  ["temperature", { temperature: NaN }],
  ["topK", { topK: 2.5 }],
  ["topK", { topK: -1 }],
  ["topP", { topP: 1.1 }],
  ["minP", { minP: -1 }],
  ["seed", { seed: 2 ** 32 }],
  ["topP", { topP: "0.5" as unknown as number }],
])("an option %s out of range is refused: %o", (name, given) => {
  const result = createSampler(given);
  expect(result.ok).toBe(false);
  expect(result.diagnostics).toHaveLength(1);
  expect(result.diagnostics[0]).toMatchObject({ code: "model/invalid-sampling" });
  expect(result.diagnostics[0]?.message).toContain(`\`${name}\` must be`);
});
