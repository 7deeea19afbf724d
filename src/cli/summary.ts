/** What a compilation came to, as a record for programs and as text for people. */

import type { Compilation } from "../compiler/index.js";
import { hardwareOf } from "../compiler/index.js";
import type { Optimized } from "../optimizer/index.js";
import { count, formatBytes, formatMs, formatNs, formatTable } from "./format.js";

export interface FiredRule {
  readonly name: string;
  readonly file: string;
  readonly line: number;
  /** Applications that changed the e-graph. */
  readonly applications: number;
}

export interface ScenarioSummary {
  readonly name: string;
  readonly maxTokens: number;
  readonly predictedNs: number;
  /** Tokens of the step that the prediction is for. */
  readonly tokens: number;
  /** `calls` in one step, over all layers. */
  readonly kernels: readonly { readonly name: string; readonly calls: number }[];
}

export interface CompilationSummary {
  readonly model: string;
  readonly target: string;
  readonly quantize: string;
  readonly hardware: string;
  readonly threads: number;
  /** Whether these are the processors of this machine. */
  readonly runsOnHost: boolean;
  readonly nodesBefore: number;
  readonly nodesAfter: number;
  readonly classes: number;
  readonly saturationMs: number;
  readonly extractionMs: number;
  readonly phases: readonly { readonly name: string; readonly stop: string; readonly iterations: number }[];
  readonly rules: readonly FiredRule[];
  readonly scenarios: readonly ScenarioSummary[];
  /** Names of emitted functions. */
  readonly functions: readonly string[];
  readonly bytes: {
    readonly source: number;
    readonly weights: number;
    readonly arena: number;
    readonly cachePerToken: number;
  };
}

export function summarize(compilation: Compilation): CompilationSummary {
  const { optimized, plan, files, options } = compilation;
  const hardware = hardwareOf(compilation);
  const { report } = optimized;
  return {
    model: plan.model,
    target: plan.target,
    quantize: options.quantize,
    hardware: hardware.name,
    threads: hardware.threads,
    runsOnHost: compilation.backend.capabilities.runsOnHost,
    nodesBefore: report.nodesBefore,
    nodesAfter: report.nodesAfter,
    classes: report.classesAfter,
    saturationMs: report.saturationMs,
    extractionMs: report.extractionMs,
    phases: report.phases.map(({ name, report: { stop, iterations } }) => {
      return { name, stop, iterations: iterations.length };
    }),
    rules: firedRules(compilation),
    scenarios: optimized.selected.scenarios.map((scenario) => ({
      name: scenario.name,
      maxTokens: scenario.maxTokens,
      predictedNs: scenario.predictedNs,
      tokens: scenario.dims["T"] ?? 1,
      kernels: kernelCalls(optimized, scenario.name),
    })),
    functions: plan.functions.map(({ name }) => name),
    bytes: {
      source: files.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0),
      weights: plan.weights.sizeBytes,
      arena: plan.arenaBytes,
      cachePerToken: plan.kv.blockBytes / plan.kv.type.blockSize,
    },
  };
}

/** Rules that changed anything, most often first. */
function firedRules({ optimized, rules }: Compilation): readonly FiredRule[] {
  const applications = new Map<string, number>();
  for (const { report } of optimized.report.phases) {
    for (const rule of report.perRule) {
      applications.set(rule.name, (applications.get(rule.name) ?? 0) + rule.applications);
    }
  }
  const fired = rules.rules.map(({ name, file, line, engineRules }) => ({
    name,
    file,
    line,
    applications: engineRules.reduce((sum, rule) => sum + (applications.get(rule.name) ?? 0), 0),
  }));
  const fused = rules.fusions.map(({ name, file, line }) => {
    return { name, file, line, applications: applications.get(name) ?? 0 };
  });
  return [...fired, ...fused]
    .filter((rule) => rule.applications > 0)
    .sort((a, b) => b.applications - a.applications || (a.name < b.name ? -1 : 1));
}

function kernelCalls({ selected, input }: Optimized, scenario: string): ScenarioSummary["kernels"] {
  const calls = new Map<string, number>();
  for (const { name, functions } of selected.scenarios) {
    if (name !== scenario) continue;
    functions.forEach(({ nodes }, region) => {
      const instances = input.regions[region]?.instances ?? 1;
      for (const { view, kernel } of nodes) {
        if (!view) calls.set(kernel, (calls.get(kernel) ?? 0) + instances);
      }
    });
  }
  return [...calls]
    .map(([name, many]) => ({ name, calls: many }))
    .sort((a, b) => b.calls - a.calls || (a.name < b.name ? -1 : 1));
}

export function renderSummary(summary: CompilationSummary): string {
  const { bytes } = summary;
  const facts = [
    ["e-graph", `${summary.nodesBefore} nodes before, ${summary.nodesAfter} after, in ${summary.classes} classes`],
    ["time", `saturation ${formatMs(summary.saturationMs)}, extraction ${formatMs(summary.extractionMs)}`],
    ["phases", summary.phases.map(({ name, stop, iterations }) => `${name}: ${stop} after ${count(iterations, "iteration")}`).join("; ")],
    ["functions", `${summary.functions.length}: ${summary.functions.join(", ")}`],
    ["source", formatBytes(bytes.source)],
    ["weights", formatBytes(bytes.weights)],
    ["memory", `${formatBytes(bytes.arena)} for the buffers of a step, ${formatBytes(bytes.cachePerToken)} of cache a token`],
    ["machine", summary.runsOnHost ? `${summary.hardware}, ${count(summary.threads, "thread")}` : summary.hardware],
  ];
  return [
    `${summary.model} for ${summary.target}, weights ${summary.quantize === "none" ? "as they are" : `down to ${summary.quantize}`}\n`,
    formatTable(facts, ["left", "left"]),
    "\nRules that fired\n",
    renderRules(summary.rules),
    ...summary.scenarios.map(renderScenario),
  ].join("");
}

export function renderRules(rules: readonly FiredRule[]): string {
  if (rules.length === 0) return "  none\n";
  const rows = rules.map(({ name, file, line, applications }) => [name, `${applications} ×`, `${file}:${line}`]);
  return formatTable(rows, ["left", "right", "left"]);
}

function renderScenario({ name, predictedNs, tokens, kernels }: ScenarioSummary): string {
  const calls = kernels.reduce((sum, kernel) => sum + kernel.calls, 0);
  const title = `\n${name}: ${count(calls, "kernel call")} a step, predicted ${formatNs(predictedNs)} for ${count(tokens, "token")}\n`;
  return title + formatTable(kernels.map((kernel) => [kernel.name, `${kernel.calls} ×`]), ["left", "right"]);
}
