// Small programs that no importer made: a step over any ops, with random weights, compiled, built and run on
// every target as a model is.

import { join } from "node:path";

import type { Host } from "../../src/base/index.js";
import { createRandom } from "../../src/base/index.js";
import type { Artifact, Compilation, CompileOptions } from "../../src/compiler/index.js";
import { buildArtifact, compileImported } from "../../src/compiler/index.js";
import type { Result } from "../../src/diagnostics/index.js";
import { renderDiagnostics } from "../../src/diagnostics/index.js";
import type { ImportedModel, WeightSource } from "../../src/frontend/index.js";
import { createNodeHost } from "../../src/host/index.js";
import type { KvCacheType, Module, Registry, TensorValue, ValueId } from "../../src/ir/index.js";
import { elementCount, FuncBuilder, roundTo, stepParams, tensor, tensorValue } from "../../src/ir/index.js";
import type { Executor } from "../../src/runtime/index.js";
import { executors } from "../../src/runtime/executors.js";
import { factsOf } from "../../src/runtime/load-compiled.js";
import { createReferenceExecutor } from "../../src/runtime/reference-executor.js";

export interface SmallProgram {
  readonly ops: Registry;
  readonly module: Module;
  readonly vocabulary: number;
  readonly weights: ReadonlyMap<string, TensorValue>;
}

const cache: KvCacheType = { kind: "kv_cache", layers: 1, blockSize: 16, heads: 1, headDim: 2, dtype: "f32" };
const VOCABULARY = 23;
const CONTEXT = 32;

/** What a program's own part is built with. */
export interface ProgramBuilder {
  readonly builder: FuncBuilder;
  /** A weight of normal deviates, f32. */
  weight(...shape: readonly number[]): ValueId;
}

/**
 * Tokens become rows of a table [vocabulary, width]; `body` turns [T, width] into [T, width']; the rows that
 * are asked for are multiplied with a head.
 */
export function smallProgram(
  ops: Registry,
  seed: number,
  width: number,
  body: (parts: ProgramBuilder, x: ValueId) => ValueId,
): SmallProgram {
  const random = createRandom(seed);
  const builder = new FuncBuilder(ops, "step");
  const params = stepParams.map(({ name, type }) => builder.param(name, type));
  const [tokens, , , rows] = params as [ValueId, ValueId, ValueId, ValueId];
  const cached = builder.param("cache", cache);
  const weights = new Map<string, TensorValue>();
  const weight = (...shape: readonly number[]): ValueId => {
    const name = `w${weights.size}`;
    const numbers = Float32Array.from({ length: elementCount(shape) }, () => roundTo("f32", random.normal()));
    weights.set(name, tensorValue("f32", shape, numbers));
    return builder.op("weight", [], { name }, { given: tensor("f32", ...shape), name });
  };
  const embedded = builder.op("gather", [weight(VOCABULARY, width), tokens]);
  const made = body({ builder, weight }, embedded);
  const type = builder.typeOf(made);
  const last = type.kind === "tensor" ? Number(type.shape.at(-1)) : 1;
  const logits = builder.op("matmul", [builder.op("gather", [made, rows]), weight(last, VOCABULARY)]);
  return { ops, module: { functions: [builder.finish([logits, cached])] }, vocabulary: VOCABULARY, weights };
}

export function compileSmall(
  program: SmallProgram,
  host: Host,
  folder: string,
  options: Partial<CompileOptions>,
): Compilation {
  const given = { maxTokens: 8, uncheckedRules: true, ...options };
  return valueOf(compileImported(host, importedModel(program, folder), given, { ops: program.ops }));
}

export async function openSmall(host: Host, compilation: Compilation): Promise<Executor> {
  const artifact: Artifact = valueOf(await buildArtifact(host, compilation));
  const { open } = executors[compilation.backend.capabilities.executor];
  return open({ host, facts: factsOf(compilation), artifact, threads: 2, blocks: BLOCKS });
}

const BLOCKS = 32;

/** The meaning of the program, as the reference evaluator has it. */
export function referenceOf(program: SmallProgram, folder: string): Executor {
  const compilation = compileSmall(program, createNodeHost(), folder, {});
  return valueOf(createReferenceExecutor(compilation, BLOCKS));
}

function importedModel({ module, vocabulary, weights }: SmallProgram, folder: string): ImportedModel {
  return {
    name: "small", architecture: "none", module, vocabulary, contextLength: CONTEXT, tiedHead: false,
    config: {} as ImportedModel["config"],
    weights: weightSource(weights, folder),
    folder, tokenizerPath: join(folder, "tokenizer.json"),
  };
}

function weightSource(weights: SmallProgram["weights"], location: string): WeightSource {
  const read = (name: string): TensorValue => {
    const found = weights.get(name);
    if (found === undefined) throw new Error(`there is no weight ${name}`);
    return found;
  };
  return {
    location,
    names: [...weights.keys()].sort(),
    has: (name) => weights.has(name),
    info: () => {
      throw new Error("only importers ask for the form in which a weight is stored");
    },
    read,
    readRows: (name, first, count) => {
      const { shape, data, ...rest } = read(name);
      const width = shape[1] ?? 1;
      const rows = data.slice(first * width, (first + count) * width);
      return { ...rest, shape: shape.with(0, count), data: rows };
    },
    readRaw: (name) => new Uint8Array(read(name).data.buffer),
    close: () => undefined,
  };
}

function valueOf<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(renderDiagnostics(result.diagnostics));
  return result.value;
}
