/**
 * Prints a plan as C: one file of the plan, the runtime beside it, and the kernel sources that the file
 * includes. Threads run the whole step, each its share of every kernel, with a barrier behind each.
 */

import type { CDialect, EmittedFile } from "../../src/codegen/index.js";
import { collectKernels, includedSources, printLoopKernelC, printProgram } from "../../src/codegen/index.js";
import type { ProgramPlan } from "../../src/plan/index.js";
import { kernels as rows } from "./kernels.js";

/** Files that every artifact has, relative to `backends/c`. */
const runtimeFiles = [
  "amx.h", "batch.h", "levels.c", "llmir.h", "main.c", "numbers.h", "pool.c", "pool.h", "program.h", "runtime.c",
  "vector.h", "worker.h",
];

const dialect: CDialect = {
  target: "C",
  printLoops: printLoopKernelC,
  context: [{ type: "const Step *", name: "s" }, { type: "const Worker *", name: "w" }],
  runner: "w",
  afterCall: "barrier(w);",
  reserved: ["barrier"],
  accessorPrefix: "NUMBER",
  fact: (name, value) => `.${name} = ${value}`,
  layerPointer: "&layer",
  scalar: (pointer) => `*${pointer}`,
  cache: (field) => `s->${field}`,
  elementsAt: (address, element) => `(const ${element} *)(const void *)(${address})`,
};

export function emitProgram(plan: ProgramPlan, readAsset: (path: string) => string): readonly EmittedFile[] {
  const kernels = collectKernels(plan, rows, dialect);
  const files = kernels.instances.map(({ file }) => file);
  const parts = includedSources(files, (file) => readAsset(`backends/c/kernels/${file}`));
  const sources = [...new Set([...files, ...parts])].map((file) => `kernels/${file}`);
  const text = printProgram({
    plan,
    kernels,
    dialect,
    includes: ["runtime/program.h", "runtime/numbers.h"],
    weightsPlace: "in the mapped file",
    scratchBytes: 4 * Math.max(0, ...kernels.instances.map(({ scratchFloats }) => scratchFloats)),
    sharedBytes: Math.max(0, ...kernels.instances.map(({ sharedBytes = 0 }) => sharedBytes)),
  });
  return [
    { path: "model.c", text },
    ...[...runtimeFiles.map((name) => `runtime/${name}`), ...sources]
      .sort()
      .map((path) => ({ path, text: readAsset(`backends/c/${path}`) })),
  ];
}
