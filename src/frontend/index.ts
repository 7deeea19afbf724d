/** Importers of model files: Hugging Face folders to the plain graph, and their weights. */

export type { Architecture, BuildInput } from "./architecture.js";
export { architectures } from "./architectures.js";
export type { ModelConfig, RopeConfig } from "./config.js";
export type { ImportedModel, ImportOptions } from "./import-model.js";
export { importModel } from "./import-model.js";
export type { JsonObject } from "./json.js";
export { describeJson, isJsonObject, parseJson } from "./json.js";
export type { ExpectedTensor, WeightTypes } from "./tensor-table.js";
export type { WeightInfo, WeightSource } from "./weights.js";
