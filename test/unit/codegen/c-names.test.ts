import { describe, expect, test } from "vitest";

import { cComment, cFloat, cIdentifier, cString, printList } from "../../../src/codegen/index.js";
import { TextWriter } from "../../../src/base/index.js";

describe("identifiers", () => {
  test.each([
    ["x", "x"],
    ["layer.0/q-proj", "layer_0_q_proj"],
    ["9lives", "_9lives"],
    ["", "_"],
    ["int", "int_"],
    ["worker", "worker_"],
    ["größe", "gr__e"],
  ])("%j becomes %s", (name, identifier) => {
    expect(cIdentifier(name)).toBe(identifier);
  });
});

describe("comments", () => {
  test.each([
    ["a */ b", "a * / b"],
    ["a /* b", "a / * b"],
    ["two\nlines", "two lines"],
    ["ends with \\", "ends with  "],
    ["*/*/", "* / * /"],
  ])("%j cannot end or continue a comment", (text, safe) => {
    expect(cComment(text)).toBe(safe);
    expect(cComment(text)).not.toMatch(/\*\/|\n|\\/);
  });
});

describe("strings", () => {
  test.each([
    ["plain", '"plain"'],
    ['a "quote"', String.raw`"a \"quote\""`],
    ["back\\slash", String.raw`"back\\slash"`],
    ["?" + "?/", String.raw`"\?\?/"`],
    ["line\n", String.raw`"line\012"`],
    ["é", String.raw`"\303\251"`],
    ["\u00011", String.raw`"\0011"`],
  ])("%j is written as %s", (text, literal) => {
    expect(cString(text)).toBe(literal);
  });
});

describe("floats", () => {
  test.each([
    [1, "1.0f"],
    [0.1, "0.10000000149011612f"],
    [-0, "-0.0f"],
    [1e30, "1.0000000150474662e+30f"],
    [Infinity, "INFINITY"],
    [-Infinity, "-INFINITY"],
    [NaN, "NAN"],
  ])("%d is written as %s", (value, literal) => {
    expect(cFloat(value)).toBe(literal);
  });
});

test("a list takes as many lines as it needs", () => {
  const out = new TextWriter();
  printList("call(", Array.from({ length: 12 }, (_, i) => `an_argument_${i}`), ");", out);
  const lines = out.toString().trimEnd().split("\n");
  expect(lines).toHaveLength(2);
  expect(lines.join("").replace(/\s+/g, " ")).toContain("an_argument_6, an_argument_7");
  expect(lines[1]).toMatch(/^ {4}an_argument_\d+, .*an_argument_11\);$/);
});
