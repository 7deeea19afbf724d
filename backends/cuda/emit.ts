/**
 * Prints a plan as CUDA C++: one file that reads from top to bottom like the plan (facts, kernels, weights,
 * layers, steps), the runtime beside it, and the kernel sources that it includes. The number of functions
 * does not depend on the number of layers. Deterministic: equal plans give equal bytes.
 */

import { at, TextWriter } from "../../src/base/index.js";
import type { EmittedFile } from "../../src/codegen/index.js";
import { bytesText, cComment, cIdentifier, describeProgram } from "../../src/codegen/index.js";
import type { ProgramPlan, ScenarioPlan } from "../../src/plan/index.js";
import { printDescribe, printFacts } from "./emit/facts.js";
import { printFunction } from "./emit/functions.js";
import type { ProgramKernels } from "./emit/program-kernels.js";
import { collectKernels } from "./emit/program-kernels.js";
import { printWeights } from "./emit/weights.js";
import type { KernelInstance } from "./kernel-row.js";
import { kernels as rows } from "./kernels.js";

/**
 * Files that every artifact has, by their paths there. The interface is that of the C target, word for word.
 */
const runtimeFiles: readonly (readonly [path: string, asset: string])[] = [
  ["runtime/launch.cuh", "backends/cuda/runtime/launch.cuh"],
  ["runtime/llmir.h", "backends/c/runtime/llmir.h"],
  ["runtime/numbers.cuh", "backends/cuda/runtime/numbers.cuh"],
  ["runtime/program.cuh", "backends/cuda/runtime/program.cuh"],
  ["runtime/runtime.cu", "backends/cuda/runtime/runtime.cu"],
];

export function emitProgram(plan: ProgramPlan, readAsset: (path: string) => string): readonly EmittedFile[] {
  const kernels = collectKernels(plan, rows);
  const files = [...new Set(kernels.instances.map(({ file }) => file))];
  const parts = kernelParts(files, readAsset);
  return [
    { path: "model.cu", text: printModel(plan, kernels, parts) },
    ...[...files, ...parts].sort().map((file) => ({ path: `kernels/${file}`, text: readAsset(`backends/cuda/kernels/${file}`) })),
    ...runtimeFiles.map(([path, asset]) => ({ path, text: readAsset(asset) })),
  ];
}

/** The parts that kernel sources include, and that may include others. */
function kernelParts(files: readonly string[], readAsset: (path: string) => string): readonly string[] {
  const found = new Set<string>();
  const visit = (file: string): void => {
    const text = readAsset(`backends/cuda/kernels/${file}`);
    for (const [, included = ""] of text.matchAll(/^#include "([a-z0-9_-]+\.cuh)"$/gm)) {
      if (found.has(included)) continue;
      found.add(included);
      visit(included);
    }
  };
  files.forEach(visit);
  return [...found].sort();
}

function printModel(plan: ProgramPlan, kernels: ProgramKernels, parts: readonly string[]): string {
  const out = new TextWriter();
  printHeader(plan, kernels, out);
  out.gap();
  for (const name of ["program.cuh", "numbers.cuh"]) out.line(`#include "runtime/${name}"`);
  // Before the parameters of any kernel are defined: those are short words.
  for (const part of parts) out.line(`#include "kernels/${part}"`);
  section("What the runtime checks a batch against", out);
  const description = describeProgram(plan, kernels.instances.length + kernels.printed.length);
  printFacts(description, plan, out);
  section("Kernels, each once for its parameters", out);
  for (const instance of kernels.instances) printInstance(instance, out);
  for (const { loops, comment } of kernels.printed) {
    out.gap().line(`/* ${cComment(comment)} */`);
    out.line(loops.text.trimEnd());
  }
  section("Weights: places on the device", out);
  printWeights(plan, out);
  section("The plan", out);
  for (const func of plan.functions) {
    out.gap();
    printFunction(func, plan, kernels, out);
  }
  section("Entry", out);
  printDispatch(plan, out);
  out.gap();
  printDescribe(description, out);
  return out.toString();
}

function section(title: string, out: TextWriter): void {
  out.gap().line(`/* ---- ${title} ${"-".repeat(Math.max(4, 96 - title.length))} */`).gap();
}

function printHeader(plan: ProgramPlan, { instances, printed }: ProgramKernels, out: TextWriter): void {
  const { capacity, kv, scenarios, weights } = plan;
  const lines = [
    `${plan.model}, compiled for the target ${plan.target}.`,
    "",
    `A step takes up to ${capacity.tokens} tokens of up to ${capacity.sequences} sequences of ${capacity.contextLength} positions.`,
    `Weights ${bytesText(weights.sizeBytes)}, activations ${bytesText(plan.arenaBytes)}, ` +
      `cache ${bytesText(kv.blockBytes)} for each block of ${kv.type.blockSize} positions.`,
    `${instances.length + printed.length} kernels, ${printed.length} of them printed from loops; ${launchesText(plan)}.`,
    "",
    "    scenario   tokens        function                 predicted",
    ...scenarios.map(scenarioLine),
  ];
  out.line("/*");
  for (const line of lines) out.line(` * ${cComment(line)}`.trimEnd());
  out.line(" */");
}

/** How often a layer of the first scenario goes to the GPU. */
function launchesText({ functions }: ProgramPlan): string {
  const layer = functions.find(({ role }) => role === "layer");
  return layer === undefined ? "no layers" : `${layer.calls.length} launches a layer in ${layer.name}`;
}

function scenarioLine({ name, maxTokens, entry, predictedNs }: ScenarioPlan): string {
  const time = `${(predictedNs / 1e6).toFixed(3)} ms`;
  return `    ${name.padEnd(10)} up to ${String(maxTokens).padEnd(7)} ${entry.padEnd(24)} ${time}`;
}

function printInstance({ file, name, defines, comment }: KernelInstance, out: TextWriter): void {
  out.gap().line(`/* ${cComment(comment)} */`);
  out.line(`#define NAME ${name}`);
  for (const [parameter, value] of defines) out.line(`#define ${parameter} ${value}`);
  out.line(`#include "kernels/${file}"`);
}

/** Buffers of a scenario are sized for its tokens and as many rows of logits: both decide. */
function printDispatch({ scenarios }: ProgramPlan, out: TextWriter): void {
  const last = at(scenarios, scenarios.length - 1);
  out.block("void llmir_program(const Step *s) {", () => {
    for (const { maxTokens, entry } of scenarios.slice(0, -1)) {
      out.block(`if (s->T <= ${maxTokens} && s->R <= ${maxTokens}) {`, () => {
        out.line(`${cIdentifier(entry)}(s);`);
        out.line("return;");
      });
    }
    out.line(`${cIdentifier(last.entry)}(s);`);
  });
}
