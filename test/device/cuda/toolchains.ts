// What compiles CUDA sources in tests: nvcc for real, or g++ against the headers of `emulate/`.

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

import type { Gpu, Nvcc } from "../../../backends/cuda/index.js";
import { findGpu, findNvcc } from "../../../backends/cuda/index.js";
import type { Host } from "../../../src/base/index.js";
import { createNodeHost } from "../../../src/host/index.js";
import type { Toolchain } from "./kernel-harness.js";

/** Stands in for nvcc: the same options, the CPU's code. */
export const emulatedNvcc = fileURLToPath(new URL("emulate/nvcc", import.meta.url));

/** Whether the stand-in works here; prints why not. */
export function hasEmulator(): boolean {
  const works = process.platform === "linux" && spawnSync("g++", ["--version"]).status === 0;
  if (!works) process.stderr.write("skipped: CUDA kernels emulated on the CPU, because g++ cannot be started\n");
  return works;
}

export const emulator: Toolchain = { command: emulatedNvcc, args: [] };

/** The host of a machine whose nvcc is the stand-in, and whose CPU counts as a GPU. */
export function emulatedHost(cacheRoot: string): Host {
  const host = createNodeHost();
  return {
    ...host,
    cacheRoot,
    run: (command, ...rest) => {
      if (command !== "nvidia-smi") return host.run(command, ...rest);
      return Promise.resolve({ exitCode: 0, stdout: "emulated GPU, 8.0\n", stderr: "" });
    },
    environment: (name) => (name === "NVCC" ? emulatedNvcc : host.environment(name)),
  };
}

export interface CudaMachine {
  readonly nvcc: Nvcc | undefined;
  readonly gpu: Gpu | undefined;
}

/** What this machine has; prints what it lacks. */
export async function findCudaMachine(): Promise<CudaMachine> {
  const host = createNodeHost();
  const [nvcc, gpu] = await Promise.all([findNvcc(host), findGpu(host)]);
  if (nvcc === undefined) {
    process.stderr.write("skipped: tests that compile CUDA, because nvcc cannot be started (node scripts/fetch-nvcc.mjs)\n");
  }
  if (gpu === undefined) process.stderr.write("skipped: tests that run CUDA, because `nvidia-smi` names no GPU\n");
  return { nvcc, gpu };
}
