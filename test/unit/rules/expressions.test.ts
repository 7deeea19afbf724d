// Guards and attribute expressions: what they are worth, and when they are not known.

import { describe, expect, test } from "vitest";

import type { ValueType } from "../../../src/ir/index.js";
import { tensor } from "../../../src/ir/index.js";
import { parseRuleFile } from "../../../src/rules/index.js";
import { evaluateExpression } from "../../../src/rules/evaluate-expression.js";
import type { ExpressionValue } from "../../../src/rules/expression-values.js";
import { sample, valueOf } from "./support.js";

const types: Readonly<Record<string, ValueType>> = {
  x: tensor("f32", "T", 6, 8),
  w: tensor("f16", 64, 32),
  v: tensor("f16", 64, 32),
  q: { kind: "quantized", shape: [64, 32], bits: 4, group: 32, scaleDtype: "f16" },
  p: { kind: "packed", format: "panel16", shape: [64, 32], sizeBytes: 10 },
  c: { kind: "kv_cache", layers: 2, blockSize: 16, heads: 4, headDim: 8, dtype: "f16" },
};
const attributes: Readonly<Record<string, ExpressionValue>> = { n: 12, s: "eq", l: [2, 0, 1], d: { kind: "symbolic", name: "T" } };

function evaluate(text: string, settings: Record<string, string> = {}): ExpressionValue | undefined {
  const file = valueOf(parseRuleFile(sample(`rules a simplify exact rule a { neg(?x) => ?x where ${text} }`)));
  const [rule] = file.items;
  const guards = rule?.kind === "rule" ? rule.guards : [];
  const lookup = (name: string): ExpressionValue | undefined => {
    const type = types[name];
    const identity = Object.keys(types).indexOf(name);
    return type ? { kind: "operand", type, constant: name !== "x", identity } : attributes[name];
  };
  return evaluateExpression(guards[0]!, { settings, lookup });
}

describe("arithmetic is exact, and what is not a number is not known", () => {
  test.each([
    ["1 + 2 * 3 - 4", 3],
    ["(1 + 2) * 3", 9],
    ["10 - 2 - 3", 5],
    ["7 / 2", 3.5],
    ["-?n + 1", -11],
    ["?n % 5", 2],
    ["-7 % 5", 3],
    ["1 / 0", undefined],
    ["1 % 0", undefined],
    ["1.5 % 1", undefined],
    ["9007199254740991 + 1", undefined],
    ["1e30 * 10.0", 1e31],
    ["inf - inf", undefined],
    ["dim(?x, 0) + 1", undefined],
    ["dim(?x, 1) + 1", 7],
  ])("%s", (text, value) => {
    expect(evaluate(text)).toBe(value);
  });
});

describe("comparisons know three answers", () => {
  test.each([
    ["dim(?x, 0) == dim(?x, 0)", true],
    ['dim(?x, 0) == "T"', true],
    ['dim(?x, 0) == "S"', undefined],
    ["dim(?x, 0) == 4", undefined],
    ["dim(?x, 0) != 4", undefined],
    ["not dim(?x, 0) == 4", undefined],
    ["?d == dim(?x, 0)", true],
    ["dim(?x, 1) >= 6", true],
    ["dim(?x, 1) < 6", false],
    ['?s == "eq"', true],
    ['?s != "ne"', true],
    ["shape(?w) == [64, 32]", true],
    ["shape(?w) == [64, 33]", false],
    ["shape(?x) == [4, 6, 8]", undefined],
    ["shape(?x) == [4, 6, 9]", false],
    ["type(?w) == tensor(f16, [64, 32])", true],
    ["dim(?x, 0) == 4 or rank(?x) == 3", true],
    ["dim(?x, 0) == 4 or rank(?x) == 2", undefined],
    ["rank(?x) == 4 or rank(?x) == 2", false],
    ["not rank(?x) == 4", true],
    ["true == false", false],
  ])("%s", (text, value) => {
    expect(evaluate(text)).toBe(value);
  });
});

describe("the prelude", () => {
  test.each([
    ["constant(?w)", true],
    ["constant(?x)", false],
    ["distinct(?x, ?w, ?v)", true],
    ["distinct(?x, ?w, ?x)", false],
    ["same_type(?w, ?v)", true],
    ["same_type(?w, ?x)", false],
    ["rank(?x)", 3],
    ["rank(?c)", undefined],
    ["dim(?x, -1)", 8],
    ["dim(?x, 3)", undefined],
    ["rows(?q)", 64],
    ["cols(?p)", 32],
    ["elements(?w)", 2048],
    ["elements(?x)", undefined],
    ["dtype(?w)", "f16"],
    ["dtype(?q)", undefined],
    ["kind(?c)", "kv_cache"],
    ["format(?p)", "panel16"],
    ["format(?w)", undefined],
    ["bits(?q)", 4],
    ["group(?q)", 32],
    ["layers(?c)", 2],
    ["block_size(?c)", 16],
    ["heads(?c)", 4],
    ["head_dim(?c)", 8],
    ["heads(?x)", undefined],
    ["is_float(dtype(?w))", true],
    ["is_float(i32)", false],
    ["is_power_of_two(0.25)", true],
    ["is_power_of_two(12)", false],
    ["is_power_of_two(0)", false],
    ["sqrt(16)", 4],
    ["sqrt(-1)", undefined],
    ["abs(-3)", 3],
    ["min(2, 3) + max(2, 3)", 5],
    ["length(?l)", 3],
    ["element(?l, 0)", 2],
    ["element(?l, 3)", undefined],
    ["compose(?l, ?l) == [1, 2, 0]", true],
    ["compose(?l, [0, 1]) == ?l", undefined],
  ])("%s", (text, value) => {
    expect(evaluate(text)).toEqual(value);
  });

  test("reads compile options", () => {
    expect(evaluate('option("mode")')).toBeUndefined();
    expect(evaluate('option("mode") == "fast"', { mode: "fast" })).toBe(true);
    const levels = ["none", "q8", "q4", "odd"].map((quantize) => [
      evaluate('quantization("q8")', { quantize }),
      evaluate('quantization("q4")', { quantize }),
    ]);
    expect(levels).toEqual([
      [false, false],
      [true, false],
      [true, true],
      [false, false],
    ]);
    expect(evaluate('quantization("none")', { quantize: "q4" })).toBe(false);
  });
});
