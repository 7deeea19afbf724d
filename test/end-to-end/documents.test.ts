// Documents that are made from the program are current, and what README shows is what runs.

import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { expect, test } from "vitest";

import { catalogue } from "../../src/diagnostics/index.js";
import { repositoryRoot, runScript } from "../support/run-cli.js";

const documents = [
  "README.md",
  "CONTRIBUTING.md",
  "docs/architecture.md",
  "docs/diagnostics.md",
  "docs/languages/rules.md",
  "docs/tutorials/write-a-fusion-rule.md",
  ...["add-a-kernel", "add-a-model", "add-a-rule", "add-an-op"].map((name) => `docs/recipes/${name}.md`),
];

function read(path: string): string {
  return readFileSync(join(repositoryRoot, path), "utf8");
}

test("npm run docs has nothing to write", { timeout: 120_000 }, async () => {
  const { exitCode, stderr } = await runScript("scripts/write-docs.mjs", ["--check"], "");
  expect(exitCode, stderr).toBe(0);
});

test("docs/diagnostics.md has an entry for every code", () => {
  const page = read("docs/diagnostics.md");
  for (const code of Object.keys(catalogue)) expect(page).toContain(`### \`${code}\``);
});

test.each(documents)("the links of %s lead to files", (path) => {
  const targets = [...read(path).matchAll(/\]\(([^)#:]+)\)/g)].map(([, target = ""]) => target);
  const missing = targets.filter((target) => !existsSync(join(repositoryRoot, dirname(path), target)));
  expect(missing).toEqual([]);
});

test.each(documents)("the sources that %s names are there", (path) => {
  const named = [...read(path).matchAll(/`((?:src|test|rules|backends|bench|examples)\/[\w./-]+)`/g)];
  const missing = named.map(([, name = ""]) => name).filter((name) => !existsSync(join(repositoryRoot, name)));
  expect(missing).toEqual([]);
});

test("README's rule is the shipped one", () => {
  const [, rule = ""] = /```\n(\/\/\/[^]*?)```/.exec(read("README.md")) ?? [];
  expect(rule).toContain("rule merge_gate_up");
  expect(read("rules/projections.rules")).toContain(rule.trim());
});

test("README's program is the one in examples", () => {
  const [, program = ""] = /```js\n([^]*?)```/.exec(read("README.md")) ?? [];
  const example = read("examples/generate.mjs");
  const lines = program.split("\n").filter((line) => /^(import|for|await)/.test(line));
  expect(lines.length).toBe(3);
  for (const line of lines) expect(example).toContain(line.replace('"Once upon a time"', "prompt"));
});
