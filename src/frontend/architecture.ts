/** What an importer of one model architecture states: the tensors it expects, and the plain graph. */

import type { KvCacheType, Module } from "../ir/index.js";
import type { FieldReader } from "./config-fields.js";
import type { DecoderTraits, ModelConfig } from "./config.js";
import type { ExpectedTensor, LayerRange } from "./tensor-table.js";

export interface BuildInput {
  readonly config: ModelConfig;
  /** All layers, with types by the names that stand in the graph; at least one range. */
  readonly ranges: readonly LayerRange[];
  readonly cache: KvCacheType;
  /** The head reads the embedding table. */
  readonly tiedHead: boolean;
  /** The name that the weights have for a tensor of the architecture. */
  readonly storedName: (tensorName: string) => string;
}

export interface Architecture {
  /** As `architectures` of a configuration spells it. */
  readonly name: string;
  /** As `model_type` spells it. */
  readonly modelType: string;
  /** As `general.architecture` of a GGUF file spells it; the first row of a name reads such files. */
  readonly ggufName: string;
  /** Reads what its configuration says beyond the fields that all share. */
  readonly readTraits: (fields: FieldReader) => DecoderTraits;
  /** Tensors with `{layer}` in place of the number, by Hugging Face's names. */
  readonly tensors: (config: ModelConfig, tiedHead: boolean) => readonly ExpectedTensor[];
  /** The head's tensor: weights without it are tied. */
  readonly headTensor: string;
  readonly build: (input: BuildInput) => Module;
}
