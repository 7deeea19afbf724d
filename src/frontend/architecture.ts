/** What an importer of one model architecture states: the tensors it expects, and the plain graph. */

import type { KvCacheType, Module } from "../ir/index.js";
import type { ModelConfig } from "./config.js";
import type { ExpectedTensor, WeightTypes } from "./tensor-table.js";

export interface BuildInput {
  readonly config: ModelConfig;
  readonly types: WeightTypes;
  readonly cache: KvCacheType;
  /** The head reads the embedding table. */
  readonly tiedHead: boolean;
}

export interface Architecture {
  /** As `architectures` of a configuration spells it. */
  readonly name: string;
  /** As `model_type` spells it. */
  readonly modelType: string;
  /** Tensors with `{layer}` in place of the number. */
  readonly tensors: (config: ModelConfig, tiedHead: boolean) => readonly ExpectedTensor[];
  /** The head's tensor: weights without it are tied. */
  readonly headTensor: string;
  readonly build: (input: BuildInput) => Module;
}
