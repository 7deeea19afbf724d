/** Who runs what a target built: the one table from a backend's `executor` to the code that opens it. */

import type { Artifact, ProgramFacts } from "../artifacts/index.js";
import type { Host } from "../base/index.js";
import { HostError } from "../base/index.js";
import type { Ability, Availability, Backend, Capabilities } from "../codegen/index.js";
import { findTarget } from "../compiler/index.js";
import type { ProgramRecord } from "../../backends/wgsl/index.js";
import type { Executor } from "./executor.js";
import { openNativeExecutor } from "./native-executor.js";
import { nodeFeatures, openNodeDevice, requireAdapter, webGpuAbility } from "./native-webgpu.js";
import { createWebGpuExecutor } from "./webgpu-executor.js";

export interface OpenRequest {
  readonly host: Host;
  readonly facts: ProgramFacts;
  readonly artifact: Artifact;
  readonly threads: number;
  /** Blocks that the KV pool should have. */
  readonly blocks: number;
}

export interface ExecutorRow {
  /** Throws `HostError` when the machine cannot run the artifact. */
  open(request: OpenRequest): Promise<Executor>;
  /** Whether this machine can run any; absent where the backend's own answer is all there is to say. */
  readonly ability?: () => Promise<Ability>;
  /** Throws `HostError` where it cannot. */
  readonly require?: () => Promise<void>;
  /** Optional features that a program which runs here may need; absent where there are none. */
  readonly features?: () => Promise<readonly string[]>;
}

export const executors: Readonly<Record<Capabilities["executor"], ExecutorRow>> = {
  library: {
    open: ({ facts, artifact, threads, blocks }) =>
      openNativeExecutor(facts, artifact, { threads, blocks }),
  },
  webgpu: { open: openWebGpu, ability: webGpuAbility, require: requireAdapter, features: nodeFeatures },
};

/** What this machine can build and run of a target, and why not. */
export async function targetAvailability(host: Host, backend: Backend): Promise<Availability> {
  const { build, run } = await backend.availability(host);
  const { ability } = executors[backend.capabilities.executor];
  return { build, run: run.ok && ability !== undefined ? await ability() : run };
}

/** Optional features of this machine's device for a target; undefined where it has no such thing. */
export async function deviceFeatures(target: string): Promise<readonly string[] | undefined> {
  const backend = findTarget(target);
  return backend && executors[backend.capabilities.executor].features?.();
}

/**
 * Asked before anything is packed or built for a device. Throws `HostError` where this machine has none; what
 * compiles for its own processors runs on them.
 */
export async function requireDevice(host: Host, backend: Backend): Promise<void> {
  const { executor, runsOnHost } = backend.capabilities;
  if (runsOnHost) return;
  const { require } = executors[executor];
  if (require !== undefined) return require();
  const { run } = await backend.availability(host);
  if (run.ok) return;
  throw new HostError(`this machine cannot run programs for \`${backend.name}\`: ${run.why}`, {
    code: "target/no-device",
    hint: run.hint,
  });
}

async function openWebGpu({ host, artifact, blocks }: OpenRequest): Promise<Executor> {
  const { files } = host;
  const record = JSON.parse(files.readText(artifact.programPath)) as ProgramRecord;
  const needs = new Set(record.modules.flatMap((module) => module.needs ?? []));
  const { device, name } = await openNodeDevice([...needs]);
  const weights = files.open(artifact.weightsPath);
  try {
    return await createWebGpuExecutor(
      device,
      {
        record,
        readModule: (file) => files.readText(files.join(artifact.folder, ...file.split("/"))),
        readWeights: (offset, size) => weights.read(offset, size),
      },
      { name, blocks },
    );
  } catch (error) {
    device.destroy();
    throw error;
  } finally {
    weights.close();
  }
}
