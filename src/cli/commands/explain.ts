/** `llmir explain`: for each kernel of the plan, the rules that led to it and what the next best costs. */

import type { Command } from "commander";
import { Option } from "commander";

import type { Compilation } from "../../compiler/index.js";
import { compileChecked, hardwareOf } from "../../compiler/index.js";
import type { KernelStory } from "../../optimizer/index.js";
import { explainKernels } from "../../optimizer/index.js";
import type { ScenarioName } from "../../ir/index.js";
import { scenarioNames } from "../../ir/index.js";
import type { FunctionPlan, RuleReference } from "../../plan/index.js";
import type { Door } from "../door.js";
import { unwrap, writeJson } from "../door.js";
import type { CompileFlags } from "../flags.js";
import { addCompileFlags, compileOptions } from "../flags.js";
import { count, formatNs } from "../format.js";
import { createProgress } from "../progress.js";

interface Flags extends CompileFlags {
  readonly scenario: ScenarioName | "all";
  readonly json?: boolean;
}

export function addExplain(program: Command, door: Door): void {
  addCompileFlags(
    program
      .command("explain")
      .summary("why each kernel was chosen")
      .description(
        "Shows every kernel of the plan: the rules that led to it with file and line, its predicted cost, and the " +
          "runner-up with what it would cost more.",
      )
      .argument("<model>", "model folder, or its config.json alone")
      .addOption(
        new Option("--scenario <name>", "`decode` is one token, `prefill` a whole prompt")
          .choices([...scenarioNames, "all"])
          .default("decode"),
      ),
  )
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
Examples:
  llmir explain examples/tiny-stories
  llmir explain examples/tiny-stories --scenario all --without projections --json`,
    )
    .action((model: string, flags: Flags) => explain(door, model, flags));
}

/** Below this, programs differ in packed bytes alone. */
const tieNs = 0.01;

export interface ScenarioStory {
  readonly name: string;
  readonly tokens: number;
  readonly predictedNs: number;
  /** What a device is given to do, by function and in a whole step. */
  readonly launches: LaunchCounts;
  readonly kernels: readonly Omit<KernelStory, "scenario">[];
}

interface LaunchCounts {
  /** `dispatch`, and its plural. */
  readonly noun: readonly [one: string, many: string];
  readonly functions: Readonly<Record<string, number>>;
  readonly step: number;
}

function launchCounts({ backend, plan }: Compilation, scenario: string, tokens: number): LaunchCounts {
  const { noun, count: countOf } = backend.launches ?? { noun: ["call", "calls"] as const, count: () => 1 };
  const named = (name: string): FunctionPlan | undefined =>
    plan.functions.find((each) => each.name === name);
  const sumOf = (func: FunctionPlan | undefined, inside: boolean): number =>
    (func?.calls ?? []).reduce((sum, call) => {
      if (call.kind !== "layers") return sum + countOf(call, plan, tokens);
      return inside ? sum + call.count * sumOf(named(call.body), inside) : sum;
    }, 0);
  const functions = plan.functions.filter(({ name }) => name.endsWith(`_${scenario}`));
  const plainName = ({ name }: FunctionPlan): string => name.slice(0, -scenario.length - 1);
  const own = functions.map((func) => [plainName(func), sumOf(func, false)] as const);
  return { noun, functions: Object.fromEntries(own), step: sumOf(named(`step_${scenario}`), true) };
}

async function explain(door: Door, path: string, flags: Flags): Promise<void> {
  const progress = createProgress(door, flags.json === true);
  const compilation = unwrap(door, await compileChecked(door.host, path, compileOptions(flags), progress));
  compilation.model.weights?.close();
  const { selected } = compilation.optimized;
  const stories = explainKernels(compilation.optimized);
  const scenarios = selected.scenarios
    .filter(({ name }) => flags.scenario === "all" || name === flags.scenario)
    .map(({ name, dims, predictedNs }) => ({
      name,
      tokens: dims["T"] ?? 1,
      predictedNs,
      launches: launchCounts(compilation, name, dims["T"] ?? 1),
      kernels: stories.filter(({ scenario }) => scenario === name).map(withoutScenario),
    }));
  const { plan } = compilation;
  const hardware = hardwareOf(compilation);
  if (flags.json === true) {
    const { model, target } = plan;
    writeJson(door, { model, target, hardware: hardware.name, threads: hardware.threads, scenarios });
  } else {
    door.terminal.out(scenarios.map(renderScenario).join("\n"));
  }
}

function withoutScenario({ scenario: _scenario, ...story }: KernelStory): Omit<KernelStory, "scenario"> {
  return story;
}

function renderScenario({ name, tokens, predictedNs, kernels, launches }: ScenarioStory): string {
  const functions = [...new Set(kernels.map(({ func }) => func))];
  const price = `predicted ${formatNs(predictedNs)} for a step of ${count(tokens, "token")}`;
  const title = `${name}: ${price}, in ${count(launches.step, ...launches.noun)}\n`;
  const kernelsIn = (func: string): typeof kernels => kernels.filter((kernel) => kernel.func === func);
  return title + functions.map((func) => renderFunction(func, kernelsIn(func), launches)).join("");
}

function renderFunction(
  func: string,
  kernels: ScenarioStory["kernels"],
  { noun, functions }: LaunchCounts,
): string {
  const calls = kernels[0]?.calls ?? 1;
  const often = calls > 1 ? `, run ${calls} times a step` : "";
  const launched = `${count(kernels.length, "kernel")} in ${count(functions[func] ?? 0, ...noun)}`;
  const title = `\n  @${func}: ${launched}${often}\n`;
  return title + kernels.map(renderKernel).join("");
}

function renderKernel(story: ScenarioStory["kernels"][number]): string {
  const { value, kernel, term, rules, predictedNs, calls, runnerUp } = story;
  const once = formatNs(predictedNs);
  const cost = calls > 1 ? `${once} × ${calls} = ${formatNs(predictedNs * calls)}` : once;
  const lines = rules.length === 0 ? ["      rules      none: it is as the model states it"] : rules.map(renderRule);
  const title = `    %${value} = ${kernel}    ${cost}`;
  const fused = term === undefined ? [] : [`      computes   ${term}`];
  return [title, ...fused, ...lines, `      runner-up  ${renderRunnerUp(runnerUp)}`, ""].join("\n");
}

function renderRunnerUp(runnerUp: KernelStory["runnerUp"]): string {
  if (runnerUp === undefined) return "none: nothing else computes this";
  const kernels = runnerUp.kernels.length === 0 ? "the same kernels, elsewhere" : runnerUp.kernels.join(", ");
  return `${kernels}: ${runnerUp.extraNs < tieNs ? "just as fast" : `${formatNs(runnerUp.extraNs)} more a step`}`;
}

function renderRule({ name, file, line }: RuleReference, index: number): string {
  const place = file === undefined ? "written by itself, from the op's loop form" : `${file}:${line ?? 1}`;
  return `      ${index === 0 ? "rules    " : "     then"}  ${name} (${place})`;
}
