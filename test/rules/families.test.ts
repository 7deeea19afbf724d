// Runs the `test` blocks of every shipped rule file: what the family proves, and what it must not prove.

import { readdirSync, readFileSync } from "node:fs";

import { describe, expect, it } from "vitest";

import { targets } from "../../src/compiler/index.js";
import type { Result } from "../../src/diagnostics/index.js";
import { renderDiagnostics } from "../../src/diagnostics/index.js";
import { coreRegistry } from "../../src/ir/index.js";
import { loadRuleFile, resolveTests, runTest } from "../../src/rules/index.js";

const registry = coreRegistry.extend(targets.flatMap(({ kernels }) => kernels));

const names = [
  ...readdirSync("rules").filter((name) => name.endsWith(".rules") && name !== "main.rules"),
  ...targets.flatMap(({ ruleFiles }) => ruleFiles),
];

const families = names.map((name) =>
  valueOf(loadRuleFile({ name, text: readFileSync(`rules/${name}`, "utf8") }, registry)),
);
const rulesByFamily = new Map(families.map(({ name, rules }) => [name, rules]));

function valueOf<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(renderDiagnostics(result.diagnostics));
  return result.value;
}

describe.each(families)("the family $name", (family) => {
  const tests = valueOf(resolveTests(family, registry));

  it.each(tests)("$title", (test) => {
    const { diagnostics } = runTest(test, family.rules, (name) => rulesByFamily.get(name), registry);
    expect(renderDiagnostics(diagnostics)).toBe("");
  });

  it("says what it proves and what it must not", () => {
    expect(new Set(tests.map(({ reaches }) => reaches))).toEqual(new Set([true, false]));
  });
});
