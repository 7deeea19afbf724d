/**
 * A Hugging Face folder as the content of a GGUF file that llama.cpp loads: metadata by its specification,
 * tensors under its names. Rows of queries and keys are reordered for files of the `llama` architecture,
 * which rotate neighbouring numbers, where a folder rotates the halves of a head.
 */

import { toBrainBits, toHalfBits } from "../../base/index.js";
import type { Diagnostic, Result } from "../../diagnostics/index.js";
import { diagnostic, failure, success } from "../../diagnostics/index.js";
import type { TensorValue } from "../../ir/index.js";
import { coreRegistry, tensor } from "../../ir/index.js";
import type { Architecture } from "../architecture.js";
import { architectures } from "../architectures.js";
import type { ModelConfig } from "../config.js";
import { ropeAttrs, ropeFactorsTensor } from "../decoder.js";
import type { ImportedModel } from "../import-model.js";
import type { WeightSource } from "../weights.js";
import { configKeys } from "./config.js";
import { groupElements, writeGroups } from "./group-codes.js";
import { ggufName } from "./tensor-names.js";
import type { GgufContent, MetadataEntry, PlannedTensor, StoredValue } from "./write-gguf.js";

export const exportTypes = ["f32", "f16", "bf16", "q8_0", "q4_0"] as const;
export type ExportType = (typeof exportTypes)[number];

/** `general.file_type`, in llama.cpp's numbers. */
const fileTypes: Readonly<Record<ExportType, number>> = { f32: 0, f16: 1, q4_0: 2, q8_0: 7, bf16: 32 };

export interface ExportInput {
  readonly model: ImportedModel;
  /** From `exportTokenizer`. */
  readonly tokenizer: readonly MetadataEntry[];
  /** Of matrices: the folder's own format when undefined. Vectors are f32. */
  readonly type: ExportType | undefined;
}

export function exportModel({ model, tokenizer, type }: ExportInput): Result<GgufContent> {
  const { config, weights } = model;
  const architecture = architectures.find((each) => each.name === model.architecture);
  const fault = findFault(model);
  if (fault !== undefined || weights === undefined || architecture === undefined) {
    return failure(fault ?? notConvertible(model, "it has no weights"));
  }
  const chosen = type ?? config.dtype;
  const source = { model, weights, architecture, type: chosen };
  const factors = ropeFactors(config);
  const expected = architecture.tensors(config, model.tiedHead);
  const tensors = [
    ...expected.flatMap(({ name, shape }) => planTensors(source, name, shape)),
    ...(factors === undefined ? [] : [plainTensor(ropeFactorsTensor, factors)]),
  ];
  return success({ metadata: [...describe(model, architecture.ggufName, chosen), ...tokenizer], tensors });
}

function notConvertible({ folder }: ImportedModel, why: string): Diagnostic {
  return diagnostic("model/not-convertible", `the model cannot be written as GGUF: ${why}`, { at: folder });
}

function findFault(model: ImportedModel): Diagnostic | undefined {
  const { config, weights, tokenizerPath, folder } = model;
  if (weights === undefined) return notConvertible(model, "it is a configuration without weights");
  if (tokenizerPath !== folder) return notConvertible(model, "it is a GGUF file already");
  if (config.rope.scaling === "llama3" && model.architecture !== "LlamaForCausalLM") {
    return notConvertible(model, "only files of the `llama` architecture can say how `llama3` stretches positions");
  }
  return undefined;
}

function describe(model: ImportedModel, prefix: string, type: ExportType): readonly MetadataEntry[] {
  const { config, vocabulary, name } = model;
  const { heads, headDim, rope } = config;
  const u32 = (value: number): StoredValue => ({ kind: "u32", value });
  const f32 = (value: number): StoredValue => ({ kind: "f32", value });
  const text = (value: string): StoredValue => ({ kind: "string", value });
  const own: readonly (readonly [key: string, stored: StoredValue])[] = [
    [configKeys.vocab_size, u32(vocabulary)],
    [configKeys.max_position_embeddings, u32(config.contextLength)],
    [configKeys.hidden_size, u32(config.hiddenSize)],
    [configKeys.num_hidden_layers, u32(config.layers)],
    [configKeys.intermediate_size, u32(config.intermediateSize)],
    [configKeys.num_attention_heads, u32(heads)],
    [configKeys.num_key_value_heads, u32(config.kvHeads)],
    [configKeys.head_dim, u32(headDim)],
    ["attention.value_length", u32(headDim)],
    [configKeys.rms_norm_eps, f32(config.normEpsilon)],
    [configKeys.rope_theta, f32(rope.theta)],
    ["rope.dimension_count", u32(headDim)],
    ...(rope.scaling === "linear"
      ? [["rope.scaling.type", text("linear")] as const, ["rope.scaling.factor", f32(rope.factor)] as const]
      : []),
    ...(config.slidingWindow === undefined
      ? []
      : [[configKeys.sliding_window, u32(config.slidingWindow)] as const]),
  ];
  const isQuantized = type === "q8_0" || type === "q4_0";
  return [
    { key: "general.architecture", stored: text(prefix) },
    { key: "general.name", stored: text(name) },
    { key: "general.file_type", stored: u32(fileTypes[type]) },
    ...(isQuantized ? [{ key: "general.quantization_version", stored: u32(2) }] : []),
    ...own.map(([key, stored]) => ({ key: `${prefix}.${key}`, stored })),
  ];
}

interface TensorSource {
  readonly model: ImportedModel;
  readonly weights: WeightSource;
  readonly architecture: Architecture;
  readonly type: ExportType;
}

/** The tensors of one name, for every layer. */
function planTensors(source: TensorSource, name: string, shape: readonly number[]): readonly PlannedTensor[] {
  const { layers } = source.model.config;
  const copies = name.includes("{layer}") ? Array.from({ length: layers }, (_, i) => String(i)) : [""];
  const type = storedType(source.type, shape);
  const heads = source.architecture.ggufName === "llama" ? rotatedHeads(source.model.config, name) : 0;
  return copies.map((layer) => {
    const own = name.replaceAll("{layer}", layer);
    return {
      name: ggufName(own),
      type: type.toUpperCase(),
      shape,
      bytes: () => {
        const bytes = encode(source.weights.read(own), type);
        return heads === 0 ? bytes : interleaveRows(bytes, heads, source.model.config.headDim);
      },
    };
  });
}

/** Rows that blocks do not divide are stored as f16, as llama.cpp does. */
function storedType(type: ExportType, shape: readonly number[]): ExportType {
  if (shape.length < 2) return "f32";
  const fits = (type !== "q8_0" && type !== "q4_0") || (shape.at(-1) ?? 0) % groupElements === 0;
  return fits ? type : "f16";
}

/** Heads whose rows are rotated: those of queries and keys. Zero for other tensors. */
function rotatedHeads({ heads, kvHeads }: ModelConfig, name: string): number {
  if (/\.q_proj\.(weight|bias)$/.test(name)) return heads;
  return /\.k_proj\.(weight|bias)$/.test(name) ? kvHeads : 0;
}

function encode(value: ReturnType<WeightSource["read"]>, type: ExportType): Uint8Array {
  if (value.kind !== "tensor" || !(value.data instanceof Float32Array)) {
    throw new TypeError("weights of a folder are floats");
  }
  const numbers = value.data;
  switch (type) {
    case "f32":
      return new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
    case "f16":
      return sixteenBits(numbers, toHalfBits);
    case "bf16":
      return sixteenBits(numbers, toBrainBits);
    case "q8_0":
    case "q4_0":
      return writeGroups(type, numbers);
  }
}

function sixteenBits(numbers: Float32Array, toBits: (value: number) => number): Uint8Array {
  const bits = new Uint16Array(numbers.length);
  for (let i = 0; i < bits.length; i++) bits[i] = toBits(numbers[i]!);
  return new Uint8Array(bits.buffer);
}

/** Row i of the first half of a head goes to 2i, row i of the second to 2i + 1. Rows are whole bytes. */
export function interleaveRows(bytes: Uint8Array, heads: number, headDim: number): Uint8Array {
  const out = new Uint8Array(bytes.length);
  const rowBytes = bytes.length / (heads * headDim);
  const half = headDim / 2;
  for (let row = 0; row < heads * headDim; row++) {
    const inHead = row % headDim;
    const place = row - inHead + 2 * (inHead % half) + (inHead < half ? 0 : 1);
    out.set(bytes.subarray(row * rowBytes, (row + 1) * rowBytes), place * rowBytes);
  }
  return out;
}

function plainTensor(name: string, numbers: Float32Array): PlannedTensor {
  return { name, type: "F32", shape: [numbers.length], bytes: () => new Uint8Array(numbers.buffer) };
}

/** What `llama3` scaling divides each frequency by; undefined without it. */
function ropeFactors(config: ModelConfig): Float32Array | undefined {
  if (config.rope.scaling !== "llama3") return undefined;
  const own = frequencies(config);
  const plain = frequencies({ ...config, rope: { ...config.rope, scaling: "none" } });
  return plain.map((each, i) => each / own[i]!);
}

function frequencies(config: ModelConfig): Float32Array {
  const type = tensor("f32", config.headDim / 2);
  const value = coreRegistry.require("rope_frequencies").evaluate([], ropeAttrs(config), type);
  return (value as TensorValue).data as Float32Array;
}
