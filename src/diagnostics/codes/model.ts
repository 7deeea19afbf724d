/** Codes of the `model/` area: model folders, weight files, tokenizers, sampling options. */

import type { CodeEntry } from "./entry.js";

export const modelCodes = {
  "model/not-found": {
    severity: "error",
    meaning: "The path is no model folder, configuration or GGUF file, or the folder has no `config.json`.",
  },
  "model/invalid-json": {
    severity: "error",
    meaning: "A JSON file of the model cannot be read: its syntax is wrong, or it does not hold an object.",
  },
  "model/invalid-config": {
    severity: "error",
    meaning: "A field of `config.json` is missing, is of the wrong kind, or is outside the range that makes sense.",
  },
  "model/unsupported-config": {
    severity: "error",
    meaning: "`config.json` asks for a variant of the architecture that the importer does not build.",
  },
  "model/unknown-architecture": {
    severity: "error",
    meaning: "No importer builds the architecture that `config.json` names.",
  },
  "model/invalid-option": {
    severity: "error",
    meaning: "An option of the import does not fit the model: a block size, or a context longer than the model's.",
  },
  "model/no-weights": {
    severity: "error",
    meaning: "The folder has a configuration but no weights in the safetensors format.",
  },
  "model/invalid-safetensors": {
    severity: "error",
    meaning: "A safetensors file breaks the format: a header that lies about sizes, offsets, shapes or names.",
  },
  "model/invalid-gguf": {
    severity: "error",
    meaning: "A GGUF file breaks the format: it is cut short, or lies about counts, lengths, types, offsets or sizes.",
  },
  "model/unsupported-gguf": {
    severity: "error",
    meaning: "A GGUF file is of a version, byte order or division into files that cannot be read.",
  },
  "model/invalid-index": {
    severity: "error",
    meaning: "`model.safetensors.index.json` does not map names of tensors to files of its own folder.",
  },
  "model/missing-shard": {
    severity: "error",
    meaning: "The index names a weight file that is not in the folder.",
  },
  "model/missing-tensor": {
    severity: "error",
    meaning: "The weights lack a tensor that the configuration implies.",
  },
  "model/wrong-shape": {
    severity: "error",
    meaning: "A tensor's shape disagrees with the configuration.",
  },
  "model/unsupported-dtype": {
    severity: "error",
    meaning: "A tensor that the model needs is stored in a number format that the importer cannot read.",
  },
  "model/invalid-tokenizer": {
    severity: "error",
    meaning: "`tokenizer.json` or one of its companions is damaged: a field is missing or of the wrong kind.",
  },
  "model/unsupported-tokenizer": {
    severity: "error",
    meaning: "The tokenizer uses a step that is not supported, so its text could not be restored faithfully.",
  },
  "model/not-convertible": {
    severity: "error",
    meaning: "A model or its tokenizer has no faithful form in a GGUF file.",
  },
  "model/invalid-sampling": {
    severity: "error",
    meaning: "A sampling option is outside its range.",
  },
} as const satisfies Record<`model/${string}`, CodeEntry>;
