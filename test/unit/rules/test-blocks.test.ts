// `test` blocks: what passes, what fails and what it is told, and what cannot be meant.

import { describe, expect, test } from "vitest";

import { coreRegistry } from "../../../src/ir/index.js";
import type { RuleFamily, TestReport } from "../../../src/rules/index.js";
import { resolveTests, runTest } from "../../../src/rules/index.js";
import { codesAndPlaces, loadSample, valueOf } from "./support.js";

const negNeg = "exact rule neg_neg { neg(neg(?x)) => ?x }\n";

function family(text: string): RuleFamily {
  return valueOf(loadSample(text));
}

function run(text: string, others: Readonly<Record<string, string>> = {}): readonly TestReport[] {
  const own = family(text);
  const known = new Map(Object.entries(others).map(([name, rules]) => [name, family(rules).rules]));
  const tests = valueOf(resolveTests(own, coreRegistry));
  return tests.map((each) => runTest(each, own.rules, (name) => known.get(name), coreRegistry));
}

function onlyReport(text: string, others: Readonly<Record<string, string>> = {}): TestReport {
  return run(text, others)[0]!;
}

describe("a goal", () => {
  test("is reached by the file's own rules", () => {
    const { passed, applied } = onlyReport(`${negNeg} test "twice" { given ?x: f32[T] neg(neg(?x)) => ?x }`);
    expect([passed, applied]).toEqual([true, ["neg_neg"]]);
  });

  test("that is not reached fails, with what was reached instead", () => {
    const report = onlyReport(`${negNeg} test "thrice" { given ?x: f32[T] neg(neg(neg(?x))) => ?x }`);
    expect(codesAndPlaces(report.diagnostics)).toEqual(["rule/test-failed at 3: ?x"]);
    expect(report.diagnostics[0]?.hint).toBe("it is equal to `neg(?x)`");
    expect(report.passed).toBe(false);
  });

  test("that must not be reached fails when it is, and names the rules", () => {
    const report = onlyReport(`${negNeg} test "never" { given ?x: f32[T] neg(neg(?x)) !=> ?x }`);
    expect(codesAndPlaces(report.diagnostics)).toEqual(["rule/test-failed at 3: ?x"]);
    expect(report.diagnostics[0]?.hint).toBe("rules that were applied: `neg_neg`");
  });

  test("that must not be reached is not reached from its own side either", () => {
    const text = `exact rule one_way { abs(?x) => neg(?x) } test "back" { given ?x: f32[T] neg(?x) !=> abs(?x) }`;
    expect(onlyReport(text).passed).toBe(false);
  });

  test("is reached with the rules of another family", () => {
    const others = { signs: negNeg };
    expect(onlyReport('test "with" { with signs given ?x: f32[T] neg(neg(?x)) => ?x }', others).passed).toBe(true);
    const report = onlyReport('test "with" { with sings given ?x: f32[T] neg(neg(?x)) => ?x }', others);
    expect(codesAndPlaces(report.diagnostics)).toEqual(["rule/unknown-family at 2: sings"]);
  });

  test("depends on compile options", () => {
    const rule = 'exact rule mode { neg(neg(?x)) => ?x where option("mode") == "fast" }\n';
    const [fast, slow] = run(`${rule} given ?x: f32[T]
      test "fast" { option mode: "fast" neg(neg(?x)) => ?x }
      test "slow" { option mode: "slow" neg(neg(?x)) !=> ?x }`);
    expect([fast?.passed, slow?.passed]).toEqual([true, true]);
  });

  test("is not reached by a rule for weights when the leaf is an activation", () => {
    const rule = "exact rule weights { neg(neg(?x)) => ?x where constant(?x) }\n";
    const [weight, activation] = run(`${rule}
      test "weight" { given ?x: const f32[T] neg(neg(?x)) => ?x }
      test "activation" { given ?x: f32[T] neg(neg(?x)) => ?x }`);
    expect([weight?.passed, activation?.passed]).toEqual([true, false]);
  });
});

test("rules that never come to an end fail the test, whatever it asks", () => {
  const grow = "exact rule grow { neg(?x) => abs(neg(neg(?x))) }\n";
  const [positive, negative] = run(`${grow} given ?x: f32[T]
    test "reached" { neg(?x) => abs(?x) }
    test "not reached" { neg(?x) !=> abs(?x) }`);
  expect([positive?.passed, negative?.passed]).toEqual([false, false]);
  expect(negative?.diagnostics[0]?.message).toContain("did not come to an end");
});

describe("a test that cannot be meant is refused", () => {
  test.each([
    ["a goal of another type", "given ?x: f32[T, 4] neg(?x) !=> reduce_sum(?x, axis: 1, keep: false)", "rule/test-type"],
    ["an ill-typed term", "given ?x: f32[T, 4], ?y: f32[T, 5] add(?x, ?y) => ?x", "rule/test-type"],
    ["a leaf that is not declared", "neg(neg(?x)) => ?x", "rule/unbound-variable"],
    ["an unknown op", "given ?x: f32[T] negg(?x) => ?x", "rule/unknown-op"],
    ["a wildcard", "given ?x: f32[T] neg(_) => ?x", "rule/wildcard"],
    ["an unknown dtype", "given ?x: f33[T] neg(?x) => ?x", "rule/declaration"],
    ["an extent of nothing", "given ?x: f32[0] neg(?x) => ?x", "rule/declaration"],
    ["a name declared twice", "given ?x: f32[T], ?x: f32[S] neg(?x) => ?x", "rule/declaration"],
    ["a type that is none", "given ?x: tensor(a: 1) neg(?x) => ?x", "rule/declaration"],
    ["a cache of no layers", "given ?x: kv_cache(layers: 0, block_size: 4, heads: 2, head_dim: 4, dtype: f32) neg(?x) => ?x", "rule/declaration"],
  ])("%s", (_, body, code) => {
    const resolved = resolveTests(family(`test "t" { ${body} }`), coreRegistry);
    expect(resolved.ok).toBe(false);
    expect(resolved.diagnostics.map((each) => each.code)).toContain(code);
  });

  test("two tests of one title", () => {
    const body = '{ given ?x: f32[T] neg(neg(?x)) => ?x }';
    const resolved = resolveTests(family(`${negNeg} test "t" ${body} test "t" ${body}`), coreRegistry);
    expect(resolved.diagnostics.map((each) => each.code)).toEqual(["rule/duplicate-name"]);
  });
});

test("a declaration inside a test replaces the file's", () => {
  const [outer, inner] = run(`${negNeg} given ?x: f32[T]
    test "outer" { neg(neg(?x)) => ?x }
    test "inner" { given ?x: f16[4, 4] transpose(neg(neg(?x)), permutation: [1, 0]) => transpose(?x, permutation: [1, 0]) }`);
  expect([outer?.passed, inner?.passed]).toEqual([true, true]);
});
