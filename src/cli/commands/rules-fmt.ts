/** `llmir rules fmt`: brings rule files into their canonical form. */

import type { Command } from "commander";

import type { Diagnostic } from "../../diagnostics/index.js";
import { diagnostic } from "../../diagnostics/index.js";
import { formatRuleFile } from "../../rules/index.js";
import type { Door } from "../door.js";
import { CommandFailure, writeJson } from "../door.js";
import { count } from "../format.js";
import { findRuleFiles } from "../rule-sources.js";

interface Flags {
  readonly check?: boolean;
  readonly json?: boolean;
}

export function addRulesFmt(rules: Command, door: Door): void {
  rules
    .command("fmt")
    .summary("format rule files")
    .description("Rewrites rule files in the one canonical form. Comments and docs are kept; meaning never changes.")
    .argument("[files...]", "rule files or folders (default: the shipped rules)")
    .option("--check", "write nothing; exit with 2 when a file is not formatted")
    .option("--json", "print a record for each file")
    .addHelpText("after", "\nExamples:\n  llmir rules fmt my-family.rules\n  llmir rules fmt --check")
    .action((files: readonly string[], flags: Flags) => {
      formatRules(door, files, flags);
    });
}

function formatRules(door: Door, paths: readonly string[], { check, json }: Flags): void {
  const diagnostics: Diagnostic[] = [];
  const rows: { readonly file: string; readonly changed: boolean }[] = [];
  for (const { path, source } of findRuleFiles(door, paths)) {
    const formatted = formatRuleFile(source);
    diagnostics.push(...formatted.diagnostics);
    if (!formatted.ok) continue;
    const changed = formatted.value !== source.text;
    rows.push({ file: path, changed });
    if (!changed) continue;
    if (check === true) diagnostics.push(unformatted(path));
    else door.host.files.write(path, formatted.value);
    if (json !== true && check !== true) door.terminal.out(`formatted ${path}\n`);
  }
  if (json === true) writeJson(door, rows);
  if (diagnostics.some(({ severity }) => severity === "error")) throw new CommandFailure(...diagnostics);
  if (json !== true) door.terminal.out(summary(rows.filter(({ changed }) => changed).length, rows.length));
}

function unformatted(path: string): Diagnostic {
  const hint = "`llmir rules fmt` writes it so; nothing but white space and brackets changes";
  return diagnostic("rule/unformatted", "the file is not in the canonical form", { at: path, hint });
}

function summary(changed: number, all: number): string {
  return changed === 0 ? `${count(all, "file")}, all formatted\n` : `${count(changed, "file")} of ${all} changed\n`;
}
