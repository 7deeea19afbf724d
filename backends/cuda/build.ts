/**
 * Builds an emitted folder with nvcc, as a library with the interface of runtime/llmir.h. The CUDA runtime is
 * linked in, so that the library opens on any machine, and says there whether it finds a GPU. What ptxas
 * reports of each kernel is kept beside it, in `ptxas.json`.
 */

import type { Host } from "../../src/base/index.js";
import type { BuildReport, TargetSettings } from "../../src/codegen/index.js";
import { sourceHash } from "../../src/codegen/index.js";
import { hostError } from "../../src/diagnostics/index.js";
import { findGpu, findNvcc } from "./nvcc.js";
import type { KernelResources } from "./ptxas-report.js";
import { parsePtxas } from "./ptxas-report.js";

/** From Ampere on: kernels multiply in TF32. */
export const architectures: readonly string[] = [
  "sm_80", "sm_86", "sm_87", "sm_89", "sm_90", "sm_90a", "sm_100", "sm_100a", "sm_120",
];

/** Where no GPU says what it is: code of the oldest one, which later ones translate when they load it. */
const DEFAULT_ARCH = "sm_80";

const sources = ["model.cu", "runtime/runtime.cu"];

/** Lines of a compiler's complaints that are worth showing. */
const SHOWN_LINES = 12;

/** `ptxas.json`. */
export interface ResourceReport {
  readonly compiler: string;
  readonly arch: string;
  readonly kernels: readonly KernelResources[];
}

export const noNvccHint =
  "install the CUDA toolkit, name its compiler in NVCC, or fetch it with `node scripts/fetch-nvcc.mjs`";

export async function buildLibrary(
  host: Host,
  folder: string,
  { arch }: TargetSettings,
): Promise<BuildReport> {
  const nvcc = await findNvcc(host);
  if (nvcc === undefined) throw hostError("target/no-nvcc", noNvccMessage(host), { hint: noNvccHint });
  const chosen = await chooseArch(host, arch);
  const options = [...nvcc.args, ...compilerFlags(chosen), ...sources];
  const file = `libmodel-${sourceHash(host, folder, [nvcc.version, ...options])}.so`;
  const args = [...options, "-o", file];
  const { exitCode, stdout, stderr } = await host.run(nvcc.command, args, { folder });
  if (exitCode !== 0) {
    throw hostError("target/compile-failed", `${nvcc.command} could not compile the emitted CUDA`, {
      path: folder,
      hint: firstLines(`${stderr}\n${stdout}`),
    });
  }
  const report: ResourceReport = { compiler: nvcc.version, arch: chosen, kernels: parsePtxas(`${stderr}\n${stdout}`) };
  host.files.write(host.files.join(folder, "ptxas.json"), `${JSON.stringify(report, undefined, 2)}\n`);
  return {
    compiler: `nvcc ${nvcc.version}`,
    command: [nvcc.command, ...args],
    programPath: host.files.join(folder, file),
  };
}

function noNvccMessage(host: Host): string {
  const wanted = host.environment("NVCC");
  return wanted === undefined || wanted.trim() === ""
    ? "no CUDA compiler was found: nvcc cannot be started"
    : `the CUDA compiler \`${wanted}\` that NVCC names cannot be started`;
}

async function chooseArch(host: Host, wanted: string | undefined): Promise<string> {
  const arch = wanted ?? (await findGpu(host))?.arch ?? DEFAULT_ARCH;
  if (architectures.includes(arch)) return arch;
  throw hostError("target/unknown-arch", `the CUDA target cannot be built for \`${arch}\``, {
    hint: `known architectures: ${architectures.join(", ")}`,
  });
}

/** Contraction to FMA is nvcc's default; division and square root stay exact; masks need infinities. */
function compilerFlags(arch: string): readonly string[] {
  const host = ["-Xcompiler", "-fPIC,-fvisibility=hidden,-Wall,-Wextra"];
  return ["-std=c++17", "-O3", `-arch=${arch}`, "-Xptxas", "-v", "-shared", ...host];
}

function firstLines(text: string): string {
  const isNote = (line: string): boolean => line.startsWith("ptxas info") || line.includes("bytes stack frame");
  return text.trim().split("\n").filter((line) => !isNote(line)).slice(0, SHOWN_LINES).join("\n");
}
