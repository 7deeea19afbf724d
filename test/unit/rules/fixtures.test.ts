// Rule files that must load, and rule files whose mistakes are marked where they stand.

import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

import { coreRegistry } from "../../../src/ir/index.js";
import { loadRuleFile } from "../../../src/rules/index.js";
import { codesAndPlaces, expectedByMarks, sample } from "./support.js";

function fixtures(kind: string): readonly { readonly name: string; readonly text: string }[] {
  const folder = fileURLToPath(new URL(`../../fixtures/rules/${kind}/`, import.meta.url));
  return readdirSync(folder).map((name) => ({ name, text: readFileSync(folder + name, "utf8") }));
}

describe("a right rule file loads without a word", () => {
  test.each(fixtures("accept"))("$name", ({ text }) => {
    const result = loadRuleFile(sample(text), coreRegistry);
    expect(codesAndPlaces(result.diagnostics)).toEqual([]);
    expect(result.ok).toBe(true);
  });
});

describe("a wrong rule file is told what is wrong and where", () => {
  test.each(fixtures("reject"))("$name", ({ text }) => {
    const result = loadRuleFile(sample(text), coreRegistry);
    const found = codesAndPlaces(result.diagnostics).filter((each) => !each.startsWith("rule/unused-variable"));
    const expected = expectedByMarks(text).filter((each) => !each.startsWith("rule/unused-variable"));
    expect(expected.length).toBeGreaterThan(0);
    expect([...found].sort()).toEqual([...expected].sort());
    expect(result.ok).toBe(false);
  });
});
