// Mutants: the ways a rule is broken, who notices, and what a note does.

import { describe, expect, test } from "vitest";

import { coreRegistry } from "../../../src/ir/index.js";
import type { MutantReport } from "../../../src/rules/index.js";
import { judgeMutants, resolveTests } from "../../../src/rules/index.js";
import { codesAndPlaces, loadSample, valueOf } from "./support.js";

async function mutantsOf(text: string) {
  const family = valueOf(loadSample(text));
  const tests = valueOf(resolveTests(family, coreRegistry));
  const options = { registry: coreRegistry, tests, others: () => undefined, seed: 1, cases: 12 };
  return judgeMutants(family.rules[0]!, family, options);
}

async function fates(text: string): Promise<Readonly<Record<string, MutantReport["fate"]>>> {
  const { mutants } = await mutantsOf(text);
  return Object.fromEntries(mutants.map(({ title, fate }) => [title, fate]));
}

const swiglu = `exact rule halves {
  mul(silu(slice(?p, axis: 1, start: 0, size: ?n)), slice(?p, axis: 1, start: ?n, size: ?n)) => swiglu(?p)
  where dim(?p, 1) == 2 * ?n
}
`;

describe("a rule is broken", () => {
  test("in its guards, operands, attributes, functions and agreements", async () => {
    const titles = Object.keys(await fates(swiglu));
    expect(titles).toEqual(
      expect.arrayContaining([
        "without `dim(?p, 1) == 2 * ?n`",
        "2 in `dim(?p, 1) == 2 * ?n` becomes 3",
        "`mul` becomes `div`",
        "`silu` becomes `sigmoid`",
        "`axis` of `slice`: 1 becomes 0",
        "`start` of `slice`: 0 becomes 1",
        "`start: 0` of `slice` is any",
        "`?p` in `slice` is any",
        "`?n` in `slice` is any",
      ]),
    );
    expect(new Set(titles).size).toBe(titles.length);
  });

  test("in predicates, permutations, formats and the order of operands", async () => {
    const rule = `exact rule a {
  compare(transpose(cast(?x, dtype: f32), permutation: [1, 0]), ?y, predicate: "le")
  => compare(?y, transpose(cast(?x, dtype: f32), permutation: [1, 0]), predicate: "ge")
}`;
    expect(Object.keys(await fates(rule))).toEqual(
      expect.arrayContaining([
        "`predicate` of `compare`: \"ge\" becomes \"le\"",
        "`permutation` of `transpose`: elements 0 and 1 swapped",
        "`dtype` of `cast`: f32 becomes f16",
        "operands 1 and 2 of `compare` swapped",
      ]),
    );
  });
});

test("the checker sees what is wrong, loading what cannot be, and a test what is missing", async () => {
  const rule = "exact rule a { neg(transpose(?x, permutation: [1, 0])) => transpose(neg(?x), permutation: [1, 0]) where constant(?x) }\n";
  const found = await fates(rule);
  expect(found["`neg` becomes `abs`"]).toBe("check");
  expect(found["without `constant(?x)`"]).toBe("survived");
  const tested = await fates(`${rule} test "activations stay" {
    given ?x: f32[4, 4]
    neg(transpose(?x, permutation: [1, 0])) !=> transpose(neg(?x), permutation: [1, 0])
  }`);
  expect(tested["without `constant(?x)`"]).toBe("test");
});

test("a mutant that applies to nothing else is the rule in other words", async () => {
  const rule = "exact rule a { transpose(transpose(?x, permutation: [1, 0]), permutation: [1, 0]) => ?x where rank(?x) == 2 }";
  expect((await fates(rule))["without `rank(?x) == 2`"]).toBe("equal");
});

test("a note explains a survivor, and is stale when there is none", async () => {
  const rule = (note: string): string => `exact rule a {
  // mutant ok: ${note}, because weights are all that is packed
  neg(transpose(?x, permutation: [1, 0])) => transpose(neg(?x), permutation: [1, 0])
  where constant(?x)
}`;
  const explained = await mutantsOf(rule("without `constant(?x)`"));
  const survivor = explained.mutants.find(({ title }) => title === "without `constant(?x)`");
  expect([survivor?.fate, survivor?.by]).toEqual(["explained", "weights are all that is packed"]);
  expect(explained.diagnostics).toEqual([]);
  const stale = await mutantsOf(rule("`neg` becomes `abs`"));
  expect(codesAndPlaces(stale.diagnostics)).toEqual([expect.stringMatching(/^rule\/stale-note at 3: /)]);
});
