/** `llmir rules mutate`: breaks each rule in many ways, and shows which of them nothing notices. */

import type { Command } from "commander";

import type { Diagnostic } from "../../diagnostics/index.js";
import { locate } from "../../diagnostics/index.js";
import type { CompiledRule, MutantFate, MutantReport, RuleFamily } from "../../rules/index.js";
import { judgeMutants, resolveTests, runTest } from "../../rules/index.js";
import type { Door } from "../door.js";
import { writeJson } from "../door.js";
import { parseCount, parseWhole } from "../flags.js";
import { count, formatTable } from "../format.js";
import { familyRules, readFamilies, settle, toolRegistry } from "../rule-sources.js";

interface Flags {
  readonly seed: number;
  readonly cases: number;
  readonly rule?: string;
  readonly json?: boolean;
}

export function addRulesMutate(rules: Command, door: Door): void {
  rules
    .command("mutate")
    .summary("break rules, and see who notices")
    .description(
      "Changes each rule in one place at a time: a guard less, operands swapped, another axis, constant, format or " +
        "function. A change that neither loading, nor the checker, nor the file's tests notice is listed. A comment " +
        "`// mutant ok: TITLE, because REASON` in the rule explains one that is as true as the rule.",
    )
    .argument("[files...]", "rule files or folders (default: the shipped rules)")
    .option("--rule <name>", "only this rule")
    .option("--seed <number>", "same seed, same operands", parseWhole, 1)
    .option("--cases <count>", "draws for each mutant", parseCount, 12)
    .option("--json", "print a record for each mutant")
    .addHelpText("after", "\nExamples:\n  llmir rules mutate my-family.rules\n  llmir rules mutate --rule c_matmul")
    .action((files: readonly string[], flags: Flags) => mutate(door, files, flags));
}

interface Row extends MutantReport {
  readonly file: string;
  readonly line: number;
}

async function mutate(door: Door, paths: readonly string[], flags: Flags): Promise<void> {
  const { families, diagnostics: faults } = readFamilies(door, paths);
  const diagnostics: Diagnostic[] = [...faults];
  const others = familyRules(door, families);
  const rows: Row[] = [];
  for (const family of families) {
    const resolved = resolveTests(family, toolRegistry);
    const reports = (resolved.ok ? resolved.value : []).map((test) => {
      return { test, ...runTest(test, family.rules, others, toolRegistry) };
    });
    diagnostics.push(...resolved.diagnostics, ...reports.flatMap((each) => each.diagnostics));
    // One that fails without a mutant would catch them all.
    const tests = reports.filter(({ passed }) => passed).map(({ test }) => test);
    const { seed, cases } = flags;
    const known = { registry: toolRegistry, tests, others, seed, cases };
    for (const rule of family.rules.filter(({ name }) => flags.rule === undefined || name === flags.rule)) {
      const found = await judgeMutants(rule, family, known);
      diagnostics.push(...found.diagnostics);
      const own = found.mutants.map((each) => ({ ...each, file: family.file, line: lineOf(family, each) }));
      rows.push(...own);
      if (flags.json !== true) door.terminal.out(renderRule(rule, own));
    }
  }
  if (flags.json === true) writeJson(door, { ...totals(rows), rows: rows.map(toJson) });
  else door.terminal.out(renderTotals(rows));
  settle(door, diagnostics);
}

function lineOf({ source }: RuleFamily, { span }: MutantReport): number {
  return locate(source.text, span.start).line;
}

function tally(rows: readonly Row[], ...fates: readonly MutantFate[]): number {
  return rows.filter(({ fate }) => fates.includes(fate)).length;
}

function totals(rows: readonly Row[]): object {
  const fates = ["static", "check", "test", "equal", "explained", "survived"] as const;
  const counts = Object.fromEntries(fates.map((fate) => [fate, tally(rows, fate)]));
  return { mutants: rows.length, ...counts, caughtShare: caughtShare(rows) };
}

/** Of the mutants that say something else than their rule; those with an explanation count as not caught. */
function caughtShare(rows: readonly Row[]): number {
  const others = rows.length - tally(rows, "equal");
  return others === 0 ? 1 : tally(rows, "static", "check", "test") / others;
}

function renderRule({ name }: CompiledRule, rows: readonly Row[]): string {
  const caught = tally(rows, "static", "check", "test");
  const survivors = rows.filter(({ fate }) => fate === "survived" || fate === "explained");
  const others = rows.length - tally(rows, "equal");
  const lines = survivors.map(({ fate, title, by, line }) => `      ${fate} at line ${line}: ${title}${by === "" ? "" : `, because ${by}`}\n`);
  return `  ${name.padEnd(28)}  ${caught} of ${others} caught\n${lines.join("")}`;
}

function renderTotals(rows: readonly Row[]): string {
  const share = `${(100 * caughtShare(rows)).toFixed(1)} %`;
  const table = formatTable(
    [
      ["refused when loaded", String(tally(rows, "static"))],
      ["shown wrong by the checker", String(tally(rows, "check"))],
      ["failing a test", String(tally(rows, "test"))],
      ["saying the same as the rule", String(tally(rows, "equal"))],
      ["surviving, with a reason", String(tally(rows, "explained"))],
      ["surviving", String(tally(rows, "survived"))],
    ],
    ["left", "right"],
  );
  return `${count(rows.length, "mutant")}, ${share} caught\n${table}`;
}

function toJson({ rule, file, line, title, fate, by }: Row): object {
  return { rule, file, line, title, fate, by };
}
