/**
 * A Hugging Face folder, its configuration alone, or a GGUF file to the plain graph. Without weights the
 * graph can be planned and priced but not run: weight types then come from `torch_dtype`.
 */

import type { Files, RandomAccessFile } from "../base/index.js";
import type { Diagnostic, Result } from "../diagnostics/index.js";
import { collect, diagnostic, DiagnosticError } from "../diagnostics/index.js";
import type { CacheDType, KvCacheType, Module } from "../ir/index.js";
import type { Architecture } from "./architecture.js";
import { findArchitecture, findGgufArchitecture } from "./architectures.js";
import { readFields } from "./config-fields.js";
import type { ModelConfig } from "./config.js";
import { parseModelConfig } from "./config.js";
import { readGgufConfig } from "./gguf/config.js";
import { readGgufHeader } from "./gguf/read-header.js";
import { ggufName } from "./gguf/tensor-names.js";
import { createGgufWeights } from "./gguf/weights.js";
import { parseJsonObject } from "./json.js";
import type { LayerRange } from "./tensor-table.js";
import { assumeWeightTypes, checkWeightTypes } from "./tensor-table.js";
import type { WeightSource } from "./weights.js";
import { openWeights } from "./weights.js";

export interface ImportOptions {
  /** Token slots in one block of the KV cache. */
  readonly blockSize: number;
  /** Positions of one sequence; the model's own context by default, and never more. */
  readonly contextLength?: number;
  /** What the KV cache holds: f32 by default; `as_weights` is f16 beside quantized weights. */
  readonly cacheDtype?: CacheDType | "as_weights";
}

export interface ImportedModel {
  /** The folder's last name, or that of the file without `.json` or `.gguf`. */
  readonly name: string;
  /** As `architectures` of a configuration spells it. */
  readonly architecture: string;
  readonly module: Module;
  readonly config: ModelConfig;
  /** Undefined when only a configuration was given. The owner closes it. */
  readonly weights: WeightSource | undefined;
  /** The model's folder; that of the file when one was given. */
  readonly folder: string;
  /** Where its tokenizer is: the folder, or the GGUF file. */
  readonly tokenizerPath: string;
  readonly vocabulary: number;
  readonly contextLength: number;
  readonly tiedHead: boolean;
}

const configFile = "config.json";
const maxBlockSize = 1024;

/** Imports a folder, a `*.json` configuration or a `*.gguf` file. Throws only what `files` throws. */
export function importModel(path: string, files: Files, options: ImportOptions): Result<ImportedModel> {
  return collect(() => {
    const place = locateModel(path, files);
    return place.kind === "gguf" ? importGguf(place, files, options) : importFolder(place, files, options);
  });
}

interface ModelPlace {
  readonly kind: "folder" | "config" | "gguf";
  readonly name: string;
  readonly folder: string;
  /** `config.json`, or the GGUF file. */
  readonly file: string;
}

function locateModel(path: string, files: Files): ModelPlace {
  const full = files.resolve(path);
  if (!files.exists(full)) {
    throw notFound(path, "there is no such file or folder", "give a Hugging Face model folder or a GGUF file");
  }
  if (!files.isDirectory(full)) {
    const [, name, extension] = /^(.*)\.(json|gguf)$/.exec(baseName(full)) ?? [];
    if (name === undefined) {
      throw notFound(path, "a model is a folder, a `config.json` or a `.gguf` file", "give the folder that holds the file");
    }
    return { kind: extension === "gguf" ? "gguf" : "config", name, folder: files.join(full, ".."), file: full };
  }
  const config = files.join(full, configFile);
  if (!files.exists(config)) {
    throw notFound(path, `the folder has no \`${configFile}\``, "give a folder as `huggingface-cli download` makes it");
  }
  return { kind: "folder", name: baseName(full), folder: full, file: config };
}

function notFound(path: string, message: string, hint: string): DiagnosticError {
  return new DiagnosticError(diagnostic("model/not-found", message, { at: path, hint }));
}

function baseName(path: string): string {
  return path.split(/[/\\]/).filter((part) => part !== "").at(-1) ?? path;
}

function importFolder(place: ModelPlace, files: Files, options: ImportOptions): ImportedModel {
  const record = parseJsonObject(files.readText(place.file), place.file);
  const architecture = findArchitecture(record, place.file);
  const config = parseModelConfig(readFields(record, place.file), architecture.readTraits);
  checkOptions(options, config);
  const weights = place.kind === "folder" ? openWeights(place.folder, files) : undefined;
  return closingOnError(weights, () => buildModel({ architecture, config, options, weights, place }));
}

/** The file stays open as the weights. */
function importGguf(place: ModelPlace, files: Files, options: ImportOptions): ImportedModel {
  const file: RandomAccessFile = files.open(place.file);
  return closingOnError(file, () => {
    const header = readGgufHeader(file);
    const architecture = findGgufArchitecture(header.metadata.get("general.architecture"), place.file);
    const config = readGgufConfig(header, architecture, place.file);
    checkOptions(options, config);
    const weights = header.tensors.size === 0 ? undefined : createGgufWeights(file, header);
    if (weights === undefined) file.close();
    return buildModel({ architecture, config, options, weights, place });
  });
}

/** Opens the weights that an imported model has, by their `location`: threads read files for themselves. */
export function reopenWeights(location: string, files: Files): WeightSource {
  if (!location.endsWith(".gguf")) {
    return openWeights(files.isDirectory(location) ? location : files.join(location, ".."), files);
  }
  const file = files.open(location);
  return closingOnError(file, () => createGgufWeights(file, readGgufHeader(file)));
}

function closingOnError<T>(opened: { close(): void } | undefined, body: () => T): T {
  try {
    return body();
  } catch (error) {
    opened?.close();
    throw error;
  }
}

/** Throws `DiagnosticError`. */
function checkOptions(options: ImportOptions, config: ModelConfig): void {
  const { blockSize, contextLength } = options;
  const faults: Diagnostic[] = [];
  if (!isWithin(blockSize, maxBlockSize)) {
    faults.push(diagnostic("model/invalid-option", `the block size must be from 1 to ${maxBlockSize}, found ${blockSize}`));
  }
  if (contextLength !== undefined && !isWithin(contextLength, config.contextLength)) {
    const message = `the context must be from 1 to the model's own ${config.contextLength}, found ${contextLength}`;
    faults.push(diagnostic("model/invalid-option", message));
  }
  if (faults.length > 0) throw new DiagnosticError(...faults);
}

function isWithin(value: number, max: number): boolean {
  return Number.isSafeInteger(value) && value >= 1 && value <= max;
}

interface BuildRequest {
  readonly architecture: Architecture;
  readonly config: ModelConfig;
  readonly options: ImportOptions;
  readonly weights: WeightSource | undefined;
  readonly place: ModelPlace;
}

function buildModel({ architecture, config, options, weights, place }: BuildRequest): ImportedModel {
  const storedName = place.kind === "gguf" ? ggufName : (name: string) => name;
  const hasHead = weights === undefined || weights.has(storedName(architecture.headTensor));
  const tiedHead = config.tiedHead || !hasHead;
  const expected = architecture
    .tensors(config, tiedHead)
    .map(({ name, shape }) => ({ name: storedName(name), shape }));
  const ranges =
    weights === undefined
      ? assumeWeightTypes(expected, config.layers, config.dtype)
      : checkWeightTypes(expected, config.layers, weights);
  const cache = cacheType(config, options, ranges);
  return {
    name: place.name,
    architecture: architecture.name,
    module: architecture.build({ config, ranges, cache, tiedHead, storedName }),
    config,
    weights,
    folder: place.folder,
    tokenizerPath: place.kind === "gguf" ? place.file : place.folder,
    vocabulary: config.vocabulary,
    contextLength: options.contextLength ?? config.contextLength,
    tiedHead,
  };
}

function cacheType(
  { layers, kvHeads: heads, headDim }: ModelConfig,
  { blockSize, cacheDtype = "f32" }: ImportOptions,
  ranges: readonly LayerRange[],
): KvCacheType {
  const isQuantized = ranges.some(({ types }) => [...types.values()].some(({ kind }) => kind === "quantized"));
  const dtype = cacheDtype === "as_weights" ? (isQuantized ? "f16" : "f32") : cacheDtype;
  return { kind: "kv_cache", layers, blockSize, heads, headDim, dtype };
}
