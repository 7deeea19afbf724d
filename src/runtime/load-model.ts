/**
 * A model ready to write text: compiled, packed, built, opened, with its tokenizer. The reference
 * evaluator can take the place of the native library, so that a machine without a C compiler still runs.
 */

import type { Host } from "../base/index.js";
import type { Artifact, Compilation, CompileOptions, Progress } from "../compiler/index.js";
import { buildArtifact, compileChecked, hardwareOf } from "../compiler/index.js";
import type { Diagnostic, Result } from "../diagnostics/index.js";
import { diagnostic, failure, success } from "../diagnostics/index.js";
import type { Executor } from "./executor.js";
import { deviceFeatures, executors, requireDevice } from "./executors.js";
import type { GenerateReport } from "./generate.js";
import { generateTokens } from "./generate.js";
import { createReferenceExecutor } from "./reference-executor.js";
import type { SamplingOptions } from "./sampling.js";
import { createSampler } from "./sampling.js";
import { StepRunner } from "./step-runner.js";
import type { TextStream } from "./text-stream.js";
import type { Tokenizer } from "./tokenizer.js";
import { loadTokenizer } from "./tokenizer.js";

export interface LoadOptions extends CompileOptions {
  /** `native` runs the built library, `reference` the evaluator of the IR. */
  readonly executor: "native" | "reference";
  /** Memory for keys and values; the pool holds at least one sequence of full length. */
  readonly cacheBytes: number;
}

/** Enough for the sequences of one step at full length, within this many bytes. */
const DEFAULT_CACHE_BYTES = 2 ** 30;

export interface TextOptions extends SamplingOptions {
  readonly maxTokens: number;
  readonly signal?: AbortSignal;
}

export interface LoadedModel {
  readonly compilation: Compilation;
  /** Undefined when the reference evaluator runs it. */
  readonly artifact: Artifact | undefined;
  readonly tokenizer: Tokenizer;
  readonly runner: StepRunner;
  /**
   * A piece of text for each token, empty where a token completes no character; returns how it ended. The
   * prompt may not be empty.
   */
  generate(prompt: string, options: Partial<TextOptions>): Result<AsyncGenerator<string, GenerateReport>>;
  close(): Promise<void>;
}

export async function loadModel(
  host: Host,
  path: string,
  given: Partial<LoadOptions> = {},
  progress: Progress = {},
): Promise<Result<LoadedModel>> {
  const runsHere = given.executor !== "reference" && given.target !== undefined && given.features === undefined;
  const features = runsHere ? await deviceFeatures(given.target) : given.features;
  const compiled = await compileChecked(host, path, { ...given, features }, progress);
  if (!compiled.ok) return compiled;
  const compilation = compiled.value;
  const tokenizer = loadTokenizer(compilation.model.tokenizerPath, host.files);
  if (!tokenizer.ok) return tokenizer;
  const opened = await openExecutor(host, compilation, given, progress);
  if (!opened.ok) return opened;
  const { executor, artifact } = opened.value;
  const runner = new StepRunner(executor);
  const parts = { compilation, artifact, tokenizer: tokenizer.value, runner };
  return success(
    {
      ...parts,
      generate: (prompt, options) => generateText(parts, prompt, options),
      close: async () => {
        await executor.close();
        compilation.model.weights?.close();
      },
    },
    [...compiled.diagnostics, ...tokenizer.diagnostics],
  );
}

interface Opened {
  readonly executor: Executor;
  readonly artifact: Artifact | undefined;
}

async function openExecutor(
  host: Host,
  compilation: Compilation,
  given: Partial<LoadOptions>,
  progress: Progress,
): Promise<Result<Opened>> {
  const blocks = poolBlocks(compilation, given.cacheBytes ?? DEFAULT_CACHE_BYTES);
  if (given.executor === "reference") {
    const executor = createReferenceExecutor(compilation, blocks);
    return executor.ok ? success({ executor: executor.value, artifact: undefined }) : executor;
  }
  await requireDevice(host, compilation.backend);
  const built = await buildArtifact(host, compilation, progress);
  if (!built.ok) return built;
  const threads = given.threads ?? hardwareOf(compilation).threads;
  const row = executors[compilation.backend.capabilities.executor];
  const executor = await row.open({ host, compilation, artifact: built.value, threads, blocks });
  return success({ executor, artifact: built.value });
}

/**
 * Blocks for every sequence of a step at full length, or what the memory allows, but at least one sequence.
 */
function poolBlocks({ plan }: Compilation, cacheBytes: number): number {
  const { blocksPerSequence, sequences } = plan.capacity;
  const affordable = Math.floor(cacheBytes / plan.kv.blockBytes);
  return Math.max(blocksPerSequence, Math.min(blocksPerSequence * sequences, affordable));
}

type Parts = Pick<LoadedModel, "compilation" | "tokenizer" | "runner">;

function generateText(
  parts: Parts,
  prompt: string,
  options: Partial<TextOptions>,
): Result<AsyncGenerator<string, GenerateReport>> {
  const tokens = parts.tokenizer.encode(prompt);
  const fault = checkPrompt(parts, prompt, tokens.length);
  if (fault !== undefined) return failure(fault);
  const sampler = createSampler(samplingOf(options));
  if (!sampler.ok) return sampler;
  const stopTokens = new Set(parts.tokenizer.eosIds);
  const written = generateTokens(parts.runner, tokens, {
    maxTokens: options.maxTokens ?? parts.compilation.plan.capacity.contextLength,
    sampler: sampler.value,
    stopTokens,
    signal: options.signal,
  });
  return success(streamText(parts.tokenizer.stream(tokens), written));
}

/** The sampling options among all that were given. */
function samplingOf(options: Partial<TextOptions>): Partial<SamplingOptions> {
  const { maxTokens: _maxTokens, signal: _signal, ...sampling } = options;
  return sampling;
}

/** An empty prompt has nothing to continue; one that fills the context leaves no room to. */
function checkPrompt({ compilation }: Parts, prompt: string, tokens: number): Diagnostic | undefined {
  const { contextLength } = compilation.plan.capacity;
  if (prompt === "") {
    return diagnostic("command/empty-prompt", "the prompt is empty", { hint: "give a text to continue" });
  }
  if (tokens < contextLength) return undefined;
  return diagnostic(
    "command/prompt-too-long",
    `the prompt has ${tokens} tokens, the context holds ${contextLength}`,
    { hint: "shorten the prompt, or raise `--context` up to what the model was trained for" },
  );
}

async function* streamText(
  stream: TextStream,
  tokens: AsyncGenerator<number, GenerateReport>,
): AsyncGenerator<string, GenerateReport> {
  for (;;) {
    const next = await tokens.next();
    if (next.done !== true) {
      yield stream.push(next.value);
      continue;
    }
    const rest = stream.end();
    if (rest !== "") yield rest;
    return next.value;
  }
}
