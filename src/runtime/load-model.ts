/**
 * A model ready to write text: compiled, packed, built, opened, with its tokenizer. A start that was made
 * before is remembered, and loads neither the compiler nor its rules. The reference evaluator can take the
 * place of the native library, so that a machine without a C compiler still runs.
 */

import type { CompileOptions, ProgramFacts, StartRequest } from "../artifacts/index.js";
import { recallStart, startKey } from "../artifacts/index.js";
import type { Host } from "../base/index.js";
import { HostError } from "../base/index.js";
import type { Progress } from "../compiler/index.js";
import type { Diagnostic, Result } from "../diagnostics/index.js";
import { diagnostic, failure, success } from "../diagnostics/index.js";
import type { Executor } from "./executor.js";
import type { GenerateReport } from "./generate.js";
import { generateTokens } from "./generate.js";
import { openNativeExecutor } from "./native-executor.js";
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
  readonly facts: ProgramFacts;
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
  const remembered = await loadRemembered(host, path, given);
  if (remembered !== undefined) return remembered;
  const { loadCompiled } = await import("./load-compiled.js");
  return loadCompiled(host, path, given, progress);
}

/** The part of a request that decides what it compiles to. */
export function requestOf(path: string, given: Partial<LoadOptions>): StartRequest {
  const { executor: _executor, cacheBytes: _cacheBytes, ...options } = given;
  return { path, options };
}

/** Undefined when the request has not been met before, or when what it came to cannot be opened any more. */
async function loadRemembered(
  host: Host,
  path: string,
  given: Partial<LoadOptions>,
): Promise<Result<LoadedModel> | undefined> {
  const key = given.executor === "reference" ? undefined : startKey(host, requestOf(path, given));
  const start = key === undefined ? undefined : recallStart(host, key);
  if (start === undefined) return undefined;
  const { facts, artifact } = start;
  const options = { threads: given.threads ?? facts.threads, blocks: poolBlocks(facts, given) };
  try {
    const executor = await openNativeExecutor(facts, artifact, options);
    const tokenizer = loadTokenizer(facts.tokenizerPath, host.files);
    if (tokenizer.ok) return success(assembleModel({ facts, executor, tokenizer: tokenizer.value }));
    await executor.close();
    return tokenizer;
  } catch (error) {
    // The compilation says what is wrong, if anything still is.
    if (error instanceof HostError) return undefined;
    throw error;
  }
}

interface ModelParts {
  readonly facts: ProgramFacts;
  readonly executor: Executor;
  readonly tokenizer: Tokenizer;
  /** Closed with the model. */
  readonly weights?: { close(): void } | undefined;
}

export function assembleModel({ facts, executor, tokenizer, weights }: ModelParts): LoadedModel {
  const parts = { facts, tokenizer, runner: new StepRunner(executor) };
  return {
    ...parts,
    generate: (prompt, options) => generateText(parts, prompt, options),
    close: async () => {
      await executor.close();
      weights?.close();
    },
  };
}

/**
 * Blocks for every sequence of a step at full length, or what the memory allows, but at least one sequence.
 */
export function poolBlocks(
  { capacity, blockBytes }: ProgramFacts,
  { cacheBytes = DEFAULT_CACHE_BYTES }: Partial<LoadOptions>,
): number {
  const { blocksPerSequence, sequences } = capacity;
  const affordable = Math.floor(cacheBytes / blockBytes);
  return Math.max(blocksPerSequence, Math.min(blocksPerSequence * sequences, affordable));
}

type Parts = Pick<LoadedModel, "facts" | "tokenizer" | "runner">;

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
    maxTokens: options.maxTokens ?? parts.facts.capacity.contextLength,
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
function checkPrompt({ facts }: Parts, prompt: string, tokens: number): Diagnostic | undefined {
  const { contextLength } = facts.capacity;
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
