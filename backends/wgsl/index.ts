/** The WGSL target: shaders for WebGPU, in a page or in Node. There is nothing to compile before they run. */

import type { Backend } from "../../src/codegen/index.js";
import { writeWeightHeader } from "../../src/codegen/index.js";
import { floatDtypes } from "../../src/ir/index.js";
import { emitProgram, PROGRAM_FILE } from "./emit.js";
import { dispatchesOfCall, refusalsOf } from "./emit/weight-parts.js";
import { wgslFeatures } from "./kernel-row.js";
import { kernels } from "./kernels.js";
import { LIMITS } from "./limits.js";

export { LIMITS } from "./limits.js";
export type * from "./program.js";
export { PROGRAM_FORMAT } from "./program.js";

/** What stands for a compiler in an artifact: shaders are compiled where they run. */
const EMITTER = "wgsl emitter, format 1";

export const wgslBackend: Backend = {
  name: "wgsl",
  doc: "shaders for WebGPU, in a browser or in Node",
  capabilities: {
    executor: "webgpu", runsOnHost: false, architectures: [], bindingBytes: LIMITS.bindingBytes,
    features: wgslFeatures, cacheDtypes: floatDtypes,
  },
  hardware: ["generic-gpu"],
  kernels,
  ruleFiles: ["lower/wgsl.rules"],
  launches: { noun: ["dispatch", "dispatches"], count: dispatchesOfCall },
  refuses: refusalsOf,
  emit: emitProgram,
  weightHeader: writeWeightHeader,
  build: async (host, folder) => {
    return { compiler: EMITTER, command: [], programPath: host.files.join(folder, PROGRAM_FILE) };
  },
  availability: async () => ({
    build: { ok: true, by: "this compiler" },
    run: { ok: true, by: "any device with WebGPU" },
  }),
};
