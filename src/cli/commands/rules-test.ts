/** `llmir rules test`: the `test` blocks of rule files. */

import type { Command } from "commander";

import type { Diagnostic } from "../../diagnostics/index.js";
import type { RuleFamily, TestReport } from "../../rules/index.js";
import { resolveTests, runTest } from "../../rules/index.js";
import type { Door } from "../door.js";
import { writeJson } from "../door.js";
import { count } from "../format.js";
import { familyRules, readFamilies, settle, toolRegistry } from "../rule-sources.js";

interface Flags {
  readonly json?: boolean;
}

export function addRulesTest(rules: Command, door: Door): void {
  rules
    .command("test")
    .summary("run the tests in rule files")
    .description("Runs the `test` blocks of rule files: goals that the rules must reach, and goals that they must not.")
    .argument("[files...]", "rule files or folders (default: the shipped rules)")
    .option("--json", "print a record for each test")
    .addHelpText("after", "\nExamples:\n  llmir rules test\n  llmir rules test my-family.rules")
    .action((files: readonly string[], flags: Flags) => {
      testRules(door, files, flags);
    });
}

function testRules(door: Door, paths: readonly string[], flags: Flags): void {
  const { families, diagnostics: faults } = readFamilies(door, paths);
  const others = familyRules(door, families);
  const diagnostics: Diagnostic[] = [...faults];
  const rows: (TestReport & { readonly file: string })[] = [];
  for (const family of families) {
    const resolved = resolveTests(family, toolRegistry);
    diagnostics.push(...resolved.diagnostics);
    if (!resolved.ok) continue;
    const reports = resolved.value.map((test) => runTest(test, family.rules, others, toolRegistry));
    rows.push(...reports.map((report) => ({ ...report, file: family.file })));
    diagnostics.push(...reports.flatMap((report) => report.diagnostics));
    if (flags.json !== true) door.terminal.out(renderFamily(family, reports));
  }
  if (flags.json === true) writeJson(door, rows.map(toJson));
  const failed = rows.filter(({ passed }) => !passed).length;
  if (flags.json !== true) door.terminal.out(`${count(rows.length, "test")}, ${failed} failed\n`);
  settle(door, diagnostics);
}

function renderFamily({ name }: RuleFamily, reports: readonly TestReport[]): string {
  const lines = reports.map(({ title, passed }) => `  ${passed ? "passed" : "FAILED"}  ${title}\n`);
  return `${name}\n${lines.join("")}`;
}

function toJson({ file, title, passed, applied }: TestReport & { readonly file: string }): object {
  return { file, title, passed, applied };
}
