/**
 * `llmir rules check`: every rule against random operands. Rule files are data from anywhere: each is read
 * alone, and its names mean the ops of the IR and the kernels of the target.
 */

import { targetRegistry } from "../../compiler/index.js";
import type { Diagnostic, Source } from "../../diagnostics/index.js";
import type { CheckReport, CompiledRule } from "../../rules/index.js";
import { checkRule, loadRuleFile } from "../../rules/index.js";
import type { Door } from "../door.js";
import { CommandFailure, writeJson } from "../door.js";
import { count } from "../format.js";
import { defaultTarget, shippedRules } from "../shipped-rules.js";

export interface CheckFlags {
  readonly seed: number;
  readonly cases: number;
  readonly json?: boolean;
}

export async function checkRules(door: Door, paths: readonly string[], flags: CheckFlags): Promise<void> {
  const shipped = paths.length === 0;
  const { rules, faults } = shipped ? { ...shippedRules(door), faults: [] } : readFiles(door, paths);
  const { seed, cases } = flags;
  const diagnostics: Diagnostic[] = [...faults];
  const rows: (readonly [CompiledRule, CheckReport])[] = [];
  for (const rule of rules) {
    const report = await checkRule(rule, { seed, cases });
    rows.push([rule, report]);
    diagnostics.push(...report.diagnostics);
    if (flags.json !== true) door.terminal.out(renderRow(rule, report));
  }
  if (flags.json === true) writeJson(door, rows.map(([rule, report]) => toJson(rule, report)));
  if (diagnostics.some(({ severity }) => severity === "error")) throw new CommandFailure(...diagnostics);
  door.report(diagnostics);
  if (flags.json !== true) door.terminal.out(`${count(rows.length, "rule")} checked\n`);
}

interface FilesRead {
  readonly rules: readonly CompiledRule[];
  readonly faults: readonly Diagnostic[];
}

/** Rules of the files that can be read, and what is wrong with the others. */
function readFiles(door: Door, paths: readonly string[]): FilesRead {
  const registry = targetRegistry(defaultTarget());
  const results = paths.map((path) => {
    const source = readSource(door, path);
    // Rules about small weights are checked too.
    return loadRuleFile(source, registry, { quantize: "q4" });
  });
  return {
    rules: results.flatMap((each) => (each.ok ? each.value.rules : [])),
    faults: results.flatMap((each) => each.diagnostics),
  };
}

/** A family is named for its path below the folder of rules, or for its file where there is none. */
function readSource({ host }: Door, path: string): Source {
  const { files } = host;
  const full = files.resolve(path);
  const shipped = files.join(host.assetRoot, "rules", "x").slice(0, -1);
  const below = full.startsWith(shipped) ? full.slice(shipped.length) : (full.split(/[/\\]/).at(-1) ?? full);
  return { name: below.replaceAll("\\", "/"), text: files.readText(path) };
}

function verdict({ diagnostics }: CheckReport): "sound" | "unsound" | "unchecked" {
  if (diagnostics.some(({ code }) => code === "rule/unsound")) return "unsound";
  return diagnostics.some(({ code }) => code === "rule/unchecked") ? "unchecked" : "sound";
}

function renderRow(rule: CompiledRule, report: CheckReport): string {
  const error = report.relativeError === undefined ? "" : `off by ${(100 * report.relativeError).toPrecision(2)} %`;
  const evaluations = `${report.evaluations} evaluations`;
  return `  ${verdict(report).padEnd(9)}  ${rule.name.padEnd(28)}  ${evaluations.padEnd(16)}  ${error}`.trimEnd() + "\n";
}

function toJson(rule: CompiledRule, report: CheckReport): object {
  const { cases, evaluations, relativeError } = report;
  const { name, file, line, numerics } = rule;
  const found = { verdict: verdict(report), cases, evaluations, relativeError: relativeError ?? null };
  return { name, file, line, numerics, ...found };
}
