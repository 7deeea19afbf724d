/**
 * The metadata of a GGUF file as the fields of a Hugging Face configuration, so that one reader checks
 * both. What GGUF states by the presence of tensors (a tied head, biases, divisors of the rotary
 * frequencies) is read there.
 */

import type { Diagnostic } from "../../diagnostics/index.js";
import { diagnostic, DiagnosticError } from "../../diagnostics/index.js";
import type { Architecture } from "../architecture.js";
import type { FieldReader } from "../config-fields.js";
import { readFields } from "../config-fields.js";
import type { ModelConfig } from "../config.js";
import { parseModelConfig } from "../config.js";
import { ropeFactorsTensor } from "../decoder.js";
import type { JsonObject } from "../json.js";
import type { GgufHeader } from "./read-header.js";
import type { Metadata, MetadataValue } from "./values.js";
import { shortestFloat } from "./values.js";

/** Fields of a configuration by the key that holds them, behind the architecture's name and a dot. */
export const configKeys = {
  hidden_size: "embedding_length",
  intermediate_size: "feed_forward_length",
  num_hidden_layers: "block_count",
  num_attention_heads: "attention.head_count",
  num_key_value_heads: "attention.head_count_kv",
  head_dim: "attention.key_length",
  rms_norm_eps: "attention.layer_norm_rms_epsilon",
  max_position_embeddings: "context_length",
  rope_theta: "rope.freq_base",
  sliding_window: "attention.sliding_window",
  vocab_size: "vocab_size",
} as const;

/** Fields of `rope_scaling`, of which files hold those that are stretched linearly. */
const scalingKeys = { rope_type: "rope.scaling.type", factor: "rope.scaling.factor" } as const;

/** The configuration of a file. Throws `DiagnosticError` with all faults. */
export function readGgufConfig(header: GgufHeader, architecture: Architecture, at: string): ModelConfig {
  const prefix = architecture.ggufName;
  const faults = refuseVariants(header.metadata, prefix, at);
  if (faults.length > 0) throw new DiagnosticError(...faults);
  const fields = readFields(configRecord(header, prefix), at, (name) => spelledKey(name, prefix));
  const config = parseModelConfig(fields, architecture.readTraits);
  checkRotation(header.metadata, { prefix, headDim: config.headDim, fields });
  if (fields.faults.length > 0) throw new DiagnosticError(...fields.faults);
  return { ...config, ...traitsOfTensors(header), ropeStyle: prefix === "llama" ? "interleaved" : "halves" };
}

function spelledKey(name: string, prefix: string): string {
  const scaling = name.startsWith("rope_scaling.") ? name.slice("rope_scaling.".length) : "";
  const keys: Readonly<Record<string, string>> = configKeys;
  const scalings: Readonly<Record<string, string>> = scalingKeys;
  const key = keys[name] ?? scalings[scaling];
  return key === undefined ? name : `${prefix}.${key}`;
}

function configRecord({ metadata, tensors }: GgufHeader, prefix: string): JsonObject {
  const record: Record<string, unknown> = {};
  for (const [field, key] of Object.entries(configKeys)) {
    const value = metadata.get(`${prefix}.${key}`);
    if (value !== undefined) record[field] = plain(value);
  }
  const tokens = metadata.get("tokenizer.ggml.tokens");
  record["vocab_size"] = tensors.get("token_embd.weight")?.shape[0] ?? record["vocab_size"] ?? listLength(tokens);
  if (record["sliding_window"] !== undefined) record["use_sliding_window"] = true;
  record["max_window_layers"] = 0;
  const type = metadata.get(`${prefix}.${scalingKeys.rope_type}`);
  if (type === undefined || type === "none") return record;
  const factor = metadata.get(`${prefix}.${scalingKeys.factor}`);
  const stretch = factor === undefined ? {} : { factor: plain(factor) };
  return { ...record, rope_scaling: { rope_type: type, ...stretch } };
}

/** Floats are stored as binary32, and were decimals before. */
function plain(value: MetadataValue): MetadataValue {
  return typeof value === "number" ? shortestFloat(value) : value;
}

function listLength(value: MetadataValue | undefined): number | undefined {
  return Array.isArray(value) ? value.length : undefined;
}

/** What files state by holding a tensor or not. */
type TensorTraits = Pick<ModelConfig, "attentionBias" | "hasRopeFactors" | "tiedHead">;

function traitsOfTensors({ tensors }: GgufHeader): TensorTraits {
  const hasInputs = tensors.has("blk.0.attn_q.bias");
  const inputs = hasInputs ? "inputs" : "none";
  return {
    attentionBias: hasInputs && tensors.has("blk.0.attn_output.bias") ? "all" : inputs,
    hasRopeFactors: tensors.has(ropeFactorsTensor),
    tiedHead: !tensors.has("output.weight"),
  };
}

/** Keys that change the arithmetic in ways that are not built. */
function refuseVariants(metadata: Metadata, prefix: string, at: string): readonly Diagnostic[] {
  const refuse = (key: string, why: string): Diagnostic =>
    diagnostic("model/unsupported-config", `\`${key}\`: ${why}`, { at });
  const faults: Diagnostic[] = [];
  const positive = (key: string): boolean => Number(metadata.get(key) ?? 0) > 0;
  if (positive(`${prefix}.expert_count`)) faults.push(refuse(`${prefix}.expert_count`, "mixtures of experts are not supported"));
  if (positive("split.count") && Number(metadata.get("split.count")) > 1) {
    faults.push(
      diagnostic("model/unsupported-gguf", "the model is split over several files", {
        at,
        hint: "join them first: `llama-gguf-split --merge FIRST OUT`",
      }),
    );
  }
  return faults;
}

interface RotationCheck {
  readonly prefix: string;
  readonly headDim: number;
  readonly fields: FieldReader;
}

function checkRotation(metadata: Metadata, { prefix, headDim, fields }: RotationCheck): void {
  const rotated = metadata.get(`${prefix}.rope.dimension_count`) ?? headDim;
  if (rotated !== headDim) {
    fields.refuse(`${prefix}.rope.dimension_count`, `rotating a part of each head is not supported: heads have ${headDim}`);
  }
  const values = metadata.get(`${prefix}.attention.value_length`) ?? headDim;
  if (values !== headDim) {
    fields.refuse(`${prefix}.attention.value_length`, `values must be as long as keys, ${headDim}`);
  }
}
