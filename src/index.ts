/**
 * The library: `import { compile, load } from "llmir"`.
 *
 * `compile` returns `{ ok, … }`, because its callers are tools that show diagnostics. `load` and what a
 * loaded model does throw `LlmirError`, because a program that cannot have its model has nothing to go on
 * with. Both carry the same diagnostics.
 */

import { HostError } from "./base/index.js";
import type { Compilation, CompileOptions } from "./compiler/index.js";
import { compileModel, writeSources } from "./compiler/index.js";
import type { Diagnostic, Result } from "./diagnostics/index.js";
import { describeHostError, failure, renderDiagnostics, success } from "./diagnostics/index.js";
import { createNodeHost } from "./host/index.js";
import type { KernelStory, OptimizeReport } from "./optimizer/index.js";
import { explainKernels } from "./optimizer/index.js";
import type { ProgramPlan } from "./plan/index.js";
import type { GenerateReport, LoadedModel, LoadOptions, TextOptions } from "./runtime/index.js";
import { loadModel } from "./runtime/index.js";

export type { CompileOptions, Diagnostic, GenerateReport, KernelStory, LoadOptions, OptimizeReport };
export type { ProgramPlan, Result, TextOptions };
export { renderDiagnostics };

/** What went wrong with a model, a prompt or the machine; `message` holds all of it as text. */
export class LlmirError extends Error {
  override readonly name = "LlmirError";
  readonly diagnostics: readonly Diagnostic[];

  constructor(diagnostics: readonly Diagnostic[], options?: { readonly cause?: unknown }) {
    super(renderDiagnostics(diagnostics), options);
    this.diagnostics = diagnostics;
  }
}

/** A planned and emitted program; nothing is written, packed or built yet. */
export interface CompiledProgram {
  readonly plan: ProgramPlan;
  /** What the optimizer did: sizes, times, rules. */
  readonly report: OptimizeReport;
  /** Emitted files, by path below the program's folder. */
  readonly files: readonly { readonly path: string; readonly text: string }[];
  /** For each kernel the rules that led to it, its price, and the runner-up. */
  explain(): readonly KernelStory[];
  /** Writes the emitted files into a folder. */
  write(folder: string): void;
}

/** Plans and emits the program of a model folder, or of a `config.json` alone. */
export function compile(path: string, options: Partial<CompileOptions> = {}): Result<CompiledProgram> {
  const host = createNodeHost();
  try {
    const compiled = compileModel(host, path, options);
    if (!compiled.ok) return compiled;
    const compilation: Compilation = compiled.value;
    compilation.model.weights?.close();
    const { plan, files, optimized } = compilation;
    const program: CompiledProgram = {
      plan,
      files,
      report: optimized.report,
      explain: () => explainKernels(optimized),
      write: (folder) => {
        writeSources(host, compilation, folder);
      },
    };
    return success(program, compiled.diagnostics);
  } catch (error) {
    if (error instanceof HostError) return failure(describeHostError(error));
    throw error;
  }
}

/** A model that is ready to write. `close` frees its memory and threads. */
export interface Model {
  readonly name: string;
  /** The most tokens of a prompt and its continuation together. */
  readonly contextLength: number;
  /** For people: what runs it. */
  readonly executor: string;
  readonly warnings: readonly Diagnostic[];
  /** Pieces of text as they are written; the generator returns how it ended. Throws `LlmirError`. */
  generate(prompt: string, options?: Partial<TextOptions>): AsyncGenerator<string, GenerateReport>;
  close(): Promise<void>;
}

/** Compiles, packs and builds a model folder, or takes all that from the cache. Throws `LlmirError`. */
export async function load(path: string, options: Partial<LoadOptions> = {}): Promise<Model> {
  const loaded = await asLlmirError(() => loadModel(createNodeHost(), path, options));
  const model = valueOf(loaded);
  const { facts } = model;
  return {
    name: facts.model,
    contextLength: facts.capacity.contextLength,
    executor: model.runner.executor.name,
    warnings: loaded.diagnostics,
    generate: (prompt, given = {}) => generate(model, prompt, given),
    close: () => model.close(),
  };
}

/** A generator from the start, so that a bad prompt fails where the text is awaited. */
async function* generate(
  model: LoadedModel,
  prompt: string,
  options: Partial<TextOptions>,
): AsyncGenerator<string, GenerateReport> {
  return yield* valueOf(model.generate(prompt, options));
}

function valueOf<T>(result: Result<T>): T {
  if (!result.ok) throw new LlmirError(result.diagnostics);
  return result.value;
}

async function asLlmirError<T>(body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    if (error instanceof HostError) throw new LlmirError([describeHostError(error)], { cause: error });
    throw error;
  }
}
