/**
 * Prints a plan as one file of C or C++ that reads from top to bottom like the plan: facts, kernels, weights,
 * layers, steps. The number of functions does not depend on the number of layers. Deterministic: equal plans
 * give equal bytes.
 */

import { at, TextWriter } from "../../base/index.js";
import type { ProgramPlan, ScenarioPlan } from "../../plan/index.js";
import { cComment } from "../c-names.js";
import { describeProgram } from "../program-description.js";
import { bytesText } from "../type-text.js";
import type { CDialect } from "./dialect.js";
import { printDescribe, printFacts } from "./facts.js";
import { functionCall, printFunction } from "./functions.js";
import type { CKernelInstance } from "./kernel-row.js";
import type { ProgramKernels } from "./program-kernels.js";
import { printWeights } from "./weights.js";

export interface CProgram {
  readonly plan: ProgramPlan;
  readonly kernels: ProgramKernels;
  readonly dialect: CDialect;
  /** Headers, before anything that a kernel's parameters could change. */
  readonly includes: readonly string[];
  /** What `s->weights` points into, for the title of the accessors. */
  readonly weightsPlace: string;
  /** What the head says of the kernels besides their number. */
  readonly kernelsRemark?: string;
  /** Memory that each thread has to itself; absent where threads have none. */
  readonly scratchBytes?: number;
  /** Memory besides the arena that all threads share; absent where there is none. */
  readonly sharedBytes?: number;
}

export function printProgram(program: CProgram): string {
  const { plan, kernels, dialect, scratchBytes, sharedBytes } = program;
  const out = new TextWriter();
  printHeader(program, out);
  out.gap();
  for (const path of program.includes) out.line(`#include "${path}"`);
  section("What the runtime checks a batch against", out);
  const description = describeProgram(plan, kernels.instances.length + kernels.printed.length);
  printFacts({ plan, description, scratchBytes, sharedBytes }, dialect, out);
  section("Kernels, each once for its parameters", out);
  for (const instance of kernels.instances) printInstance(instance, out);
  for (const { loops, comment } of kernels.printed) {
    out.gap().line(`/* ${cComment(comment)} */`);
    out.line(loops.text.trimEnd());
  }
  section(`Weights: places ${program.weightsPlace}`, out);
  printWeights(plan, dialect, out);
  section("The plan", out);
  for (const func of plan.functions) {
    out.gap();
    printFunction(func, program, out);
  }
  section("Entry", out);
  printDispatch(plan, dialect, out);
  out.gap();
  printDescribe(description, out);
  return out.toString();
}

function section(title: string, out: TextWriter): void {
  out.gap().line(`/* ---- ${title} ${"-".repeat(Math.max(4, 96 - title.length))} */`).gap();
}

function printHeader({ plan, kernels, kernelsRemark }: CProgram, out: TextWriter): void {
  const { instances, printed } = kernels;
  const { capacity, kv, scenarios, weights } = plan;
  const remark = kernelsRemark === undefined ? "" : `; ${kernelsRemark}`;
  const lines = [
    `${plan.model}, compiled for the target ${plan.target}.`,
    "",
    `A step takes up to ${capacity.tokens} tokens of up to ${capacity.sequences} sequences of ${capacity.contextLength} positions.`,
    `Weights ${bytesText(weights.sizeBytes)}, activations ${bytesText(plan.arenaBytes)}, ` +
      `cache ${bytesText(kv.blockBytes)} for each block of ${kv.type.blockSize} positions.`,
    `${instances.length + printed.length} kernels, ${printed.length} of them printed from loops${remark}.`,
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

function printInstance({ file, name, defines, comment }: CKernelInstance, out: TextWriter): void {
  out.gap().line(`/* ${cComment(comment)} */`);
  out.line(`#define NAME ${name}`);
  for (const [parameter, value] of defines) out.line(`#define ${parameter} ${value}`);
  out.line(`#include "kernels/${file}"`);
}

/** Buffers of a scenario are sized for its tokens and as many rows of logits: both decide. */
function printDispatch({ scenarios }: ProgramPlan, dialect: CDialect, out: TextWriter): void {
  const last = at(scenarios, scenarios.length - 1);
  const parameters = dialect.context.map(({ type, name }) => `${type}${name}`);
  out.block(`void llmir_program(${parameters.join(", ")}) {`, () => {
    for (const { maxTokens, entry } of scenarios.slice(0, -1)) {
      out.block(`if (s->T <= ${maxTokens} && s->R <= ${maxTokens}) {`, () => {
        out.line(functionCall(entry, dialect));
        out.line("return;");
      });
    }
    out.line(functionCall(last.entry, dialect));
  });
}
