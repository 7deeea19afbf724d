// The paged cache: where positions go, what comes back, and what is refused.

import { describe, expect, test } from "vitest";

import { createRandom } from "../../../src/base/index.js";
import type { KvCacheType, KvCacheValue, Value } from "../../../src/ir/index.js";
import { coreRegistry, emptyCache } from "../../../src/ir/index.js";
import { drawCache, shuffled } from "../../support/sample-values.js";
import { apply, applyTensor, f32, i32, numbers } from "../../support/values.js";

const type: KvCacheType = { kind: "kv_cache", layers: 2, blockSize: 2, heads: 1, headDim: 2, dtype: "f32" };

/** Two sequences over shuffled blocks: sequence 0 in blocks 3 and 1, sequence 1 in blocks 0 and 2. */
const table = i32([2, 2], 3, 1, 0, 2);

function append(
  cache: KvCacheValue,
  layer: number,
  slots: readonly (readonly [number, number])[],
): KvCacheValue {
  const count = slots.length;
  const keys = f32([count, 1, 2], ...slots.flatMap(([s, p]) => [100 * s + p, 0.5]));
  const values = f32([count, 1, 2], ...slots.flatMap(([s, p]) => [-100 * s - p, 0.25]));
  const [sequences, positions] = [
    i32([count], ...slots.map(([s]) => s)),
    i32([count], ...slots.map(([, p]) => p)),
  ];
  const result = apply("append_kv", [cache, keys, values, i32([], layer), table, sequences, positions]);
  if (result.kind !== "kv_cache") throw new Error("append_kv returns a cache");
  return result;
}

const slots = [
  [0, 2],
  [1, 0],
  [0, 1],
  [1, 3],
] as const;

describe("append and lookup", () => {
  test("what is written at a position is found there again", () => {
    const cache = append(emptyCache(type, 4), 1, slots);
    const context = [i32([3], 1, 0, 1), i32([3], 3, 2, 0)];
    expect(numbers("lookup_keys", [cache, i32([], 1), table, ...context])).toEqual([
      103, 0.5, 2, 0.5, 100, 0.5,
    ]);
    expect(numbers("lookup_values", [cache, i32([], 1), table, ...context])).toEqual([
      -103, 0.25, -2, 0.25, -100, 0.25,
    ]);
    expect(numbers("lookup_keys", [cache, i32([], 0), table, ...context])).toEqual([0, 0, 0, 0, 0, 0]);
  });

  test("blocks lie where the table says", () => {
    const cache = append(emptyCache(type, 4), 1, slots);
    // Layer 1 of 4 blocks of 2 slots of 2 numbers starts at 16; sequence 0, position 2 is block 1, slot 0.
    expect(cache.keys[16 + 1 * 4]).toBe(2);
    // Sequence 1, position 3 is block 2, slot 1.
    expect(cache.keys[16 + 2 * 4 + 2]).toBe(103);
  });

  test("the cache that was given stays as it was", () => {
    const before = emptyCache(type, 4);
    append(before, 0, slots);
    expect(before.keys.every((each) => each === 0)).toBe(true);
  });

  test("in place, the same numbers go into the same memory", () => {
    const record = coreRegistry.require("append_kv");
    const cache = emptyCache(type, 4);
    const one = f32([1, 1, 2], 7, 8);
    const operands: readonly Value[] = [cache, one, one, i32([], 0), table, i32([1], 1), i32([1], 1)];
    const copy = record.evaluate(operands, {}, type);
    expect(cache.keys.includes(7)).toBe(false);
    expect(record.evaluateInPlace?.(operands, {}, type)).toBe(cache);
    expect(copy).toEqual(cache);
  });

  test("numbers are rounded to the cache's format", () => {
    const half = append(emptyCache({ ...type, dtype: "f16" }, 4), 0, [[0, 0]]);
    const record = coreRegistry.require("append_kv");
    const one = f32([1, 1, 2], 0.1, 2049);
    const result = record.evaluate(
      [half, one, one, i32([], 0), table, i32([1], 0), i32([1], 0)],
      {},
      half.type,
    );
    expect(result.kind === "kv_cache" && Array.from(result.keys.slice(12, 14))).toEqual([
      0.0999755859375, 2048,
    ]);
  });
});

describe("what leads outside is refused, and nothing is written", () => {
  const cache = emptyCache(type, 4);
  test.each([
    ["layer 2 of a cache of 2 layers", () => append(cache, 2, slots)],
    ["layer -1 of a cache of 2 layers", () => append(cache, -1, slots)],
    ["position 4 is outside a block table of 2 blocks of 2", () => append(cache, 0, [[0, 4]])],
    ["position -1 is outside", () => append(cache, 0, [[0, -1]])],
    ["sequence 2 has no row in a block table of 2 rows", () => append(cache, 0, [[2, 0]])],
    ["sequence -1 has no row", () => append(cache, 0, [[-1, 3]])],
    ["block 3 of a pool of 3 blocks", () => append(emptyCache(type, 3), 0, [[0, 0]])],
  ])("%s", (sentence, run) => {
    expect(run).toThrow(RangeError);
    expect(run).toThrow(sentence);
  });

  test("even in place", () => {
    const record = coreRegistry.require("append_kv");
    const two = f32([2, 1, 2], 1, 1, 1, 1);
    const operands = [cache, two, two, i32([], 0), table, i32([2], 0, 0), i32([2], 0, 99)];
    expect(() => record.evaluateInPlace?.(operands, {}, type)).toThrow(RangeError);
    expect(cache.keys.every((each) => each === 0)).toBe(true);
  });
});

test("paged attention is attention over the lookups under a causal mask", () => {
  const random = createRandom(5);
  const wide: KvCacheType = { ...type, heads: 2, headDim: 4, blockSize: 3 };
  const cache = drawCache(random, wide, 6);
  const blocks = i32([2, 3], ...shuffled(random, 6));
  // A ragged batch: two tokens of sequence 1, one of sequence 0, each somewhere in its past.
  const [sequences, positions] = [i32([3], 1, 0, 1), i32([3], 7, 2, 4)];
  const q = f32([3, 4, 4], ...Array.from({ length: 48 }, () => random.normal()));
  const layer = i32([], 1);

  const contextSequences = i32([18], ...Array.from({ length: 18 }, (_, i) => Math.floor(i / 9)));
  const contextPositions = i32([18], ...Array.from({ length: 18 }, (_, i) => i % 9));
  const context = [layer, blocks, contextSequences, contextPositions];
  const keys = applyTensor("lookup_keys", [cache, ...context]);
  const values = applyTensor("lookup_values", [cache, ...context]);
  const mask = applyTensor("causal_mask", [positions, sequences, contextPositions, contextSequences]);

  const plain = numbers("attention", [q, keys, values, mask], { scale: 0.5 });
  const paged = numbers("paged_attention", [q, cache, layer, blocks, sequences, positions], { scale: 0.5 });
  expect(paged).toEqual(plain);
  expect(new Set(paged).size).toBe(48);
});
