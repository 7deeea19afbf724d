/** Runs steps with the library that a target built. */

import type { Artifact, ProgramFacts } from "../artifacts/index.js";
import type { Executor } from "./executor.js";
import type { NativeOptions } from "./native.js";
import { openNative } from "./native.js";

/** Opens an artifact. Throws `HostError` when the library cannot be loaded. */
export async function openNativeExecutor(
  { target, runsOnHost, capacity, vocabulary, blockSize }: ProgramFacts,
  { programPath, weightsPath }: Pick<Artifact, "programPath" | "weightsPath">,
  options: NativeOptions,
): Promise<Executor> {
  const model = await openNative(programPath, weightsPath, options);
  const threads = options.threads === 1 ? "1 thread" : `${options.threads} threads`;
  return {
    name: `${target}, ${runsOnHost ? threads : "on the GPU"}`,
    capacity,
    vocabulary,
    blockSize,
    blocks: options.blocks,
    step: (batch) => model.step(batch),
    close: () => model.close(),
  };
}
