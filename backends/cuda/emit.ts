/**
 * Prints a plan as CUDA C++: one file of the plan, the runtime beside it, and the kernel sources that the
 * file includes. A call launches kernels on the step's stream, where they follow each other.
 */

import type { CDialect, EmittedFile } from "../../src/codegen/index.js";
import { collectKernels, includedSources, printLoopKernelCuda, printProgram } from "../../src/codegen/index.js";
import type { ProgramPlan } from "../../src/plan/index.js";
import { kernels as rows } from "./kernels.js";

/**
 * Files that every artifact has, by their paths there. The interface and the check of a batch are those of C,
 * word for word.
 */
const runtimeFiles: readonly (readonly [path: string, asset: string])[] = [
  ["runtime/batch.h", "backends/c/runtime/batch.h"],
  ["runtime/launch.cuh", "backends/cuda/runtime/launch.cuh"],
  ["runtime/llmir.h", "backends/c/runtime/llmir.h"],
  ["runtime/numbers.cuh", "backends/cuda/runtime/numbers.cuh"],
  ["runtime/program.cuh", "backends/cuda/runtime/program.cuh"],
  ["runtime/runtime.cu", "backends/cuda/runtime/runtime.cu"],
];

const dialect: CDialect = {
  target: "CUDA",
  printLoops: printLoopKernelCuda,
  context: [{ type: "const Step *", name: "s" }],
  runner: "s",
  afterCall: undefined,
  reserved: [],
  accessorPrefix: "static inline",
  // C++17 has no designated initializers.
  fact: (name, value) => `/* ${name} */ ${value}`,
  layerPointer: "s->layer_numbers + layer",
  scalar: () => undefined,
  // C++ does not turn untyped pointers into typed ones by itself.
  cache: (field, element) => `(${element} *)s->${field}`,
  elementsAt: (address, element) => `(const ${element} *)(${address})`,
};

export function emitProgram(plan: ProgramPlan, readAsset: (path: string) => string): readonly EmittedFile[] {
  const kernels = collectKernels(plan, rows, dialect);
  const files = [...new Set(kernels.instances.map(({ file }) => file))];
  const readKernel = (file: string): string => readAsset(`backends/cuda/kernels/${file}`);
  const parts = includedSources(files, readKernel);
  const text = printProgram({
    plan,
    kernels,
    dialect,
    // Parts come before the parameters of any kernel are defined: those are short words.
    includes: ["runtime/program.cuh", "runtime/numbers.cuh", ...parts.map((part) => `kernels/${part}`)],
    weightsPlace: "on the device",
    kernelsRemark: launchesText(plan),
  });
  return [
    { path: "model.cu", text },
    ...[...files, ...parts].sort().map((file) => ({ path: `kernels/${file}`, text: readKernel(file) })),
    ...runtimeFiles.map(([path, asset]) => ({ path, text: readAsset(asset) })),
  ];
}

/** How often a layer of the first scenario goes to the GPU. */
function launchesText({ functions }: ProgramPlan): string {
  const layer = functions.find(({ role }) => role === "layer");
  return layer === undefined ? "no layers" : `${layer.calls.length} launches a layer in ${layer.name}`;
}
