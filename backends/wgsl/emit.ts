/**
 * Prints a plan as WGSL modules, one for each distinct kernel, and `program.json`, which says how a step runs
 * them. The number of modules does not depend on the number of layers. Deterministic: equal plans give equal
 * bytes.
 */

import type { EmittedFile } from "../../src/codegen/index.js";
import { describeProgram } from "../../src/codegen/index.js";
import type { ProgramPlan } from "../../src/plan/index.js";
import { functionRecord } from "./emit/calls.js";
import { batchArrays, batchBytes } from "./emit/places.js";
import { printJson } from "./emit/print-json.js";
import { ProgramModules } from "./emit/program-modules.js";
import { outputBytes, partsOfWeights } from "./emit/weight-parts.js";
import type { ProgramRecord, WeightRecord } from "./program.js";
import { PROGRAM_FORMAT } from "./program.js";

/** What the executor opens. */
export const PROGRAM_FILE = "program.json";

export function emitProgram(plan: ProgramPlan, readAsset: (path: string) => string): readonly EmittedFile[] {
  const modules = new ProgramModules(readAsset);
  const functions = plan.functions.map((func) => functionRecord(func, plan, modules));
  const printed = modules.print();
  const record: ProgramRecord = {
    format: PROGRAM_FORMAT,
    program: describeProgram(plan, printed.length),
    layerBlockBytes: plan.kv.blockBytes / (2 * plan.kv.type.layers),
    outputBytes: outputBytes(plan),
    batch: { sizeBytes: batchBytes(plan), arrays: batchArrays(plan) },
    weights: weightRecords(plan),
    modules: printed.map((module) => module.record),
    functions,
    scenarios: plan.scenarios.map(({ name, maxTokens, entry }) => ({ name, maxTokens, entry })),
  };
  return [
    { path: PROGRAM_FILE, text: `${printJson(record)}\n` },
    ...printed.map(({ record: { file }, text }) => ({ path: file, text })),
  ];
}

function weightRecords(plan: ProgramPlan): readonly WeightRecord[] {
  const parts = partsOfWeights(plan);
  return plan.weights.entries.map(({ name, offsetBytes, strideBytes, sizeBytes, layers }, i) => {
    return { name, offsetBytes, strideBytes, sizeBytes, layers: layers ?? null, parts: parts[i]! };
  });
}
