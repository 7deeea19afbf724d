// What nvcc makes of emitted programs: every kernel alone, the whole step of an 8B model for each generation
// without a warning and without spilled registers; what the library says where there is no GPU; and what is
// said without nvcc.

import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { afterAll, describe, expect, it } from "vitest";

import type { ResourceReport } from "../../../backends/cuda/index.js";
import { cudaBackend } from "../../../backends/cuda/index.js";
import type { Host } from "../../../src/base/index.js";
import { HostError } from "../../../src/base/index.js";
import type { CompileOptions } from "../../../src/compiler/index.js";
import { compileModel } from "../../../src/compiler/index.js";
import { renderDiagnostics } from "../../../src/diagnostics/index.js";
import { createNodeHost } from "../../../src/host/index.js";
import { openNative } from "../../../src/runtime/index.js";
import { requireSharedModel } from "../../support/models.js";
import { sourceRoot } from "./kernel-harness.js";
import { findCudaMachine } from "./toolchains.js";

const host = createNodeHost();
const { nvcc, gpu } = await findCudaMachine();
const llama = requireSharedModel("configs", "Meta-Llama-3.1-8B.json");
const folder = mkdtempSync(join(tmpdir(), "llmir-nvcc-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The same host, whose nvcc takes every warning for an error. */
const strictHost: Host = {
  ...host,
  environment: (name) =>
    name === "NVCC" ? [nvcc?.command, "-Werror", "all-warnings", "-Xcompiler", "-Werror"].join(" ") : host.environment(name),
};

/** Compiles a model, writes its sources and builds them; returns the library and what ptxas said. */
async function build(
  arch: string,
  options: Partial<CompileOptions>,
): Promise<{ readonly path: string; readonly report: ResourceReport }> {
  const compiled = compileModel(host, llama, { ...options, target: "cuda", uncheckedRules: true });
  if (!compiled.ok) throw new Error(renderDiagnostics(compiled.diagnostics));
  const to = join(folder, `${arch}-${options.quantize ?? "none"}`);
  for (const { path, text } of compiled.value.files) {
    mkdirSync(dirname(join(to, path)), { recursive: true });
    writeFileSync(join(to, path), text);
  }
  const { programPath } = await cudaBackend.build(strictHost, to, { arch });
  const report = JSON.parse(readFileSync(join(to, "ptxas.json"), "utf8")) as ResourceReport;
  return { path: programPath, report };
}

describe.skipIf(nvcc === undefined)("nvcc", () => {
  const kernels = readdirSync(join(sourceRoot, "kernels"));

  it("compiles every file of kernels alone, with its defaults", { timeout: 120_000 }, () => {
    const source = join(folder, "alone.cu");
    for (const kernel of kernels) {
      writeFileSync(source, `#include "kernels/${kernel}"\n`);
      const args = ["-std=c++17", "-arch=sm_80", "-Werror", "all-warnings", `-I${sourceRoot}`, "-ptx", source, "-o", `${source}.ptx`];
      const { status, stderr } = spawnSync(nvcc?.command ?? "", args, { encoding: "utf8" });
      expect(`${kernel}: ${status} ${stderr}`).toBe(`${kernel}: 0 `);
    }
  });

  const builds = [
    { arch: "sm_80", quantize: "none" },
    { arch: "sm_90", quantize: "none" },
    { arch: "sm_90a", quantize: "q4" },
  ] as const;

  it.skipIf(llama === "").each(builds)(
    "compiles the whole step of an 8B model for $arch at $quantize without warnings or spills",
    { timeout: 240_000 },
    async ({ arch, quantize }) => {
      const { path, report } = await build(arch, { quantize });
      expect(report.arch).toBe(arch);
      const names = report.kernels.map(({ kernel }) => kernel);
      const product = quantize === "none" ? "narrow_matmul_bf16" : "matmul_q4";
      for (const kernel of ["rows<1>", "rows<8>", "tiles"]) expect(names).toContain(`${product}_4096x28672_${kernel}`);
      expect(report.kernels.filter((each) => each.spillStoreBytes + each.spillLoadBytes > 0)).toEqual([]);
      expect(report.kernels.every(({ registers }) => registers > 0)).toBe(true);
      if (gpu !== undefined) return;
      const opened = openNative(path, join(folder, "no-weights.bin"), { threads: 1, blocks: 1 });
      await expect(opened).rejects.toThrow(/CUDA: this machine has no NVIDIA driver/);
    },
  );
});

describe("building for CUDA", () => {
  const without: Host = { ...host, environment: (name) => (name === "NVCC" ? "/no/such/nvcc" : undefined) };

  it("says what to install where there is no nvcc", async () => {
    const built = cudaBackend.build(without, folder, { arch: "sm_80" });
    await expect(built).rejects.toThrow(/that NVCC names cannot be started/);
    await built.catch((error: unknown) => expect((error as HostError).details.code).toBe("target/no-nvcc"));
    const { build } = await cudaBackend.availability(without);
    expect(build).toMatchObject({ ok: false, why: "nvcc cannot be started" });
  });

  it("builds for what the GPU is, and refuses one that it does not know", async () => {
    const old: Host = {
      ...host,
      environment: (name) => (name === "NVCC" ? "nvcc" : undefined),
      run: async (command) => ({
        exitCode: 0,
        stdout: command === "nvidia-smi" ? "NVIDIA Old One, 7.0\n" : "Cuda compilation tools, release 13.0, V13.0.88\n",
        stderr: "",
      }),
    };
    const built = cudaBackend.build(old, folder, { arch: undefined });
    await expect(built).rejects.toThrow("cannot be built for `sm_70`");
    expect(await cudaBackend.availability(old)).toEqual({
      build: { ok: true, by: "nvcc release 13.0, V13.0.88" },
      run: { ok: true, by: "NVIDIA Old One (sm_70)" },
    });
  });

  it("shows what nvcc said when it refuses a program", async () => {
    const failing: Host = {
      ...host,
      environment: (name) => (name === "NVCC" ? "nvcc" : undefined),
      run: async (_command, args) => ({
        exitCode: args.includes("--version") ? 0 : 2,
        stdout: args.includes("--version") ? "release 13.0, V13.0.88" : "",
        stderr: "ptxas info    : 0 bytes gmem\nmodel.cu(3): error: identifier \"x\" is undefined\n",
      }),
    };
    const error: unknown = await cudaBackend.build(failing, folder, { arch: "sm_80" }).catch((each: unknown) => each);
    expect(error).toBeInstanceOf(HostError);
    expect((error as HostError).details).toMatchObject({
      code: "target/compile-failed",
      hint: 'model.cu(3): error: identifier "x" is undefined',
    });
  });
});
