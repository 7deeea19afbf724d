import { describe, expect, test } from "vitest";

import { cutText } from "../../../src/cli/commands/eval.js";
import { collectNames, parseCount, parseNumber, parseSize, parseWhole } from "../../../src/cli/flags.js";
import { formatBytes, formatNs, formatTable } from "../../../src/cli/format.js";

describe("values of options", () => {
  test("sizes have binary units", () => {
    expect(["512M", "2G", "1.5GiB", "100", "64kb"].map(parseSize)).toEqual([2 ** 29, 2 ** 31, 1.5 * 2 ** 30, 100, 65536]);
  });

  test.each(["", "0", "-1G", "2X", "G", "1e9", "0.0001"])("%j is no size", (text) => {
    expect(() => parseSize(text)).toThrow("512M");
  });

  test("counts and numbers are whole texts", () => {
    expect([parseCount("12"), parseWhole("0"), parseNumber("0.5")]).toEqual([12, 0, 0.5]);
    for (const text of ["", "0", "1.5", "-2", "0x10", "1e3", "9999999999"]) expect(() => parseCount(text)).toThrow();
    for (const text of ["", " ", "ten", "NaN", "Infinity"]) expect(() => parseNumber(text)).toThrow();
  });

  test("names are collected over commas and repeats", () => {
    expect(collectNames("b, c", collectNames("a", []))).toEqual(["a", "b", "c"]);
    expect(() => collectNames(",", [])).toThrow();
  });
});

describe("numbers for people", () => {
  test("have three digits and a unit", () => {
    expect([0, 0.5, 812, 1240, 35_100, 2.034e9].map(formatNs)).toEqual([
      "0.00 ns", "0.50 ns", "812 ns", "1.24 µs", "35.1 µs", "2.03 s",
    ]);
    expect([0, 1023, 1536, 3 * 2 ** 30].map(formatBytes)).toEqual(["0 B", "1023 B", "1.50 KiB", "3.00 GiB"]);
  });

  test("tables align their columns and end their lines", () => {
    expect(formatTable([["a", "1"], ["long", "22"]], ["left", "right"])).toBe("  a      1\n  long  22\n");
  });
});

describe("cutText", () => {
  test("cuts consecutive pieces, the last one shorter", () => {
    expect(cutText("abcdefg", 3, 10)).toEqual(["abc", "def", "g"]);
    expect(cutText("abcdefg", 3, 2)).toEqual(["abc", "def"]);
    expect(cutText("", 3, 2)).toEqual([]);
  });

  test("does not cut through a character", () => {
    expect(cutText("🦊🦉🐝", 2, 2)).toEqual(["🦊🦉", "🐝"]);
  });
});
