/**
 * `llmir rules coverage` and `llmir rules profile`: what each rule did in models, and what its search cost.
 */

import type { Command } from "commander";

import type { Compilation } from "../../compiler/index.js";
import { compileChecked } from "../../compiler/index.js";
import type { RuleCoverage } from "../../optimizer/index.js";
import { ruleCoverage } from "../../optimizer/index.js";
import type { Door } from "../door.js";
import { unwrap, writeJson } from "../door.js";
import type { CompileFlags } from "../flags.js";
import { addCompileFlags, compileOptions } from "../flags.js";
import { count, formatMs, formatTable } from "../format.js";
import { createProgress } from "../progress.js";

interface Flags extends CompileFlags {
  readonly json?: boolean;
}

export function addRulesCoverage(rules: Command, door: Door): void {
  const command = rules
    .command("coverage")
    .summary("which rules fired where")
    .description("Compiles models and lists for each rule how often it changed the graph, the kernels it led to, and where.")
    .argument("<models...>", "model folders, or config.json files alone");
  addCompileFlags(command)
    .option("--json", "print a record for each rule")
    .addHelpText("after", "\nExample:\n  llmir rules coverage path/to/model Meta-Llama-3.1-8B.json")
    .action((models: readonly string[], flags: Flags) => coverage(door, models, flags));
}

export function addRulesProfile(rules: Command, door: Door): void {
  const command = rules
    .command("profile")
    .summary("matches and time of each rule")
    .description("Compiles a model and lists for each phase and rule its matches, applications and time, the slowest first.")
    .argument("<model>", "model folder, or its config.json alone");
  addCompileFlags(command)
    .option("--json", "print a record for each phase and rule")
    .addHelpText("after", "\nExample:\n  llmir rules profile path/to/model")
    .action((model: string, flags: Flags) => profile(door, model, flags));
}

async function compileOnly(door: Door, path: string, flags: Flags): Promise<Compilation> {
  const progress = createProgress(door, flags.json === true);
  const compilation = unwrap(door, await compileChecked(door.host, path, compileOptions(flags), progress));
  compilation.model.weights?.close();
  return compilation;
}

interface ModelCoverage {
  readonly model: string;
  readonly rows: readonly RuleCoverage[];
}

async function coverage(door: Door, paths: readonly string[], flags: Flags): Promise<void> {
  const models: ModelCoverage[] = [];
  for (const path of paths) {
    const { optimized, rules } = await compileOnly(door, path, flags);
    models.push({ model: path, rows: ruleCoverage(optimized, rules) });
  }
  if (flags.json === true) writeJson(door, rulesOf(models).map((name) => toJson(name, models)));
  else door.terminal.out(models.map(renderModel).join("\n") + renderUnused(models));
}

/** Models for one target have the same rules. */
function rulesOf([first]: readonly ModelCoverage[]): readonly string[] {
  return first?.rows.map(({ rule }) => rule.name) ?? [];
}

function toJson(name: string, models: readonly ModelCoverage[]): object {
  const found = models.flatMap(({ model, rows }) => {
    const row = rows.find(({ rule }) => rule.name === name);
    return row === undefined ? [] : [{ model, row }];
  });
  const rule = found[0]?.row.rule;
  const own = found.map(({ model, row }) => {
    const { applications, kernels, places } = row;
    return { model, applications, kernels, places };
  });
  return { name, file: rule?.file, line: rule?.line, models: own };
}

const maxPlaces = 6;

function renderModel({ model, rows }: ModelCoverage): string {
  const fired = rows.filter(({ applications }) => applications > 0);
  const lines = fired.map(({ rule, applications, kernels, places }) => [
    rule.name,
    count(applications, "application"),
    kernels === 0 ? "" : count(kernels, "kernel"),
    [...places.slice(0, maxPlaces), ...(places.length > maxPlaces ? [`and ${places.length - maxPlaces} more`] : [])].join(", "),
  ]);
  return `${model}: ${fired.length} of ${count(rows.length, "rule")} fired\n${formatTable(lines, ["left", "right", "right", "left"])}`;
}

function renderUnused(models: readonly ModelCoverage[]): string {
  const all = models.flatMap(({ rows }) => rows);
  const fired = new Set(all.filter(({ applications }) => applications > 0).map(({ rule }) => rule.name));
  const unused = rulesOf(models).filter((name) => !fired.has(name));
  return unused.length === 0 ? "" : `\nfired nowhere: ${unused.join(", ")}\n`;
}

interface ProfileRow {
  readonly phase: string;
  readonly rule: string;
  readonly matches: number;
  readonly applications: number;
  readonly refused: number;
  readonly timeMs: number;
}

async function profile(door: Door, path: string, flags: Flags): Promise<void> {
  const { optimized } = await compileOnly(door, path, flags);
  const rows = optimized.report.phases.flatMap(({ name, report }) =>
    report.perRule.map(
      (each): ProfileRow => ({
        phase: name,
        rule: each.name,
        matches: each.matches,
        applications: each.applications,
        refused: each.conditionRefused,
        timeMs: each.timeMs,
      }),
    ),
  );
  const sorted = [...rows].sort((a, b) => b.timeMs - a.timeMs || (a.rule < b.rule ? -1 : 1));
  if (flags.json === true) writeJson(door, sorted);
  else door.terminal.out(renderProfile(sorted, optimized.report.saturationMs));
}

function renderProfile(rows: readonly ProfileRow[], saturationMs: number): string {
  const head = ["phase", "rule", "matches", "applied", "refused", "time"];
  const lines = rows.map(({ phase, rule, matches, applications, refused, timeMs }) => [
    phase,
    rule,
    String(matches),
    String(applications),
    String(refused),
    formatMs(timeMs),
  ]);
  const spent = rows.reduce((sum, { timeMs }) => sum + timeMs, 0);
  const title = `${formatMs(spent)} in rules, of ${formatMs(saturationMs)} of saturation\n`;
  return title + formatTable([head, ...lines], ["left", "left", "right", "right", "right", "right"]);
}
