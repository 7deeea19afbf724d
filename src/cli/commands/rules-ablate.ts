/** `llmir rules ablate`: drops each rule in turn, and says what it is worth: predicted, or measured. */

import type { Command } from "commander";

import type { Compilation, CompileOptions } from "../../compiler/index.js";
import { compileChecked } from "../../compiler/index.js";
import type { Ablation } from "../../optimizer/index.js";
import { ablateRules } from "../../optimizer/index.js";
import { loadModel } from "../../runtime/index.js";
import type { Door } from "../door.js";
import { unwrap, writeJson } from "../door.js";
import type { CompileFlags } from "../flags.js";
import { addCompileFlags, collectNames, compileOptions, parseCount } from "../flags.js";
import { count, formatNs, formatTable } from "../format.js";
import { writeText } from "../generation.js";
import { createProgress } from "../progress.js";
import { findByName } from "./rules-why-not.js";

interface Flags extends CompileFlags {
  readonly rule: readonly string[];
  readonly measure?: boolean;
  readonly tokens: number;
  readonly json?: boolean;
}

export function addRulesAblate(rules: Command, door: Door): void {
  const command = rules
    .command("ablate")
    .summary("what each rule is worth")
    .description(
      "Chooses the program again without each rule, one at a time, and compares the predicted times of a step. With " +
        "--measure, builds both programs of each rule whose prediction differs and times them.",
    )
    .argument("<model>", "model folder, or without --measure its config.json alone")
    .option("--rule <name>", "only this rule; repeatable, or with commas", collectNames, [])
    .option("--measure", "run the programs too")
    .option("-n, --tokens <count>", "tokens to write in each measurement", parseCount, 64);
  addCompileFlags(command)
    .option("--json", "print a record for each rule")
    .addHelpText("after", "\nExamples:\n  llmir rules ablate Meta-Llama-3.1-8B.json\n  llmir rules ablate path/to/model --measure --rule merge_qkv")
    .action((model: string, flags: Flags) => ablate(door, model, flags));
}

/** Nanoseconds a token. */
interface Measured {
  readonly promptNs: number;
  readonly decodeNs: number;
}

interface Row extends Ablation {
  readonly measured?: { readonly with: Measured; readonly without: Measured };
}

async function ablate(door: Door, path: string, flags: Flags): Promise<void> {
  const progress = createProgress(door, flags.json === true);
  const compilation = unwrap(door, await compileChecked(door.host, path, compileOptions(flags), progress));
  compilation.model.weights?.close();
  for (const name of flags.rule) findByName(compilation.rules.rules, name);
  const rows: Row[] = [];
  for (const ablation of ablations(door, compilation, flags)) {
    const isMeasured = flags.measure === true && changesAnything(ablation);
    const { name } = ablation.rule;
    rows.push(isMeasured ? { ...ablation, measured: await measureBoth(door, path, name, flags) } : ablation);
  }
  rows.sort((a, b) => worth(b) - worth(a));
  if (flags.json === true) writeJson(door, rows.map(toJson));
  else door.terminal.out(render(rows));
}

function ablations(
  { host }: Door,
  { model, rules, optimized, options }: Compilation,
  flags: Flags,
): IterableIterator<Ablation> {
  const { memoryBytes } = options;
  const request = { module: model.module, optimized, rules, memoryBytes, now: () => host.nowMs() };
  return ablateRules(request, (name) => flags.rule.length === 0 || flags.rule.includes(name));
}

/** What the first scenario, a decoding step, loses: infinite when nothing is left. */
function worth({ scenarios: [first] }: Ablation): number {
  return first === undefined ? 0 : (first.withoutNs ?? Infinity) - first.withNs;
}

function changesAnything({ scenarios }: Ablation): boolean {
  return scenarios.some(({ withNs, withoutNs }) => withoutNs !== undefined && withoutNs !== withNs);
}

/** The two programs in turn, so that a busy moment hits both; the better time of each counts. */
async function measureBoth(door: Door, path: string, rule: string, flags: Flags): Promise<Row["measured"] & object> {
  const rounds: { readonly with: Measured; readonly without: Measured }[] = [];
  for (let round = 0; round < 3; round++) {
    rounds.push({
      with: await measure(door, path, {}, flags),
      without: await measure(door, path, { withoutRules: [rule] }, flags),
    });
  }
  return { with: best(rounds.map((each) => each.with)), without: best(rounds.map((each) => each.without)) };
}

function best(all: readonly Measured[]): Measured {
  return {
    promptNs: Math.min(...all.map(({ promptNs }) => promptNs)),
    decodeNs: Math.min(...all.map(({ decodeNs }) => decodeNs)),
  };
}

const prompt = "Once upon a time, there was a little girl who liked to play in the garden with her friends.";

async function measure(
  door: Door,
  path: string,
  extra: Partial<CompileOptions>,
  flags: Flags,
): Promise<Measured> {
  const options = { ...compileOptions(flags), ...extra, executor: "native" as const };
  const model = unwrap(door, await loadModel(door.host, path, options));
  try {
    const request = { prompt, options: { maxTokens: flags.tokens, temperature: 0 }, write: () => undefined };
    // The first run warms the program and its memory.
    await writeText(door, model, request);
    const { promptMs, promptTokens, generationMs, newTokens } = await writeText(door, model, request);
    const written = Math.max(1, newTokens - 1);
    return { promptNs: (1e6 * promptMs) / promptTokens, decodeNs: (1e6 * generationMs) / written };
  } finally {
    await model.close();
  }
}

function render(rows: readonly Row[]): string {
  const worthy = rows.filter(changesOrNeeds);
  const names = rows[0]?.scenarios.map(({ scenario }) => scenario) ?? [];
  const measured = rows.some((row) => row.measured !== undefined);
  const head = ["without", ...names.map((name) => `${name}, predicted`), ...(measured ? ["decode, measured", "prompt, measured"] : [])];
  const lines = worthy.map((row) => [
    row.rule.name,
    ...row.scenarios.map(({ withNs, withoutNs }) => change(withNs, withoutNs)),
    ...(measured ? measuredCells(row) : []),
  ]);
  const idle = rows.length - worthy.length;
  const rest = idle === 0 ? "" : `${count(idle, "rule")} ${idle === 1 ? "is" : "are"} worth nothing here\n`;
  return formatTable([head, ...lines], head.map((_, i) => (i === 0 ? "left" : "right"))) + rest;
}

function changesOrNeeds(row: Row): boolean {
  return changesAnything(row) || row.scenarios.some(({ withoutNs }) => withoutNs === undefined);
}

function measuredCells({ measured }: Row): readonly string[] {
  if (measured === undefined) return ["", ""];
  return [
    change(measured.with.decodeNs, measured.without.decodeNs),
    change(measured.with.promptNs, measured.without.promptNs),
  ];
}

function change(withNs: number, withoutNs: number | undefined): string {
  if (withoutNs === undefined) return "no program";
  if (withoutNs === withNs) return "the same";
  const share = (100 * (withoutNs - withNs)) / withNs;
  return `${formatNs(withoutNs)} (${share >= 0 ? "+" : ""}${share.toFixed(1)} %)`;
}

function toJson({ rule, applications, scenarios, measured }: Row): object {
  const { name, file, line } = rule;
  const predicted = scenarios.map((each) => ({ ...each, withoutNs: each.withoutNs ?? null }));
  return { name, file, line, applications, predicted, measured: measured ?? null };
}
