// The models of `npm run bench:cpu`: real shapes, random weights. A BF16 file is written here with llmir's
// GGUF writer; the other formats are made from it by llama.cpp, so that their mixtures are exactly
// llama.cpp's.

import { existsSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

import { randomTable, randomWeights } from "./random-weights.mjs";
import { byteLevelVocabulary, sentencePieceVocabulary } from "./vocabularies.mjs";

/** What llama.cpp calls a mixture, by its number. */
export const formats = { BF16: 32, Q8_0: 7, Q4_0: 2, Q4_K_M: 15 };

export const models = {
  "llama-3.2-1b": {
    title: "Llama-3.2-1B", architecture: "llama", hidden: 2048, inner: 8192, layers: 16, heads: 32, kvHeads: 8,
    headDim: 64, vocabulary: 128256, context: 131072, epsilon: 1e-5, theta: 500000, tied: true, bias: false,
    rope: { factor: 32, low: 1, high: 4, original: 8192 }, tokenizer: byteLevelVocabulary("llama-bpe"),
  },
  "qwen2.5-0.5b": {
    title: "Qwen2.5-0.5B", architecture: "qwen2", hidden: 896, inner: 4864, layers: 24, heads: 14, kvHeads: 2,
    headDim: 64, vocabulary: 151936, context: 32768, epsilon: 1e-6, theta: 1000000, tied: true, bias: true,
    tokenizer: byteLevelVocabulary("qwen2"),
  },
  "tinyllama-1.1b": {
    title: "TinyLlama-1.1B", architecture: "llama", hidden: 2048, inner: 5632, layers: 22, heads: 32, kvHeads: 4,
    headDim: 64, vocabulary: 32000, context: 8192, epsilon: 1e-5, theta: 10000, tied: false, bias: false,
    tokenizer: sentencePieceVocabulary,
  },
};

/** The file of a model in a format, made when absent. `gguf` is llmir's writer, `peer` starts llama.cpp. */
export async function modelFile(name, format, { folder, gguf, peer }) {
  const path = (each) => join(folder, `${name}-${each}.gguf`);
  if (!existsSync(path("BF16"))) writeRandomModel(models[name], path("BF16"), gguf);
  if (existsSync(path(format))) return path(format);
  console.error(`making ${path(format)}`);
  const program = peer();
  try {
    await program.ask("quantize", path("BF16"), `${path(format)}.part`, formats[format], 2);
  } finally {
    program.end();
  }
  renameSync(`${path(format)}.part`, path(format));
  return path(format);
}

function writeRandomModel(model, path, { planGguf, writeGguf, files }) {
  console.error(`making ${path}`);
  const plan = planGguf({ metadata: metadataOf(model), tensors: tensorsOf(model) });
  rmSync(`${path}.part`, { force: true });
  const file = files.create(`${path}.part`, plan.sizeBytes);
  try {
    writeGguf(plan, file);
  } finally {
    file.close();
  }
  renameSync(`${path}.part`, path);
}

function metadataOf(model) {
  const entry = (kind) => (key, value) => ({ key: `${model.architecture}.${key}`, stored: { kind, value } });
  const [u32, f32] = [entry("u32"), entry("f32")];
  return [
    { key: "general.architecture", stored: { kind: "string", value: model.architecture } },
    { key: "general.name", stored: { kind: "string", value: `${model.title} with random weights` } },
    { key: "general.file_type", stored: { kind: "u32", value: formats.BF16 } },
    u32("vocab_size", model.vocabulary),
    u32("context_length", model.context),
    u32("embedding_length", model.hidden),
    u32("block_count", model.layers),
    u32("feed_forward_length", model.inner),
    u32("attention.head_count", model.heads),
    u32("attention.head_count_kv", model.kvHeads),
    u32("attention.key_length", model.headDim),
    u32("attention.value_length", model.headDim),
    u32("rope.dimension_count", model.headDim),
    f32("attention.layer_norm_rms_epsilon", model.epsilon),
    f32("rope.freq_base", model.theta),
    ...model.tokenizer(model.vocabulary),
  ];
}

function tensorsOf(model) {
  const { hidden, inner, heads, kvHeads, headDim, vocabulary, layers, tied } = model;
  const random = randomTable(20261123);
  const matrix = (name, ...shape) => {
    return { name: `${name}.weight`, type: "BF16", shape, bytes: () => randomWeights(random, shape[0] * shape[1]) };
  };
  const floats = (name, numbers) => {
    return { name, type: "F32", shape: [numbers.length], bytes: () => new Uint8Array(numbers.buffer) };
  };
  const norm = (name) => floats(`${name}.weight`, new Float32Array(hidden).fill(1));
  const bias = (name, size) => (model.bias ? [floats(`${name}.bias`, random.floats(size))] : []);
  const layer = (i) => [
    norm(`blk.${i}.attn_norm`),
    matrix(`blk.${i}.attn_q`, heads * headDim, hidden),
    ...bias(`blk.${i}.attn_q`, heads * headDim),
    matrix(`blk.${i}.attn_k`, kvHeads * headDim, hidden),
    ...bias(`blk.${i}.attn_k`, kvHeads * headDim),
    matrix(`blk.${i}.attn_v`, kvHeads * headDim, hidden),
    ...bias(`blk.${i}.attn_v`, kvHeads * headDim),
    matrix(`blk.${i}.attn_output`, hidden, heads * headDim),
    norm(`blk.${i}.ffn_norm`),
    matrix(`blk.${i}.ffn_gate`, inner, hidden),
    matrix(`blk.${i}.ffn_up`, inner, hidden),
    matrix(`blk.${i}.ffn_down`, hidden, inner),
  ];
  return [
    matrix("token_embd", vocabulary, hidden),
    ...(tied ? [] : [matrix("output", vocabulary, hidden)]),
    norm("output_norm"),
    ...(model.rope === undefined ? [] : [floats("rope_freqs.weight", ropeFactors(model))]),
    ...Array.from({ length: layers }, (_, i) => layer(i)).flat(),
  ];
}

/** Divisors of the rotary frequencies of Llama 3: long waves are stretched, short ones stay. */
function ropeFactors({ headDim, theta, rope }) {
  const { factor, low, high, original } = rope;
  return Float32Array.from({ length: headDim / 2 }, (_, i) => {
    const turns = original / (2 * Math.PI * theta ** ((2 * i) / headDim));
    if (turns < low) return factor;
    if (turns > high) return 1;
    const smooth = (turns - low) / (high - low);
    return 1 / ((1 - smooth) / factor + smooth);
  });
}
