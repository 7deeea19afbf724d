/**
 * A Hugging Face folder, or its configuration alone, to the plain graph. Without weights the graph can be
 * planned and priced but not run: weight types then come from `torch_dtype`.
 */

import type { Files } from "../base/index.js";
import type { Diagnostic, Result } from "../diagnostics/index.js";
import { collect, diagnostic, DiagnosticError } from "../diagnostics/index.js";
import type { KvCacheType, Module } from "../ir/index.js";
import type { Architecture } from "./architecture.js";
import { findArchitecture } from "./architectures.js";
import type { ModelConfig } from "./config.js";
import { parseModelConfig } from "./config.js";
import { parseJsonObject } from "./json.js";
import { assumeWeightTypes, checkWeightTypes } from "./tensor-table.js";
import type { WeightSource } from "./weights.js";
import { openWeights } from "./weights.js";

export interface ImportOptions {
  /** Token slots in one block of the KV cache. */
  readonly blockSize: number;
  /** Positions of one sequence; the model's own context by default, and never more. */
  readonly contextLength?: number;
}

export interface ImportedModel {
  /** The folder's last name, or that of the configuration file without `.json`. */
  readonly name: string;
  readonly architecture: string;
  readonly module: Module;
  readonly config: ModelConfig;
  /** Undefined when only a configuration was given. The owner closes it. */
  readonly weights: WeightSource | undefined;
  /** The model's folder; that of the configuration file when only one was given. */
  readonly folder: string;
  readonly vocabulary: number;
  readonly contextLength: number;
  readonly tiedHead: boolean;
}

const configFile = "config.json";
const maxBlockSize = 1024;

/** Imports a folder or a `*.json` configuration. Throws only what `files` throws. */
export function importModel(path: string, files: Files, options: ImportOptions): Result<ImportedModel> {
  return collect(() => {
    const place = locateModel(path, files);
    const record = parseJsonObject(files.readText(place.config), place.config);
    const architecture = findArchitecture(record, place.config);
    const config = parseModelConfig(record, place.config);
    const faults = checkOptions(options, config);
    if (faults.length > 0) throw new DiagnosticError(...faults);
    const weights = place.hasWeights ? openWeights(place.folder, files) : undefined;
    try {
      return buildModel({ architecture, config, options, weights, place });
    } catch (error) {
      weights?.close();
      throw error;
    }
  });
}

interface ModelPlace {
  readonly name: string;
  readonly folder: string;
  readonly config: string;
  readonly hasWeights: boolean;
}

function locateModel(path: string, files: Files): ModelPlace {
  const full = files.resolve(path);
  if (!files.exists(full)) {
    throw notFound(path, "there is no such file or folder", "give a Hugging Face model folder");
  }
  if (!files.isDirectory(full)) {
    if (!full.endsWith(".json")) {
      throw notFound(path, "a model is a folder or a `config.json`", "give the folder that holds the file");
    }
    const name = baseName(full).slice(0, -".json".length);
    return { name, folder: files.join(full, ".."), config: full, hasWeights: false };
  }
  const config = files.join(full, configFile);
  if (!files.exists(config)) {
    throw notFound(path, `the folder has no \`${configFile}\``, "give a folder as `huggingface-cli download` makes it");
  }
  return { name: baseName(full), folder: full, config, hasWeights: true };
}

function notFound(path: string, message: string, hint: string): DiagnosticError {
  return new DiagnosticError(diagnostic("model/not-found", message, { at: path, hint }));
}

function baseName(path: string): string {
  return path.split(/[/\\]/).filter((part) => part !== "").at(-1) ?? path;
}

function checkOptions(options: ImportOptions, config: ModelConfig): readonly Diagnostic[] {
  const { blockSize, contextLength } = options;
  const faults: Diagnostic[] = [];
  if (!isWithin(blockSize, maxBlockSize)) {
    faults.push(diagnostic("model/invalid-option", `the block size must be from 1 to ${maxBlockSize}, found ${blockSize}`));
  }
  if (contextLength !== undefined && !isWithin(contextLength, config.contextLength)) {
    const message = `the context must be from 1 to the model's own ${config.contextLength}, found ${contextLength}`;
    faults.push(diagnostic("model/invalid-option", message));
  }
  return faults;
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
  const tiedHead = config.tiedHead || (weights !== undefined && !weights.has(architecture.headTensor));
  const expected = architecture.tensors(config, tiedHead);
  const types =
    weights === undefined
      ? assumeWeightTypes(expected, config.dtype)
      : checkWeightTypes(expected, config.layers, weights);
  const cache: KvCacheType = {
    kind: "kv_cache",
    layers: config.layers,
    blockSize: options.blockSize,
    heads: config.kvHeads,
    headDim: config.headDim,
    dtype: "f32",
  };
  return {
    name: place.name,
    architecture: architecture.name,
    module: architecture.build({ config, types, cache, tiedHead }),
    config,
    weights,
    folder: place.folder,
    vocabulary: config.vocabulary,
    contextLength: options.contextLength ?? config.contextLength,
    tiedHead,
  };
}
