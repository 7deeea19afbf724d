/** Finding the CUDA compiler, and what this machine's GPU is. */

import { HostError, type Host } from "../../src/base/index.js";

export interface Nvcc {
  readonly command: string;
  /** Words of `$NVCC` after the first, and where its libraries are when it comes from a Python package. */
  readonly args: readonly string[];
  /** `release 13.0, V13.0.88` */
  readonly version: string;
}

export interface Gpu {
  readonly name: string;
  /** `sm_90` */
  readonly arch: string;
}

/** Where scripts/fetch-nvcc.mjs puts the compiler, below the package's folder. */
const cached = [".cache", "nvcc", "nvidia", "cu13", "bin", "nvcc"];

/** `$NVCC`, or else `nvcc` on the path, or the one that was fetched; undefined when none starts. */
export async function findNvcc(host: Host): Promise<Nvcc | undefined> {
  const wanted = host.environment("NVCC")?.split(" ").filter((word) => word !== "") ?? [];
  const choices = wanted.length > 0 ? [wanted] : [["nvcc"], [host.files.join(host.assetRoot, ...cached)]];
  for (const [command = "", ...args] of choices) {
    const version = await answer(host, command, [...args, "--version"]);
    const release = /release [^\n]*/.exec(version ?? "")?.[0];
    if (release === undefined) continue;
    return { command, args: [...args, ...libraryFolder(host, command)], version: release };
  }
  return undefined;
}

/** Python packages keep the runtime in `lib`, where nvcc does not look by itself. */
function libraryFolder({ files }: Host, command: string): readonly string[] {
  const folder = files.join(command, "..", "..", "lib");
  return /[/\\]/.test(command) && files.exists(files.join(folder, "libcudart_static.a")) ? [`-L${folder}`] : [];
}

/** The first GPU that the driver's own tool names. */
export async function findGpu(host: Host): Promise<Gpu | undefined> {
  const listed = await answer(host, "nvidia-smi", ["--query-gpu=name,compute_cap", "--format=csv,noheader"]);
  const found = /^(.+), (\d+)\.(\d+)$/m.exec(listed ?? "");
  if (found === null) return undefined;
  const [, name = "", major = "", minor = ""] = found;
  return { name, arch: `sm_${major}${minor}` };
}

async function answer(host: Host, command: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const { exitCode, stdout } = await host.run(command, args);
    return exitCode === 0 ? stdout : undefined;
  } catch (error) {
    if (error instanceof HostError) return undefined;
    throw error;
  }
}
