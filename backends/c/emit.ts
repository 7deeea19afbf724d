/**
 * Prints a plan as C: one file that reads from top to bottom like the plan (facts, kernels, weights, layers,
 * steps), the runtime beside it, and the kernel sources that it includes. The number of functions does not
 * depend on the number of layers. Deterministic: equal plans give equal bytes.
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

/** Files that every artifact has, relative to `backends/c`. */
const runtimeFiles = [
  "llmir.h", "main.c", "numbers.h", "pool.c", "pool.h", "program.h", "runtime.c", "vector.h", "worker.h",
];

export function emitProgram(plan: ProgramPlan, readAsset: (path: string) => string): readonly EmittedFile[] {
  const kernels = collectKernels(plan, rows);
  const copied = [
    ...runtimeFiles.map((name) => `runtime/${name}`),
    ...kernelSources(kernels.instances, readAsset),
  ].sort();
  return [
    { path: "model.c", text: printModel(plan, kernels) },
    ...copied.map((path) => ({ path, text: readAsset(`backends/c/${path}`) })),
  ];
}

/** Sources of the kernels and the parts that they include, each once. */
function kernelSources(
  instances: readonly KernelInstance[],
  readAsset: (path: string) => string,
): readonly string[] {
  const found = new Set<string>();
  const visit = (file: string): void => {
    if (found.has(file)) return;
    found.add(file);
    const text = readAsset(`backends/c/kernels/${file}`);
    for (const [, included] of text.matchAll(/^#include "([a-z0-9_-]+\.h)"$/gm)) visit(included ?? "");
  };
  instances.forEach(({ file }) => visit(file));
  return [...found].map((file) => `kernels/${file}`);
}

function printModel(plan: ProgramPlan, kernels: ProgramKernels): string {
  const out = new TextWriter();
  printHeader(plan, kernels, out);
  out.gap();
  for (const name of ["program.h", "numbers.h"]) out.line(`#include "runtime/${name}"`);
  section("What the runtime checks a batch against", out);
  const description = describeProgram(plan, kernels.instances.length + kernels.printed.length);
  printFacts(description, plan, kernels, out);
  section("Kernels, each once for its parameters", out);
  for (const instance of kernels.instances) printInstance(instance, out);
  for (const { loops, comment } of kernels.printed) {
    out.gap().line(`/* ${cComment(comment)} */`);
    out.line(loops.text.trimEnd());
  }
  section("Weights: places in the mapped file", out);
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
    `${instances.length + printed.length} kernels, ${printed.length} of them printed from loops.`,
    "",
    "    scenario   tokens        function                 predicted",
    ...scenarios.map(scenarioLine),
  ];
  out.line("/*");
  for (const line of lines) out.line(` * ${cComment(line)}`.trimEnd());
  out.line(" */");
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
  out.block("void llmir_program(const Step *s, const Worker *w) {", () => {
    for (const { maxTokens, entry } of scenarios.slice(0, -1)) {
      out.block(`if (s->T <= ${maxTokens} && s->R <= ${maxTokens}) {`, () => {
        out.line(`${cIdentifier(entry)}(s, w);`);
        out.line("return;");
      });
    }
    out.line(`${cIdentifier(last.entry)}(s, w);`);
  });
}
