// The index operands that cache rules are checked on: they must be a step that could really happen.

import { describe, expect, test } from "vitest";

import { tensor } from "../../../src/ir/index.js";
import { drawStepInputs, stepSizes } from "../../../src/rules/check/step-inputs.js";

const sizes = { tokens: 5, slots: 9, sequences: 3, blocksPerSequence: 4, blockSize: 2, layers: 2 };

describe("a drawn step", () => {
  test.each([1, 2, 3, 4, 5])("is consistent (seed %i)", (seed) => {
    const step = drawStepInputs(sizes, seed);
    if (step === undefined) throw new Error("there is a step of these sizes");
    const { blocks, arrays } = step;
    const table = arrays.block_table;
    expect([arrays.sequences.length, arrays.context_positions.length, table.length]).toEqual([5, 9, 12]);
    expect(new Set(table).size).toBe(table.length);
    expect(Math.max(...table)).toBeLessThan(blocks);
    expect(arrays.layer[0]).toBeLessThan(sizes.layers);
    const slots = arrays.context_sequences.map((sequence, i) => `${sequence}:${arrays.context_positions[i]!}`);
    arrays.sequences.forEach((sequence, token) => {
      const own = arrays.positions.filter((_, other) => arrays.sequences[other] === sequence);
      const newest = Math.max(...own);
      // Every slot up to the newest token is listed, and nothing behind it.
      for (let p = 0; p <= newest; p++) expect(slots).toContain(`${sequence}:${p}`);
      expect(slots).not.toContain(`${sequence}:${newest + 1}`);
      expect(newest).toBeLessThan(sizes.blocksPerSequence * sizes.blockSize);
      expect(own).toEqual(own.map((_, i) => newest - own.length + 1 + i));
      expect(arrays.positions[token]).toBeLessThanOrEqual(newest);
    });
  });

  test("does not exist for fewer slots than tokens, nor for more than the table holds", () => {
    expect(drawStepInputs({ ...sizes, slots: 4 }, 1)).toBeUndefined();
    expect(drawStepInputs({ ...sizes, slots: 25 }, 1)).toBeUndefined();
    expect(drawStepInputs({ ...sizes, tokens: 25, slots: undefined }, 1)).toBeUndefined();
  });

  test("takes its sizes from the operands' types", () => {
    const byRole = new Map([
      ["positions", tensor("i32", 5)],
      ["context_positions", tensor("i32", 9)],
      ["block_table", tensor("i32", 3, 4)],
    ] as const);
    const cache = { kind: "kv_cache", layers: 2, blockSize: 2, heads: 1, headDim: 2, dtype: "f32" } as const;
    expect(stepSizes(byRole, cache)).toEqual(sizes);
  });
});
