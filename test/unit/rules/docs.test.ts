// The examples of docs/languages/rules.md load, and its table of functions is the prelude.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

import { coreRegistry } from "../../../src/ir/index.js";
import { checkRule, loadRuleFile, loadRules, prelude, resolveTests, runTest } from "../../../src/rules/index.js";
import { codesAndPlaces, valueOf } from "./support.js";

const document = readFileSync(fileURLToPath(new URL("../../../docs/languages/rules.md", import.meta.url)), "utf8");
const examples = [...document.matchAll(/```rules(?: file=(\S+))?\n([\s\S]*?)```/g)].map(([, file, text = ""]) => {
  const family = /^rules (\S+)/m.exec(text)?.[1];
  return { name: file ?? `${family ?? "unnamed"}.rules`, text };
});

test.each(examples.filter(({ name }) => name !== "main.rules"))("the example $name loads, and its rules hold", async (source) => {
  const family = valueOf(loadRuleFile(source, coreRegistry));
  expect(family.rules.length).toBeGreaterThan(0);
  for (const rule of family.rules) expect((await checkRule(rule, { cases: 5 })).diagnostics).toEqual([]);
  for (const each of valueOf(resolveTests(family, coreRegistry))) {
    expect(runTest(each, family.rules, () => undefined, coreRegistry)).toMatchObject({ passed: true });
  }
});

test("the example of a schedule loads; families without a file are warnings", () => {
  const result = loadRules(examples, coreRegistry);
  expect([...new Set(result.diagnostics.map(({ code }) => code))]).toEqual(["rule/missing-file"]);
  expect(valueOf(result).phases.map(({ name, families }) => [name, families])).toEqual([
    ["simplify", []],
    ["fuse", ["norms", "projections"]],
  ]);
});

test("the table of functions is the prelude", () => {
  const rows = [...prelude.values()].map(({ name, parameters, rest, result, doc }) => {
    const kinds = [...parameters, ...(rest === undefined ? [] : ["…"])];
    return `| \`${name}(${kinds.join(", ")})\` | ${result} | ${doc} |`;
  });
  const table = ["| function | gives | |", "|---|---|---|", ...rows].join("\n");
  const [, written] = /<!-- prelude:begin -->\n([\s\S]*?)\n?<!-- prelude:end -->/.exec(document) ?? [];
  expect(written).toBe(table);
});

test("every limit that the document states is one that a test provokes", () => {
  expect(codesAndPlaces(loadRuleFile({ name: "a.rules", text: " ".repeat(512 * 1024 + 1) }, coreRegistry).diagnostics)).toEqual([
    "rule/too-large at ?",
  ]);
});
