// Every way of running a program that tests know: each target on what this machine has. A target that cannot
// run here says why, once, and its tests are skipped.

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

import type { Host } from "../../src/base/index.js";
import { createNodeHost } from "../../src/host/index.js";
import { webGpuAbility } from "../../src/runtime/native-webgpu.js";
import { emulatedHost, findCudaMachine, hasEmulator } from "../device/cuda/toolchains.js";

export interface TestTarget {
  /** For titles: `wgsl`, `cuda, emulated on the CPU`. */
  readonly title: string;
  readonly target: "c" | "wgsl" | "cuda";
  /** Why it cannot run here; undefined where it can. */
  readonly missing: string | undefined;
  /** A host that builds and runs it, with artifacts in a folder of the test's own. */
  readonly hostFor: (cacheRoot: string) => Host;
}

const plainHost = (cacheRoot: string): Host => ({ ...createNodeHost(), cacheRoot });

const compiler = process.env["CC"] ?? "gcc";

/** `$CC` for programs that need not be fast: they are built in a third of the time. */
export const quickCompiler = `${fileURLToPath(new URL("quick-cc", import.meta.url))} ${compiler}`;

/** A host whose C compiler is that one. */
export function quickHost(cacheRoot: string): Host {
  const host = plainHost(cacheRoot);
  return { ...host, environment: (name) => (name === "CC" ? quickCompiler : host.environment(name)) };
}

export async function findTestTargets(): Promise<readonly TestTarget[]> {
  const hasCompiler = spawnSync(compiler, ["--version"]).status === 0;
  const device = await webGpuAbility();
  const { nvcc, gpu } = await findCudaMachine();
  const targets: readonly TestTarget[] = [
    { title: "c", target: "c", missing: hasCompiler ? undefined : `\`${compiler}\` cannot be started`, hostFor: quickHost },
    { title: "wgsl", target: "wgsl", missing: device.ok ? undefined : device.why, hostFor: plainHost },
    {
      title: "cuda, emulated on the CPU",
      target: "cuda",
      missing: hasEmulator() ? undefined : "g++ cannot be started",
      hostFor: emulatedHost,
    },
    {
      title: "cuda, on the GPU",
      target: "cuda",
      missing: nvcc === undefined ? "nvcc cannot be started" : gpu === undefined ? "there is no GPU" : undefined,
      hostFor: plainHost,
    },
  ];
  for (const { title, missing } of targets) {
    if (missing !== undefined) process.stderr.write(`skipped: ${title}: ${missing}\n`);
  }
  return targets;
}
