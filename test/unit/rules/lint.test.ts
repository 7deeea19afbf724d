// The lint: each warning on a rule that earns it, and silence on its neighbour that does not.

import { describe, expect, test } from "vitest";

import { coreRegistry } from "../../../src/ir/index.js";
import type { RuleFamily } from "../../../src/rules/index.js";
import { lintAcross, lintRule, loadRuleFile } from "../../../src/rules/index.js";
import { codesAndPlaces, loadSample, sample, valueOf } from "./support.js";

function lintAll(family: RuleFamily): readonly string[] {
  return codesAndPlaces([...family.rules.flatMap((rule) => lintRule(rule)), ...lintAcross([family])]);
}

function lint(text: string): readonly string[] {
  return lintAll(valueOf(loadSample(text)));
}

const matrixNeg = "transpose(transpose(?x, permutation: [1, 0]), permutation: [1, 0]) => ?x";

describe("guards", () => {
  test("one that the types ask for already", () => {
    expect(lint(`exact rule a { ${matrixNeg} where rank(?x) == 2 }`)).toEqual(["rule/guard-always at 2: rank(?x) == 2"]);
  });

  test("one that can never hold", () => {
    expect(lint(`exact rule a { ${matrixNeg} where rank(?x) == 3 }`)).toEqual(["rule/guard-never at 2: rank(?x) == 3"]);
  });

  test("one that decides is left alone, and so is one about a symbolic extent, a weight or an option", () => {
    expect(lint("exact rule a { neg(neg(?x)) => ?x where rank(?x) == 2 }")).toEqual([]);
    expect(lint(`exact rule a { ${matrixNeg} where dim(?x, 0) > 0, constant(?x), quantization("q8") }`)).toEqual([]);
  });
});

describe("growth", () => {
  test("a rule that matches what it builds, larger", () => {
    expect(lint("exact rule grow { neg(?x) => neg(abs(neg(?x))) }")).toEqual(["rule/grows at 2: neg(abs(neg(?x)))"]);
  });

  test("not when it only turns round, when a guard ends it, or when the family explores", () => {
    expect(lint("exact rule turn { add(?a, ?b) => add(?b, ?a) }")).toEqual([]);
    const ends = `reassociates rule ends {
      mul(?x, constant(value: ?s)) => mul(neg(?x), constant(value: -1.0): tensor(f32, [])) where ?s != -1.0
    }`;
    expect(lint(ends)).toEqual([]);
    const text = "rules sample explore\nexact rule grow { neg(?x) => neg(abs(neg(?x))) }";
    expect(lintAll(valueOf(loadRuleFile(sample(text), coreRegistry)))).toEqual([]);
  });
});

test("two rules for one left side, whatever their variables are called", () => {
  const rules = `exact rule one { neg(abs(?x)) => neg(abs(neg(?x))) where rank(?x) == 2 }
exact rule two { neg(abs(?y)) => neg(abs(neg(neg(?y)))) where rank(?y) == 2 }
exact rule three { neg(abs(?y)) => neg(abs(neg(neg(?y)))) where rank(?y) == 3 }`;
  expect(lint(rules).filter((each) => each.startsWith("rule/same-left"))).toEqual(["rule/same-left at 3: two"]);
});

test("a cast of any format in a rule that is not exact", () => {
  const rule = (dtype: string, guard: string): string =>
    `reassociates rule a { add(cast(?x, dtype: ${dtype}), ?y) => add(?y, cast(?x, dtype: dtype(?y))) ${guard} }`;
  expect(lint(rule("_", ""))).toEqual(["rule/open-dtype at 2: cast(?x, dtype: _)"]);
  expect(lint(rule("?d", "where ?d == f32"))).toEqual([]);
  expect(lint(rule("f32", ""))).toEqual([]);
});

describe("a note in the rule", () => {
  test("silences the warning that it explains", () => {
    expect(lint(`exact rule a {
  // lint ok: rule/guard-always, because it says so to a reader
  ${matrixNeg} where rank(?x) == 2 }`)).toEqual([]);
  });

  test("about nothing is said to be stale", () => {
    expect(lint(`exact rule a {
  // lint ok: rule/grows, because of something
  ${matrixNeg} }`)).toEqual(["rule/stale-note at 3: // lint ok: rule/grows, because of something"]);
  });
});
