/** Runs steps with the library that a target built. */

import type { Artifact, Compilation } from "../compiler/index.js";
import type { Executor } from "./executor.js";
import type { NativeOptions } from "./native.js";
import { openNative } from "./native.js";

/** Opens an artifact of a compilation. Throws `HostError` when the library cannot be loaded. */
export async function openNativeExecutor(
  compilation: Compilation,
  { programPath, weightsPath }: Artifact,
  options: NativeOptions,
): Promise<Executor> {
  const model = await openNative(programPath, weightsPath, options);
  const { plan, backend } = compilation;
  const threads = options.threads === 1 ? "1 thread" : `${options.threads} threads`;
  return {
    name: `${plan.target}, ${backend.capabilities.runsOnHost ? threads : "on the GPU"}`,
    capacity: plan.capacity,
    vocabulary: plan.vocabulary,
    blockSize: plan.kv.type.blockSize,
    blocks: options.blocks,
    step: (batch) => model.step(batch),
    close: () => model.close(),
  };
}
