/** The C target: C11 with threads, built by the machine's own compiler. */

import type { Host } from "../../src/base/index.js";
import { HostError } from "../../src/base/index.js";
import type { Ability, Backend } from "../../src/codegen/index.js";
import { cacheDtypes } from "../../src/ir/index.js";
import { buildLibrary, findCompiler, GENERIC } from "./build.js";
import { emitProgram } from "./emit.js";
import { kernels } from "./kernels.js";
import { measureMachine } from "./measure.js";
import { writeWeightHeader } from "./weight-file.js";

export { buildProgram, findCompiler, GENERIC } from "./build.js";
export { levelsOf } from "./levels.js";
export type { Compiler } from "./build.js";
export type { ProgramDescription } from "../../src/codegen/index.js";
export type { CKernelRow, KernelInstance } from "./kernel-row.js";
export { formatName, packedType, parseFormat } from "./panels.js";
export { weightsHash, writeWeightHeader } from "./weight-file.js";

export const cBackend: Backend = {
  name: "c",
  doc: "C11 with threads, built by the machine's own compiler",
  capabilities: { executor: "library", runsOnHost: true, architectures: [GENERIC], cacheDtypes },
  hardware: ["generic-x86-64"],
  kernels,
  ruleFiles: ["lower/c.rules"],
  emit: emitProgram,
  weightHeader: writeWeightHeader,
  build: buildLibrary,
  availability: async (host) => {
    const build = await compilerAbility(host);
    return { build, run: { ok: true, by: host.machine.model === "" ? "this machine" : host.machine.model } };
  },
  measure: measureMachine,
};

async function compilerAbility(host: Host): Promise<Ability> {
  try {
    const { version } = await findCompiler(host);
    return { ok: true, by: version };
  } catch (error) {
    if (!(error instanceof HostError)) throw error;
    return { ok: false, why: error.message, hint: error.details.hint ?? "" };
  }
}
