/** The C target: C11 with threads, built by the machine's own compiler. */

import type { Backend } from "../../src/codegen/index.js";
import { buildLibrary } from "./build.js";
import { emitProgram } from "./emit.js";
import { kernels } from "./kernels.js";
import { writeWeightHeader } from "./weight-file.js";

export { buildProgram, findCompiler } from "./build.js";
export type { Compiler } from "./build.js";
export type { ProgramDescription } from "./emit/facts.js";
export type { CKernelRow, KernelInstance } from "./kernel-row.js";
export { formatName, packedType, parseFormat } from "./panels.js";
export { weightsHash, writeWeightHeader } from "./weight-file.js";

export const cBackend: Backend = {
  name: "c",
  kernels,
  ruleFiles: ["lower/c.rules"],
  emit: emitProgram,
  weightHeader: writeWeightHeader,
  build: buildLibrary,
};
