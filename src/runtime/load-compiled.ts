/** Opens a model after compiling it, with all that the compilation has to tell. */

import type { Artifact, ProgramFacts } from "../artifacts/index.js";
import { rememberStart, startKey } from "../artifacts/index.js";
import type { Host } from "../base/index.js";
import type { Compilation, Progress } from "../compiler/index.js";
import { buildArtifact, compileChecked, hardwareOf } from "../compiler/index.js";
import type { Result } from "../diagnostics/index.js";
import { success } from "../diagnostics/index.js";
import type { Executor } from "./executor.js";
import { deviceFeatures, executors, requireDevice } from "./executors.js";
import type { LoadedModel, LoadOptions } from "./load-model.js";
import { assembleModel, poolBlocks, requestOf } from "./load-model.js";
import { createReferenceExecutor } from "./reference-executor.js";
import { loadTokenizer } from "./tokenizer.js";

/** A model whose compilation is at hand. */
export interface CompiledModel extends LoadedModel {
  readonly compilation: Compilation;
  /** Undefined when the reference evaluator runs it. */
  readonly artifact: Artifact | undefined;
}

/** Compiles, whatever is remembered of earlier starts, and remembers this one. */
export async function loadCompiled(
  host: Host,
  path: string,
  given: Partial<LoadOptions> = {},
  progress: Progress = {},
): Promise<Result<CompiledModel>> {
  const key = startKey(host, requestOf(path, given));
  const runsHere = given.executor !== "reference" && given.target !== undefined && given.features === undefined;
  const features = runsHere ? await deviceFeatures(given.target) : given.features;
  const compiled = await compileChecked(host, path, { ...given, features }, progress);
  if (!compiled.ok) return compiled;
  const compilation = compiled.value;
  const tokenizer = loadTokenizer(compilation.model.tokenizerPath, host.files);
  if (!tokenizer.ok) return tokenizer;
  const facts = factsOf(compilation);
  const opened = await openExecutor(host, { compilation, facts }, given, progress);
  if (!opened.ok) return opened;
  const { executor, artifact } = opened.value;
  const diagnostics = [...compiled.diagnostics, ...tokenizer.diagnostics];
  // A warning is said at each start, and a model that changed meanwhile is another request.
  const isLasting = diagnostics.length === 0 && facts.runsOnHost && artifact !== undefined;
  if (isLasting && key !== undefined && startKey(host, requestOf(path, given)) === key) {
    rememberStart(host, key, { facts, artifact });
  }
  const { weights } = compilation.model;
  const model = assembleModel({ facts, executor, tokenizer: tokenizer.value, weights });
  return success({ ...model, compilation, artifact }, diagnostics);
}

/** What running needs to know of a compilation. */
export function factsOf(compilation: Compilation): ProgramFacts {
  const { plan, model } = compilation;
  return {
    model: plan.model,
    target: plan.target,
    runsOnHost: compilation.backend.capabilities.runsOnHost,
    vocabulary: plan.vocabulary,
    capacity: plan.capacity,
    blockSize: plan.kv.type.blockSize,
    blockBytes: plan.kv.blockBytes,
    threads: hardwareOf(compilation).threads,
    tokenizerPath: model.tokenizerPath,
  };
}

interface Opened {
  readonly executor: Executor;
  readonly artifact: Artifact | undefined;
}

async function openExecutor(
  host: Host,
  { compilation, facts }: { readonly compilation: Compilation; readonly facts: ProgramFacts },
  given: Partial<LoadOptions>,
  progress: Progress,
): Promise<Result<Opened>> {
  const blocks = poolBlocks(facts, given);
  if (given.executor === "reference") {
    const executor = createReferenceExecutor(compilation, blocks);
    return executor.ok ? success({ executor: executor.value, artifact: undefined }) : executor;
  }
  await requireDevice(host, compilation.backend);
  const built = await buildArtifact(host, compilation, progress);
  if (!built.ok) return built;
  const row = executors[compilation.backend.capabilities.executor];
  const threads = given.threads ?? facts.threads;
  const executor = await row.open({ host, facts, artifact: built.value, threads, blocks });
  return success({ executor, artifact: built.value });
}
