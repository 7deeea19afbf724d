/** Importers of model files: Hugging Face folders and GGUF files to the plain graph, and their weights. */

export type { Architecture, BuildInput } from "./architecture.js";
export { architectures } from "./architectures.js";
export type { ModelConfig, RopeConfig } from "./config.js";
export type { ExportInput, ExportType } from "./gguf/export-model.js";
export { exportModel, exportTypes } from "./gguf/export-model.js";
export type { TokenizerExport } from "./gguf/export-tokenizer.js";
export { exportTokenizer } from "./gguf/export-tokenizer.js";
export { readGgufHeader } from "./gguf/read-header.js";
export type { TokenizerRecords } from "./gguf/read-tokenizer.js";
export { readGgufTokenizer } from "./gguf/read-tokenizer.js";
export type { GgufContent, GgufPlan } from "./gguf/write-gguf.js";
export { planGguf, writeGguf } from "./gguf/write-gguf.js";
export type { ImportedModel, ImportOptions } from "./import-model.js";
export { importModel, reopenWeights } from "./import-model.js";
export type { JsonObject } from "./json.js";
export { describeJson, isJsonObject, parseJson } from "./json.js";
export type { ExpectedTensor, WeightTypes } from "./tensor-table.js";
export type { WeightDType, WeightInfo, WeightSource } from "./weights.js";
