/**
 * `llmir rules check`: every rule against random operands, and what the lint says of it. Rule files are data
 * from anywhere: each is read alone, and its names mean the ops of the IR and the kernels of all targets.
 */

import type { Diagnostic } from "../../diagnostics/index.js";
import type { CheckOptions, CompiledRule } from "../../rules/index.js";
import { checkRule, lintAcross, lintRule } from "../../rules/index.js";
import type { KeptReport } from "../../compiler/index.js";
import { RuleVerdicts } from "../../compiler/index.js";
import type { Door } from "../door.js";
import { writeJson } from "../door.js";
import { count } from "../format.js";
import { readFamilies, settle } from "../rule-sources.js";

export interface CheckFlags {
  readonly seed: number;
  readonly cases: number;
  /** False when verdicts of earlier runs are not to be used. */
  readonly cache: boolean;
  readonly json?: boolean;
}

export async function checkRules(door: Door, paths: readonly string[], flags: CheckFlags): Promise<void> {
  const { families, diagnostics: faults } = readFamilies(door, paths);
  const { seed, cases } = flags;
  const verdicts = new RuleVerdicts(door.host, { seed, cases });
  const diagnostics: Diagnostic[] = [...faults];
  const rows: CheckRow[] = [];
  for (const rule of families.flatMap(({ rules }) => rules)) {
    const kept = flags.cache ? verdicts.find(rule) : undefined;
    const row = kept === undefined
      ? await checkAnew(rule, { seed, cases }, verdicts)
      : { rule, report: kept, found: kept.noted === true ? lintRule(rule) : [], cached: true };
    diagnostics.push(...row.found);
    rows.push(row);
    if (flags.json !== true) door.terminal.out(renderRow(row));
  }
  verdicts.save();
  diagnostics.push(...lintAcross(families));
  if (flags.json === true) writeJson(door, rows.map(toJson));
  else door.terminal.out(`${count(rows.length, "rule")} checked${cachedNote(rows)}\n`);
  settle(door, diagnostics);
}

interface CheckRow {
  readonly rule: CompiledRule;
  readonly report: KeptReport;
  readonly found: readonly Diagnostic[];
  readonly cached: boolean;
}

async function checkAnew(
  rule: CompiledRule,
  options: Partial<CheckOptions>,
  verdicts: RuleVerdicts,
): Promise<CheckRow> {
  const report = await checkRule(rule, options);
  const notes = lintRule(rule);
  const found = [...report.diagnostics, ...notes];
  if (report.diagnostics.length === 0) verdicts.keep(rule, report, notes.length > 0);
  return { rule, report, found, cached: false };
}

function cachedNote(rows: readonly CheckRow[]): string {
  const cached = rows.filter((row) => row.cached).length;
  return cached === 0 ? "" : `, ${cached} of them earlier`;
}

function verdict({ found }: CheckRow): "sound" | "unsound" | "unchecked" {
  if (found.some(({ code }) => code === "rule/unsound")) return "unsound";
  return found.some(({ code }) => code === "rule/unchecked") ? "unchecked" : "sound";
}

function renderRow(row: CheckRow): string {
  const { relativeError, evaluations } = row.report;
  const error = relativeError === undefined ? "" : `off by ${(100 * relativeError).toPrecision(2)} %`;
  const drawn = `${evaluations} evaluations`;
  return `  ${verdict(row).padEnd(9)}  ${row.rule.name.padEnd(28)}  ${drawn.padEnd(17)}  ${error}`.trimEnd() + "\n";
}

function toJson(row: CheckRow): object {
  const { cases, evaluations, relativeError } = row.report;
  const { name, file, line, numerics } = row.rule;
  const found = { verdict: verdict(row), cases, evaluations, relativeError: relativeError ?? null };
  return { name, file, line, numerics, ...found, cached: row.cached };
}
