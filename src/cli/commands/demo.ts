/**
 * `llmir demo`: the shortest way to see it work. Compiles the small model that comes with llmir, says what
 * the rules did, and writes a story. Without a C compiler the reference evaluator writes it, slowly.
 */

import type { Command } from "commander";

import { HostError } from "../../base/index.js";
import { describeHostError } from "../../diagnostics/index.js";
import type { CompiledModel, SamplingOptions } from "../../runtime/index.js";
import { loadCompiled } from "../../runtime/index.js";
import type { Door } from "../door.js";
import { unwrap } from "../door.js";
import { parseCount } from "../flags.js";
import { count, formatBytes, formatMs, formatNs, formatTable } from "../format.js";
import type { Generation } from "../generation.js";
import { describeSpeed, writeText } from "../generation.js";
import { createProgress } from "../progress.js";
import { renderRules, summarize } from "../summary.js";
import { addSamplingFlags, samplingOptions } from "./run.js";

interface Flags extends SamplingOptions {
  readonly prompt: string;
  readonly tokens: number;
}

/** What the demo reads: part of the repository, not of the installed package. */
const demoModel = ["examples", "tiny-stories"] as const;

export function addDemo(program: Command, door: Door): void {
  const command = program
    .command("demo")
    .summary("a story from the model that comes with llmir")
    .description("Compiles the small model that comes with llmir, shows what the optimizer did, and writes a story.")
    .option("--prompt <text>", "how the story begins", "Once upon a time")
    .option("-n, --tokens <count>", "the most tokens to write", parseCount, 300);
  addSamplingFlags(command, { temperature: 0.5, topP: 0.9, seed: 5 })
    .addHelpText("after", '\nExample:\n  llmir demo --prompt "There was a brave fox" --seed 7')
    .action((flags: Flags) => demo(door, flags));
}

async function demo(door: Door, flags: Flags): Promise<void> {
  const sampling = samplingOptions(door, flags);
  const model = await loadDemo(door);
  try {
    door.terminal.out(`${renderOptimization(model)}\n`);
    const options = { ...sampling, maxTokens: flags.tokens };
    const request = { prompt: flags.prompt, options, write: door.terminal.out };
    const generation = await writeText(door, model, request);
    door.terminal.out(`\n${renderSpeed(model, generation)}`);
  } finally {
    await model.close();
  }
}

async function loadDemo(door: Door): Promise<CompiledModel> {
  const { host } = door;
  const path = host.files.join(host.assetRoot, ...demoModel);
  const progress = createProgress(door, false);
  try {
    return unwrap(door, await loadCompiled(host, path, {}, progress));
  } catch (error) {
    if (!(error instanceof HostError)) throw error;
    door.report([describeHostError(error)]);
    door.terminal.err("llmir: going on with the reference evaluator, which is exact and slow\n\n");
    return unwrap(door, await loadCompiled(host, path, { executor: "reference" }, progress));
  }
}

/** A few lines: the e-graph, the rules that changed it most, what was chosen. */
function renderOptimization({ compilation, runner }: CompiledModel): string {
  const summary = summarize(compilation);
  const decode = summary.scenarios.find(({ name }) => name === "decode");
  const calls = decode?.kernels.reduce((sum, kernel) => sum + kernel.calls, 0) ?? 0;
  const facts = [
    ["e-graph", `${summary.nodesBefore} nodes before, ${summary.nodesAfter} after, in ${formatMs(summary.saturationMs)}`],
    ["extraction", `${count(calls, "kernel call")} a token, ${formatBytes(summary.bytes.weights)} of weights, in ${formatMs(summary.extractionMs)}`],
    ["runs on", runner.executor.name],
  ];
  const fired = renderRules(summary.rules.slice(0, 8));
  const more = summary.rules.length > 8 ? `  and ${summary.rules.length - 8} more; \`llmir compile\` lists them all\n` : "";
  return `llmir compiles ${summary.model}\n${formatTable(facts, ["left", "left"])}\nRules that fired\n${fired}${more}`;
}

function renderSpeed({ compilation, runner }: CompiledModel, generation: Generation): string {
  const predicted = compilation.optimized.selected.scenarios.find(({ name }) => name === "decode")?.predictedNs ?? 0;
  const { tokensPerSecond } = generation;
  const measured = tokensPerSecond === null ? "too short to measure" : formatNs(1e9 / tokensPerSecond);
  const rows = [
    ["predicted", `${formatNs(predicted)} a token, by the cost model`],
    ["measured", `${measured} a token, sampling and text included`],
    ["", describeSpeed(generation, runner.executor.name)],
  ];
  return formatTable(rows, ["left", "left"]);
}
