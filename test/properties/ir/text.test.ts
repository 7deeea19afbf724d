// The text form loses nothing, and no text is too strange for an answer.

import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { createRandom } from "../../../src/base/index.js";
import type { Attrs, Module } from "../../../src/ir/index.js";
import { coreRegistry, dtypes, FuncBuilder, parseModule, printModule, tensor, verifyFunctions } from "../../../src/ir/index.js";
import { mustParse } from "../../support/parse-ir.js";
import { drawModule, renumbered } from "../../support/random-modules.js";
import { smallRegistry } from "../../support/small-registry.js";

const seeds = fc.integer({ min: 0, max: 2 ** 31 - 1 });
const options = { seed: 7, numRuns: 150 };

function randomModule(seed: number): Module {
  return drawModule(createRandom(seed), coreRegistry);
}

describe("over random modules of all core ops", () => {
  test("parsing what was printed gives the module back", () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const module = randomModule(seed);
        expect(mustParse(printModule(module, coreRegistry), coreRegistry)).toEqual(renumbered(module));
      }),
      options,
    );
  });

  test("printing what was parsed gives the text back", () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const text = printModule(randomModule(seed), coreRegistry);
        expect(printModule(mustParse(text, coreRegistry), coreRegistry)).toBe(text);
      }),
      options,
    );
  });

  test("the verifier finds nothing but caches that are used twice", () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const found = verifyFunctions(randomModule(seed), coreRegistry).map((each) => each.code);
        expect(found.filter((code) => code !== "ir/cache-use")).toEqual([]);
      }),
      options,
    );
  });

  test("every core op is drawn", () => {
    const drawn = new Set<string>();
    for (let seed = 0; seed < 400; seed++) {
      for (const func of randomModule(seed).functions) {
        for (const each of func.operations) drawn.add(each.kind === "op" ? each.op : "layers");
      }
    }
    const missing = [...coreRegistry.ops.keys()].filter((name) => !drawn.has(name) && name !== "param");
    expect(missing).toEqual([]);
  });
});

test("attributes of every kind survive, whatever their value", () => {
  const integers = fc.maxSafeInteger().map((each) => each + 0);
  const names = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,5}$/);
  const settings = fc.record({
    int: integers,
    float: fc.double(),
    string: fc.string({ unit: "binary" }),
    bool: fc.boolean(),
    ints: fc.array(integers),
    dims: fc.array(fc.oneof(integers, names)),
    dtype: fc.constantFrom(...dtypes),
  });
  fc.assert(
    fc.property(settings, (attrs: Attrs) => {
      const builder = new FuncBuilder(smallRegistry, "f");
      const module = { functions: [builder.finish([builder.op("settings", [builder.param("x", tensor("f32"))], attrs)])] };
      expect(mustParse(printModule(module, smallRegistry))).toEqual(module);
    }),
    { ...options, numRuns: 500 },
  );
});

describe("over damaged texts", () => {
  const pieces = ["(", ")", "{", "}", "<", ">", '"', "%x", "#", ",", ":", "->", "//", "///", "0x", "\\", "\0", "é", "9e9"];
  const damage = fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), cut: fc.nat(6), insert: fc.constantFrom("", ...pieces) });

  test("there is a module, or diagnostics at places inside the text", () => {
    fc.assert(
      fc.property(seeds, fc.array(damage, { minLength: 1, maxLength: 3 }), (seed, damages) => {
        let text = printModule(randomModule(seed), coreRegistry);
        for (const { at, cut, insert } of damages) {
          const offset = Math.floor(at * text.length);
          text = text.slice(0, offset) + insert + text.slice(offset + cut);
        }
        const result = parseModule({ name: "damaged.mlir", text }, coreRegistry);
        expect(result.ok).toBe(result.diagnostics.length === 0);
        for (const { place } of result.diagnostics) {
          expect(place?.span.start).toBeGreaterThanOrEqual(0);
          expect(place?.span.start).toBeLessThan(place?.span.end ?? 0);
          expect(place?.span.start).toBeLessThanOrEqual(text.length);
        }
      }),
      { ...options, numRuns: 400 },
    );
  });
});
