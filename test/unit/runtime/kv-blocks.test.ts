import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { KvBlocks, OutOfBlocks, Sequence } from "../../../src/runtime/kv-blocks.js";

describe("the pool of KV blocks", () => {
  it("gives a block to one sequence at a time and takes all of them back", () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ which: fc.nat(3), tokens: fc.integer({ min: 0, max: 9 }) })),
        (steps) => {
          const pool = new KvBlocks(12, 4);
          const sequences = Array.from({ length: 4 }, () => new Sequence(pool));
          for (const { which, tokens } of steps) {
            const sequence = sequences[which]!;
            const before = { length: sequence.length, blocks: [...sequence.blocks], free: pool.free };
            try {
              if (tokens === 0) sequence.release();
              else sequence.grow(tokens);
            } catch (error) {
              expect(error).toBeInstanceOf(OutOfBlocks);
              expect({ length: sequence.length, blocks: [...sequence.blocks], free: pool.free }).toEqual(
                before,
              );
            }
            const held = sequences.flatMap(({ blocks }) => blocks);
            expect(new Set(held).size).toBe(held.length);
            expect(held.length + pool.free).toBe(12);
            expect(sequence.blocks.length).toBe(Math.ceil(sequence.length / 4));
          }
        },
      ),
    );
  });

  it("keeps a shared block until its last reader releases it", () => {
    const pool = new KvBlocks(2, 4);
    const blocks = pool.take(1);
    pool.share(blocks);
    pool.release(blocks);
    expect(pool.free).toBe(1);
    pool.release(blocks);
    expect(pool.free).toBe(2);
    expect(() => pool.release(blocks)).toThrow("released once");
  });
});
