/** The CUDA target: CUDA C++ behind the interface of the C library, built by nvcc. */

import type { Host } from "../../src/base/index.js";
import type { Ability, Backend } from "../../src/codegen/index.js";
import { writeWeightHeader } from "../../src/codegen/index.js";
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

export const cudaBackend: Backend = {
  name: "cuda",
  doc: "CUDA C++ for NVIDIA GPUs from Ampere on, built by nvcc",
  capabilities: { executor: "library", runsOnHost: false, architectures },
  hardware: ["h100", "a100"],
  kernels,
  ruleFiles: ["lower/cuda.rules"],
  emit: emitProgram,
  weightHeader: writeWeightHeader,
  build: buildLibrary,
  availability: async (host) => ({ build: await compilerAbility(host), run: await gpuAbility(host) }),
};

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
