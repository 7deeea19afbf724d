// Models for tests: where the shared ones are, and writers of tiny random ones in the form of a Hugging Face
// folder. Everything random is seeded: the same options give the same bytes.

import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import type { Random } from "../../src/base/index.js";
import { createRandom, toBrainBits, toHalfBits } from "../../src/base/index.js";
import type { FloatDType } from "../../src/ir/index.js";

const repositoryRoot = fileURLToPath(new URL("../../", import.meta.url));

/** The folder of shared models: `$LLMIR_SHARED_MODELS`, or `shared/models` beside the repository. */
export const sharedModels = process.env["LLMIR_SHARED_MODELS"] ?? join(repositoryRoot, "..", "shared", "models");

/** A path below the shared models, or undefined where it does not exist. */
export function sharedModel(...parts: readonly string[]): string | undefined {
  const path = join(sharedModels, ...parts);
  return existsSync(path) ? path : undefined;
}

/** The same for tests that cannot do without: `test.skipIf(path === undefined)`, and a word on why. */
export function requireSharedModel(...parts: readonly string[]): string {
  const path = sharedModel(...parts);
  if (path === undefined) console.warn(`skipped: there is no ${parts.join("/")} among the shared models`);
  return path ?? "";
}

/** A folder that is removed when the body is done. */
export async function inTemporaryFolder<T>(body: (folder: string) => T | Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "llmir-test-"));
  try {
    return await body(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A tensor to store. Numbers are rounded to the format; `bytes` stores other formats as they are. */
export interface StoredTensor {
  readonly name: string;
  /** As safetensors spells it. */
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

const storedNames = { f32: "F32", f16: "F16", bf16: "BF16" } as const satisfies Record<FloatDType, string>;

export function storedTensor(
  name: string,
  dtype: FloatDType,
  shape: readonly number[],
  numbers: ArrayLike<number>,
): StoredTensor {
  return { name, dtype: storedNames[dtype], shape, bytes: floatBytes(dtype, numbers) };
}

function floatBytes(dtype: FloatDType, numbers: ArrayLike<number>): Uint8Array {
  if (dtype === "f32") return new Uint8Array(Float32Array.from(numbers).buffer);
  const toBits = dtype === "f16" ? toHalfBits : toBrainBits;
  return new Uint8Array(Uint16Array.from(Array.from(numbers), toBits).buffer);
}

/** A safetensors file of tensors that follow each other. */
export function safetensorsBytes(tensors: readonly StoredTensor[]): Uint8Array {
  let offset = 0;
  const header: Record<string, unknown> = {};
  for (const { name, dtype, shape, bytes } of tensors) {
    header[name] = { dtype, shape, data_offsets: [offset, offset + bytes.length] };
    offset += bytes.length;
  }
  return safetensorsFile(JSON.stringify(header), Buffer.concat(tensors.map((each) => each.bytes)));
}

/** A safetensors file with any header, for files that must be refused. */
export function safetensorsFile(
  header: string,
  data: Uint8Array,
  headerLength = BigInt(Buffer.byteLength(header)),
): Uint8Array {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(headerLength);
  return Buffer.concat([length, Buffer.from(header), data]);
}

export interface RandomLlamaOptions {
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly vocabulary: number;
  readonly contextLength: number;
  readonly dtype: FloatDType;
  readonly tiedHead: boolean;
  /** Biases of the projections of attention: none, queries, keys and values, or the output's as well. */
  readonly attentionBias: "none" | "inputs" | "all";
  /** Norms of each head of queries and keys. */
  readonly queryKeyNorm: boolean;
  /** Weight files; more than one writes an index. */
  readonly shards: number;
  /** Fields of `config.json` to add or replace; undefined removes one. */
  readonly config: Readonly<Record<string, unknown>>;
}

/** Odd sizes on purpose: no width but the head's is a multiple of 32. */
export const tinyLlama: RandomLlamaOptions = {
  hiddenSize: 48,
  intermediateSize: 76,
  layers: 2,
  heads: 6,
  kvHeads: 2,
  headDim: 8,
  vocabulary: byteVocabulary(),
  contextLength: 64,
  dtype: "f32",
  tiedHead: false,
  attentionBias: "none",
  queryKeyNorm: false,
  shards: 1,
  config: {},
};

/** What tells Llama's relatives from it: options to spread over sizes. */
export const relatives = {
  mistral: {
    config: { architectures: ["MistralForCausalLM"], model_type: "mistral", sliding_window: 4 },
  },
  qwen2: {
    attentionBias: "inputs",
    config: { architectures: ["Qwen2ForCausalLM"], model_type: "qwen2", rms_norm_eps: 1e-6 },
  },
  qwen3: {
    queryKeyNorm: true,
    tiedHead: true,
    config: { architectures: ["Qwen3ForCausalLM"], model_type: "qwen3", attention_bias: false, rope_theta: 1e6 },
  },
} as const satisfies Readonly<Record<string, Partial<RandomLlamaOptions>>>;

/** Writes `config.json`, the weights and a byte-level tokenizer; returns the folder. */
export function writeRandomLlama(folder: string, given: Partial<RandomLlamaOptions> = {}, seed = 1): string {
  const options = { ...tinyLlama, ...given };
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "config.json"), JSON.stringify(llamaConfig(options), undefined, 2));
  writeWeights(folder, randomLlamaTensors(options, seed), options.shards);
  writeByteTokenizer(folder);
  return folder;
}

export function llamaConfig(options: RandomLlamaOptions): Record<string, unknown> {
  const dtypeWords = { f32: "float32", f16: "float16", bf16: "bfloat16" } as const;
  return {
    architectures: ["LlamaForCausalLM"],
    model_type: "llama",
    hidden_size: options.hiddenSize,
    intermediate_size: options.intermediateSize,
    num_hidden_layers: options.layers,
    num_attention_heads: options.heads,
    num_key_value_heads: options.kvHeads,
    head_dim: options.headDim,
    vocab_size: options.vocabulary,
    max_position_embeddings: options.contextLength,
    rms_norm_eps: 1e-5,
    rope_theta: 10000,
    hidden_act: "silu",
    tie_word_embeddings: options.tiedHead,
    torch_dtype: dtypeWords[options.dtype],
    bos_token_id: 256,
    eos_token_id: 257,
    ...options.config,
  };
}

/** Weights that keep activations near one, so that outputs are neither flat nor saturated. */
export function randomLlamaTensors(options: RandomLlamaOptions, seed: number): readonly StoredTensor[] {
  const random = createRandom(seed);
  const { hiddenSize: width, intermediateSize, heads, kvHeads, headDim, vocabulary, dtype } = options;
  const linear = (name: string, rows: number, columns: number): StoredTensor =>
    storedTensor(name, dtype, [rows, columns], normals(random, rows * columns, 1 / Math.sqrt(columns)));
  const norm = (name: string, length = width): StoredTensor =>
    storedTensor(name, dtype, [length], normals(random, length, 0.1).map((each) => 1 + each));
  const bias = (name: string, length: number): StoredTensor =>
    storedTensor(name, dtype, [length], normals(random, length, 0.3));
  const layer = (i: number): readonly StoredTensor[] => {
    const prefix = `model.layers.${i}`;
    return [
      norm(`${prefix}.input_layernorm.weight`),
      linear(`${prefix}.self_attn.q_proj.weight`, heads * headDim, width),
      linear(`${prefix}.self_attn.k_proj.weight`, kvHeads * headDim, width),
      linear(`${prefix}.self_attn.v_proj.weight`, kvHeads * headDim, width),
      linear(`${prefix}.self_attn.o_proj.weight`, width, heads * headDim),
      norm(`${prefix}.post_attention_layernorm.weight`),
      linear(`${prefix}.mlp.gate_proj.weight`, intermediateSize, width),
      linear(`${prefix}.mlp.up_proj.weight`, intermediateSize, width),
      linear(`${prefix}.mlp.down_proj.weight`, width, intermediateSize),
      ...(options.attentionBias === "none"
        ? []
        : [
            bias(`${prefix}.self_attn.q_proj.bias`, heads * headDim),
            bias(`${prefix}.self_attn.k_proj.bias`, kvHeads * headDim),
            bias(`${prefix}.self_attn.v_proj.bias`, kvHeads * headDim),
          ]),
      ...(options.attentionBias === "all" ? [bias(`${prefix}.self_attn.o_proj.bias`, width)] : []),
      ...(options.queryKeyNorm
        ? [norm(`${prefix}.self_attn.q_norm.weight`, headDim), norm(`${prefix}.self_attn.k_norm.weight`, headDim)]
        : []),
    ];
  };
  return [
    storedTensor("model.embed_tokens.weight", dtype, [vocabulary, width], normals(random, vocabulary * width, 1)),
    ...Array.from({ length: options.layers }, (_, i) => layer(i)).flat(),
    norm("model.norm.weight"),
    ...(options.tiedHead ? [] : [linear("lm_head.weight", vocabulary, width)]),
  ];
}

function normals(random: Random, count: number, deviation: number): Float32Array {
  return Float32Array.from({ length: count }, () => random.normal() * deviation);
}

/** One file, or shards dealt like cards with an index. */
export function writeWeights(folder: string, tensors: readonly StoredTensor[], shards = 1): void {
  if (shards === 1) {
    writeFileSync(join(folder, "model.safetensors"), safetensorsBytes(tensors));
    return;
  }
  const weightMap: Record<string, string> = {};
  for (let shard = 0; shard < shards; shard++) {
    const name = `model-${String(shard + 1).padStart(5, "0")}-of-${String(shards).padStart(5, "0")}.safetensors`;
    const dealt = tensors.filter((_, i) => i % shards === shard);
    for (const each of dealt) weightMap[each.name] = name;
    writeFileSync(join(folder, name), safetensorsBytes(dealt));
  }
  const index = { metadata: {}, weight_map: weightMap };
  writeFileSync(join(folder, "model.safetensors.index.json"), JSON.stringify(index, undefined, 2));
}

/** The 256 bytes, `<s>` and `</s>`. */
export function byteVocabulary(): number {
  return 258;
}

/** A valid byte-level tokenizer: token b is byte b, 256 begins a text, 257 ends it. */
export function byteTokenizer(): Record<string, unknown> {
  const vocab: Record<string, number> = {};
  let moved = 0;
  for (let byte = 0; byte < 256; byte++) {
    const isPrintable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    vocab[String.fromCodePoint(isPrintable ? byte : 0x100 + moved++)] = byte;
  }
  const control = (id: number, content: string): Record<string, unknown> => ({
    id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true,
  });
  const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };
  return {
    version: "1.0",
    added_tokens: [control(256, "<s>"), control(257, "</s>")],
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: null,
    decoder: byteLevel,
    model: { type: "BPE", unk_token: null, vocab, merges: [] },
  };
}

export function writeByteTokenizer(folder: string): void {
  const config = { add_bos_token: true, bos_token: "<s>", eos_token: "</s>" };
  writeFileSync(join(folder, "tokenizer.json"), JSON.stringify(byteTokenizer()));
  writeFileSync(join(folder, "tokenizer_config.json"), JSON.stringify(config));
}
