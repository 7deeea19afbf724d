/** What runs a compiled model: tokenizers, sampling, text as it streams. */

export type { Sampler, SamplingOptions } from "./sampling.js";
export { checkSampling, createSampler, defaultSampling, InvalidLogits, likeliest } from "./sampling.js";
export type { TextStreamOptions, TokenText } from "./text-stream.js";
export { TextStream } from "./text-stream.js";
export type { Tokenizer, TokenizerFiles } from "./tokenizer.js";
export { createTokenizer, loadTokenizer } from "./tokenizer.js";
export type { Converted, ConvertRequest } from "./convert-model.js";
export { convertModel } from "./convert-model.js";
export type * from "./executor.js";
export * from "./generate.js";
export * from "./kv-blocks.js";
export * from "./likelihood.js";
export type { CompiledModel } from "./load-compiled.js";
export type { LoadedModel, LoadOptions, TextOptions } from "./load-model.js";
export { loadModel } from "./load-model.js";
export { createWebGpuExecutor, loadCompiled, targetAvailability } from "./on-demand.js";
export * from "./step-runner.js";
export type { NativeModel, NativeOptions } from "./native.js";
export { NativeStepError, openNative } from "./native.js";
export type { GpuDevice } from "./webgpu-device.js";
export type { WebGpuOptions } from "./webgpu-executor.js";
export type { WebGpuSources } from "./webgpu-program.js";
