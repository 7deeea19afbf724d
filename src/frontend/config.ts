/**
 * `config.json` of a decoder-only transformer as a checked record. Every number is bounded, since the
 * sizes of buffers are computed from them and the file is untrusted. What is not in the record and would
 * change the arithmetic (other biases and activations, quantized checkpoints) is refused.
 */

import { DiagnosticError } from "../diagnostics/index.js";
import type { FloatDType } from "../ir/index.js";
import type { FieldReader } from "./config-fields.js";

export interface RopeConfig {
  readonly theta: number;
  readonly scaling: "none" | "linear" | "llama3";
  /** 1 without scaling. */
  readonly factor: number;
  /** Of `llama3` scaling; 1 otherwise. */
  readonly lowFactor: number;
  readonly highFactor: number;
  /** The context that the model was trained for before it was stretched. */
  readonly originalContext: number;
}

/** What decoders of one family differ in. */
export interface DecoderTraits {
  /** Projections of attention with a bias: none, queries, keys and values, or the output's as well. */
  readonly attentionBias: "none" | "inputs" | "all";
  /** RMS norms of each head of queries and keys before they are rotated. */
  readonly queryKeyNorm: boolean;
  /** A token sees so many positions, its own included; all when undefined. Less than the context. */
  readonly slidingWindow: number | undefined;
}

export interface ModelConfig extends DecoderTraits {
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly layers: number;
  readonly heads: number;
  /** Divides `heads`. */
  readonly kvHeads: number;
  /** Even. */
  readonly headDim: number;
  readonly normEpsilon: number;
  readonly rope: RopeConfig;
  /** Which numbers of a head are rotated together: i and i + D / 2, or 2i and 2i + 1. */
  readonly ropeStyle: "halves" | "interleaved";
  /** The weights hold divisors of the rotary frequencies. */
  readonly hasRopeFactors: boolean;
  /** The longest sequence that the model was made for. */
  readonly contextLength: number;
  readonly vocabulary: number;
  /** What the configuration says; weights without a head are tied as well. */
  readonly tiedHead: boolean;
  /** The format that the weights are said to be stored in; only used where there are no weights. */
  readonly dtype: FloatDType;
}

const limits = {
  width: { min: 1, max: 1 << 20 },
  layers: { min: 1, max: 4096 },
  heads: { min: 1, max: 4096 },
  headDim: { min: 2, max: 4096 },
  vocabulary: { min: 1, max: 1 << 22 },
  context: { min: 1, max: 1 << 27 },
} as const;

const dtypeWords: Readonly<Record<string, FloatDType>> = { float32: "f32", float16: "f16", bfloat16: "bf16" };

/** Reads the fields of a decoder's configuration. Throws `DiagnosticError` with all faults. */
export function parseModelConfig(
  fields: FieldReader,
  readTraits: (fields: FieldReader) => DecoderTraits,
): ModelConfig {
  const hiddenSize = fields.integer("hidden_size", limits.width);
  const heads = fields.integer("num_attention_heads", limits.heads);
  const contextLength = fields.integer("max_position_embeddings", limits.context);
  const config: ModelConfig = {
    hiddenSize,
    intermediateSize: fields.integer("intermediate_size", limits.width),
    layers: fields.integer("num_hidden_layers", limits.layers),
    heads,
    kvHeads: fields.integer("num_key_value_heads", { ...limits.heads, fallback: heads }),
    headDim: readHeadDim(fields, hiddenSize, heads),
    normEpsilon: fields.float("rms_norm_eps", { min: 0, max: 1 }),
    rope: readRope(fields, contextLength),
    ropeStyle: "halves",
    hasRopeFactors: false,
    contextLength,
    vocabulary: fields.integer("vocab_size", limits.vocabulary),
    tiedHead: fields.flag("tie_word_embeddings"),
    dtype: readDtype(fields),
    ...readTraits(fields),
  };
  if (config.heads % config.kvHeads !== 0) {
    fields.invalidate("num_key_value_heads", `${config.kvHeads} does not divide the ${config.heads} attention heads`);
  }
  refuseVariants(fields);
  if (fields.faults.length > 0) throw new DiagnosticError(...fields.faults);
  return config;
}

function readHeadDim(fields: FieldReader, hiddenSize: number, heads: number): number {
  if (!fields.isPresent("head_dim") && hiddenSize % heads !== 0) {
    fields.invalidate("num_attention_heads", `${heads} does not divide \`hidden_size\`, ${hiddenSize}`);
    return limits.headDim.min;
  }
  const headDim = fields.integer("head_dim", { ...limits.headDim, fallback: hiddenSize / heads });
  if (headDim % 2 !== 0) fields.invalidate("head_dim", `rotary embedding needs an even number, found ${headDim}`);
  return headDim;
}

/** Newer configurations write `dtype` for `torch_dtype`. */
function readDtype(fields: FieldReader): FloatDType {
  const name = fields.isPresent("torch_dtype") ? "torch_dtype" : "dtype";
  return dtypeWords[fields.word(name, Object.keys(dtypeWords), "float32")] ?? "f32";
}

/** The base is a field of its own or nested, as `rope_parameters` of newer configurations. */
function readRope(fields: FieldReader, contextLength: number): RopeConfig {
  const nested = fields.nested("rope_parameters");
  const base = nested?.isPresent("rope_theta") === true ? nested : fields;
  const theta = base.float("rope_theta", { min: 1, max: 1e12, fallback: 10000 });
  const scaling = fields.nested("rope_scaling") ?? nested;
  const unscaled = { theta, factor: 1, lowFactor: 1, highFactor: 1, originalContext: contextLength };
  const kind = scaling === undefined ? "default" : readRopeKind(scaling);
  if (scaling === undefined || kind === "default") return { ...unscaled, scaling: "none" };
  const factor = scaling.float("factor", { min: 1, max: 1e6 });
  if (kind === "linear") return { ...unscaled, scaling: "linear", factor };
  return { theta, scaling: "llama3", factor, ...readLlama3Scaling(scaling) };
}

/** Older configurations write `type` for `rope_type`. */
function readRopeKind(scaling: FieldReader): string {
  const name = scaling.isPresent("rope_type") ? "rope_type" : "type";
  return scaling.word(name, ["default", "linear", "llama3"], "default");
}

function readLlama3Scaling(
  scaling: FieldReader,
): Pick<RopeConfig, "lowFactor" | "highFactor" | "originalContext"> {
  const lowFactor = scaling.float("low_freq_factor", { min: 1e-6, max: 1e6 });
  const highFactor = scaling.float("high_freq_factor", { min: 1e-6, max: 1e6 });
  if (highFactor <= lowFactor) {
    scaling.invalidate("high_freq_factor", `${highFactor} must be greater than \`low_freq_factor\`, ${lowFactor}`);
  }
  const originalContext = scaling.integer("original_max_position_embeddings", limits.context);
  return { lowFactor, highFactor, originalContext };
}

/** Whether all four projections of attention have a bias. */
export function readBiasFlag(fields: FieldReader): "none" | "all" {
  return fields.flag("attention_bias") ? "all" : "none";
}

/** A window as wide as the context is none. */
export function readWindow(fields: FieldReader): number | undefined {
  if (!fields.isPresent("sliding_window")) return undefined;
  const window = fields.integer("sliding_window", { min: 1, max: limits.context.max });
  const contextLength = fields.integer("max_position_embeddings", { ...limits.context, fallback: 1 });
  return window < contextLength ? window : undefined;
}

function refuseVariants(fields: FieldReader): void {
  fields.word("hidden_act", ["silu", "swish"], "silu");
  if (fields.flag("mlp_bias")) fields.refuse("mlp_bias", "projections with a bias are not supported in feed-forward layers");
  if (fields.isPresent("quantization_config")) {
    fields.refuse("quantization_config", "quantized checkpoints are not supported", "import the float weights");
  }
  if (fields.float("partial_rotary_factor", { min: 0, max: 1, fallback: 1 }) !== 1) {
    fields.refuse("partial_rotary_factor", "rotating a part of each head is not supported");
  }
}
