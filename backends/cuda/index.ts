/** The CUDA target: CUDA C++ behind the interface of the C library, built by nvcc. */

import type { Host } from "../../src/base/index.js";
import type { Ability, Backend } from "../../src/codegen/index.js";
import { cudaLaunches, writeWeightHeader } from "../../src/codegen/index.js";
import { floatDtypes } from "../../src/ir/index.js";
import { loopKernel } from "../../src/loops/index.js";
import type { CopyCall, KernelCall, ProgramPlan } from "../../src/plan/index.js";
import { architectures, buildLibrary, noNvccHint } from "./build.js";
import { emitProgram } from "./emit.js";
import { kernels } from "./kernels.js";
import { findGpu, findNvcc } from "./nvcc.js";

export type { ResourceReport } from "./build.js";
export type { CudaKernelRow, KernelInstance } from "./kernel-row.js";
export { findGpu, findNvcc } from "./nvcc.js";
export type { Gpu, Nvcc } from "./nvcc.js";
export { parsePtxas } from "./ptxas-report.js";
export type { KernelResources } from "./ptxas-report.js";

/** How kernels that are printed from loops are called in a plan. */
const LOOPS_PREFIX = "loops.";

export const cudaBackend: Backend = {
  name: "cuda",
  doc: "CUDA C++ for NVIDIA GPUs from Ampere on, built by nvcc",
  capabilities: { executor: "library", runsOnHost: false, architectures, cacheDtypes: floatDtypes },
  hardware: ["h100", "a100"],
  kernels,
  ruleFiles: ["lower/cuda.rules"],
  launches: { noun: ["launch", "launches"], count: launchesOf },
  emit: emitProgram,
  weightHeader: writeWeightHeader,
  build: buildLibrary,
  availability: async (host) => ({ build: await compilerAbility(host), run: await gpuAbility(host) }),
};

/** Tuned kernels are one launch each; loops side by side are one after the other. */
function launchesOf(call: KernelCall | CopyCall, { ops }: ProgramPlan): number {
  if (call.kind === "copy" || !call.kernel.startsWith(LOOPS_PREFIX)) return 1;
  const record = ops.require(call.kernel.slice(LOOPS_PREFIX.length));
  const operands = call.operands.map(({ type }) => type);
  return cudaLaunches(loopKernel(record, operands, call.attrs, call.result.type));
}

async function compilerAbility(host: Host): Promise<Ability> {
  const nvcc = await findNvcc(host);
  if (nvcc !== undefined) return { ok: true, by: `nvcc ${nvcc.version}` };
  return { ok: false, why: "nvcc cannot be started", hint: noNvccHint };
}

async function gpuAbility(host: Host): Promise<Ability> {
  const gpu = await findGpu(host);
  if (gpu !== undefined) return { ok: true, by: `${gpu.name} (${gpu.arch})` };
  return {
    ok: false,
    why: "`nvidia-smi` names no GPU",
    hint: "run on a machine with an NVIDIA GPU and its driver, or compile only",
  };
}
