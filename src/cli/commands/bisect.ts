/** `llmir bisect`: which rule application makes a plan compute something else than its model. */

import type { Command } from "commander";

import type { Compilation } from "../../compiler/index.js";
import { compileChecked } from "../../compiler/index.js";
import type { Diagnostic } from "../../diagnostics/index.js";
import { diagnostic } from "../../diagnostics/index.js";
import type { KvCacheValue, StepBatch } from "../../ir/index.js";
import { emptyCache, evaluateStep, coreRegistry, stepInputs } from "../../ir/index.js";
import type { BisectReport, Blame, PlanErrors } from "../../optimizer/index.js";
import { bisectPlan } from "../../optimizer/index.js";
import { loadTokenizer } from "../../runtime/index.js";
import { describeWitness, printWitness } from "../describe-witness.js";
import type { Door } from "../door.js";
import { CommandFailure, unwrap, writeJson } from "../door.js";
import type { CompileFlags } from "../flags.js";
import { addCompileFlags, compileOptions, parseCount } from "../flags.js";
import { count, threeDigits } from "../format.js";
import { createProgress } from "../progress.js";

interface Flags extends CompileFlags {
  readonly prompt: string;
  readonly tokens: number;
  readonly json?: boolean;
}

export function addBisect(program: Command, door: Door): void {
  const command = program
    .command("bisect")
    .summary("find the rule that makes a plan wrong")
    .description(
      "Evaluates one step of a model and, on its values, both sides of every rule application that the plan rests on. " +
        "Names the first that breaks its rule's promise, and prints the smallest graph that shows it.",
    )
    .argument("<model>", "model folder or GGUF file, small enough for the reference evaluator")
    .option("--prompt <text>", "what the step reads", "Once upon a time, there was a little girl")
    .option("-n, --tokens <count>", "the most tokens of it", parseCount, 6);
  addCompileFlags(command)
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  llmir bisect path/to/model --rules mine.rules --unchecked-rules")
    .action((model: string, flags: Flags) => bisect(door, model, flags));
}

interface StepReport extends BisectReport {
  /** Tokens that it read, and tokens that were in the cache. */
  readonly tokens: number;
  readonly cached: number;
}

async function bisect(door: Door, path: string, flags: Flags): Promise<void> {
  const progress = createProgress(door, flags.json === true);
  const compilation = unwrap(door, await compileChecked(door.host, path, compileOptions(flags), progress));
  try {
    const tokens = tokensOf(door, compilation, flags);
    const report = bisectSteps(door, compilation, tokens);
    if (flags.json === true) writeJson(door, toJson(compilation, report));
    else door.terminal.out(render(compilation, report));
    const faults = report.blamed.map(toDiagnostic);
    if (faults.length > 0) throw new CommandFailure(...faults);
  } finally {
    compilation.model.weights?.close();
  }
}

function tokensOf(door: Door, { model, plan }: Compilation, { prompt, tokens }: Flags): readonly number[] {
  if (model.weights === undefined) {
    const hint = "give a folder with weights; a plan can only be compared on values";
    throw new CommandFailure(
      diagnostic("model/no-weights", `\`${model.name}\` is a configuration without weights`, { at: model.folder, hint }),
    );
  }
  const tokenizer = unwrap(door, loadTokenizer(model.tokenizerPath, door.host.files));
  const found = tokenizer.encode(prompt).slice(0, Math.min(tokens, plan.capacity.tokens));
  if (found.length > 0) return found;
  throw new CommandFailure(diagnostic("command/empty-prompt", "the prompt is empty", { hint: "give a text to read" }));
}

/**
 * A step that reads all but the last token, and where that is right, one that reads the last from the cache.
 */
function bisectSteps({ host }: Door, compilation: Compilation, tokens: readonly number[]): StepReport {
  const { model, plan, optimized, rules, options } = compilation;
  const { weights, module } = model;
  const blocks = Math.ceil(tokens.length / plan.kv.type.blockSize);
  const read = (name: string): ReturnType<NonNullable<typeof weights>["read"]> => {
    if (weights === undefined) throw new TypeError("a step reads weights");
    return weights.read(name);
  };
  const run = (from: number, to: number, cache: KvCacheValue): StepReport => {
    const batch = batchOf(tokens.slice(from, to), from, blocks);
    const dims = { T: to - from, R: to - from, S: 1, C: to, B: blocks, P: blocks };
    const inputs = stepInputs({ ...batch, cache });
    const request = { module, optimized, rules, weights: read, inputs, dims };
    const report = bisectPlan({ ...request, memoryBytes: options.memoryBytes, now: () => host.nowMs() });
    return { ...report, tokens: to - from, cached: from };
  };
  const last = Math.max(1, tokens.length - 1);
  const empty = emptyCache(plan.kv.type, blocks);
  const first = run(0, last, empty);
  if (first.blamed.length > 0 || last === tokens.length) return first;
  const inputs = stepInputs({ ...batchOf(tokens.slice(0, last), 0, blocks), cache: empty });
  const { cache } = evaluateStep(module, inputs, { registry: coreRegistry, weights: read });
  const second = run(last, tokens.length, cache);
  return second.blamed.length > 0 ? second : first;
}

function batchOf(tokens: readonly number[], start: number, blocks: number): Omit<StepBatch, "cache"> {
  const places = tokens.map((_, i) => i);
  return {
    tokens,
    positions: places.map((i) => start + i),
    sequences: places.map(() => 0),
    rows: places,
    blockTable: [Array.from({ length: blocks }, (_, i) => i)],
  };
}

function toDiagnostic({ application, func, value }: Blame): Diagnostic {
  const { rule } = application;
  const where = func === undefined ? value : `@${func} ${value}`;
  const place = { source: rule.place.source, span: rule.ast.name.span };
  const hint = `\`llmir rules check ${rule.file}\` tries it on random operands`;
  return diagnostic("rule/blamed", `\`${rule.name}\` gives ${where} another value`, { place, hint });
}

function render({ plan }: Compilation, report: StepReport): string {
  const { errors, applications, blamed } = report;
  const title = `${plan.model} for ${plan.target}: the plan's logits are off by ${describeErrors(errors)}\n`;
  const basis = `${count(applications, "rule application")} lead to it`;
  if (blamed.length === 0) return `${title}${basis}; each keeps its rule's promise\n`;
  return `${title}${basis}\n${blamed.map((each) => renderBlame(each)).join("")}`;
}

function renderBlame(blame: Blame): string {
  const { application, func, value, layer, alike, disagreement, witness, without } = blame;
  const { rule } = application;
  const where = [func === undefined ? value : `@${func} ${value}`, ...(layer === undefined ? [] : [`layer ${layer}`])];
  const more = alike === 0 ? "" : `, and ${count(alike, "application")} more like it`;
  const shown =
    witness === undefined
      ? "  it shows on the model's own values alone\n"
      : `\nthe smallest graph that shows it\n${indented(printWitness(witness))}${describeWitness(witness)}`;
  const rest = without.length === 0 ? "without it there is no program" : `without it the plan is off by ${describeErrors(without)}`;
  const error = describeShare(disagreement.relativeError);
  return `\nto blame: ${rule.name} (${rule.file}:${rule.line}), at ${where.join(" in ")}${more}\n  its sides are ${error} apart there\n${shown}${rest}\n`;
}

function indented(text: string): string {
  return text.replace(/^(?=.)/gm, "  ");
}

function describeErrors(errors: PlanErrors): string {
  return errors.map(({ scenario, relativeError }) => `${describeShare(relativeError)} (${scenario})`).join(", ");
}

function describeShare(share: number): string {
  if (!Number.isFinite(share)) return "infinitely much";
  return share === 0 ? "nothing" : share < 1e-3 ? share.toExponential(1) : `${threeDigits(100 * share)} %`;
}

function toJson({ plan }: Compilation, { errors, applications, blamed, tokens, cached }: StepReport): object {
  const step = { model: plan.model, target: plan.target, tokens, cached };
  return { ...step, errors: errors.map(finite), applications, blamed: blamed.map(blameToJson) };
}

/** JSON has no infinity. */
function finite<T extends { readonly relativeError: number }>(each: T): object {
  return { ...each, relativeError: Number.isFinite(each.relativeError) ? each.relativeError : null };
}

function blameToJson(blame: Blame): object {
  const { application, func, value, layer, alike, disagreement, witness, without } = blame;
  const { name, file, line, numerics } = application.rule;
  return {
    rule: name,
    file,
    line,
    numerics,
    func: func ?? null,
    value,
    layer: layer ?? null,
    alike,
    ...finite(disagreement),
    element: disagreement.element ?? null,
    graph: witness === undefined ? null : printWitness(witness),
    without: without.map(finite),
  };
}
