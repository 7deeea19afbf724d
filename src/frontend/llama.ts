/**
 * Llama: RMS norms, rotary positions, grouped-query attention, SwiGLU. Built as the plain graph, in which
 * attention is matmul, scale, mask, softmax, matmul; whatever makes it fast is a rule.
 */

import type { Attrs, Func, Module, ValueId } from "../ir/index.js";
import { tensor } from "../ir/index.js";
import type { Architecture, BuildInput } from "./architecture.js";
import type { ModelConfig } from "./config.js";
import type { Spelling } from "./spelling.js";
import { createSpelling } from "./spelling.js";
import type { ExpectedTensor } from "./tensor-table.js";

const embedding = "model.embed_tokens.weight";
const finalNorm = "model.norm.weight";
const head = "lm_head.weight";
const layer = "model.layers.{layer}";

export const llama: Architecture = {
  name: "LlamaForCausalLM",
  modelType: "llama",
  headTensor: head,
  tensors: expectedTensors,
  build: buildLlama,
};

function expectedTensors(config: ModelConfig, tiedHead: boolean): readonly ExpectedTensor[] {
  const { hiddenSize, intermediateSize, vocabulary, headDim } = config;
  const queryWidth = config.heads * headDim;
  const keyWidth = config.kvHeads * headDim;
  const expected: ExpectedTensor[] = [
    { name: embedding, shape: [vocabulary, hiddenSize] },
    { name: `${layer}.input_layernorm.weight`, shape: [hiddenSize] },
    { name: `${layer}.self_attn.q_proj.weight`, shape: [queryWidth, hiddenSize] },
    { name: `${layer}.self_attn.k_proj.weight`, shape: [keyWidth, hiddenSize] },
    { name: `${layer}.self_attn.v_proj.weight`, shape: [keyWidth, hiddenSize] },
    { name: `${layer}.self_attn.o_proj.weight`, shape: [hiddenSize, queryWidth] },
    { name: `${layer}.post_attention_layernorm.weight`, shape: [hiddenSize] },
    { name: `${layer}.mlp.gate_proj.weight`, shape: [intermediateSize, hiddenSize] },
    { name: `${layer}.mlp.up_proj.weight`, shape: [intermediateSize, hiddenSize] },
    { name: `${layer}.mlp.down_proj.weight`, shape: [hiddenSize, intermediateSize] },
    { name: finalNorm, shape: [hiddenSize] },
  ];
  return tiedHead ? expected : [...expected, { name: head, shape: [vocabulary, hiddenSize] }];
}

function buildLlama(input: BuildInput): Module {
  const body = buildLayer(input);
  return { functions: [body, buildStep(input, body)] };
}

/** Parameters that pass through every layer unchanged. */
const invariantTypes = {
  positions: tensor("i32", "T"),
  sequences: tensor("i32", "T"),
  block_table: tensor("i32", "S", "B"),
  context_sequences: tensor("i32", "C"),
  context_positions: tensor("i32", "C"),
} as const;

type Invariants = { readonly [Name in keyof typeof invariantTypes]: ValueId };

function buildStep(input: BuildInput, body: Func): Func {
  const { config, cache } = input;
  const graph = createSpelling(input, "step");
  const { builder } = graph;
  const tokens = builder.param("tokens", tensor("i32", "T"));
  const positions = builder.param("positions", invariantTypes.positions);
  const sequences = builder.param("sequences", invariantTypes.sequences);
  const rows = builder.param("rows", tensor("i32", "R"));
  const rest = [
    builder.param("block_table", invariantTypes.block_table),
    builder.param("context_sequences", invariantTypes.context_sequences),
    builder.param("context_positions", invariantTypes.context_positions),
  ];
  const cacheIn = builder.param("cache", cache);
  const x = graph.op("gather", [graph.weight(embedding, "embedding"), tokens], {}, "x");
  const range = { first: 0, count: config.layers };
  const after = builder.layers(body, range, [x, cacheIn], [positions, sequences, ...rest]);
  const normed = graph.norm(after[0]!, finalNorm, "final_norm");
  const all = graph.linear(normed, input.tiedHead ? embedding : head, "head");
  const logits = graph.op("gather", [all, rows], {}, "logits");
  return builder.finish([logits, after[1]!]);
}

function buildLayer(input: BuildInput): Func {
  const { config, cache } = input;
  const graph = createSpelling(input, "layer");
  const { builder } = graph;
  const layerNumber = builder.param("layer", tensor("i32"));
  const x = builder.param("x", tensor("f32", "T", config.hiddenSize));
  const cacheIn = builder.param("cache", cache);
  const invariants: Invariants = {
    positions: builder.param("positions", invariantTypes.positions),
    sequences: builder.param("sequences", invariantTypes.sequences),
    block_table: builder.param("block_table", invariantTypes.block_table),
    context_sequences: builder.param("context_sequences", invariantTypes.context_sequences),
    context_positions: builder.param("context_positions", invariantTypes.context_positions),
  };
  const attended = attentionBlock(graph, { config, layerNumber, x, cache: cacheIn, ...invariants });
  const attentionOut = graph.op("add", [x, attended.output], {}, "x_attention");
  const result = graph.op("add", [attentionOut, feedForward(graph, attentionOut)], {}, "x_out");
  return builder.finish([result, attended.cache]);
}

interface AttentionInput extends Invariants {
  readonly config: ModelConfig;
  readonly layerNumber: ValueId;
  readonly x: ValueId;
  readonly cache: ValueId;
}

function attentionBlock(graph: Spelling, input: AttentionInput): { output: ValueId; cache: ValueId } {
  const { layerNumber, positions, sequences, block_table } = input;
  const { heads, kvHeads, headDim } = input.config;
  const normed = graph.norm(input.x, `${layer}.input_layernorm.weight`, "attention_norm");
  const project = (name: string, count: number): ValueId =>
    graph.reshape(graph.linear(normed, `${layer}.self_attn.${name}_proj.weight`, name), ["T", count, headDim]);
  const [query, key, value] = [project("q", heads), project("k", kvHeads), project("v", kvHeads)];
  const frequencies = graph.op("rope_frequencies", [], ropeAttrs(input.config), "frequencies");
  const rotate = (each: ValueId, name: string): ValueId =>
    graph.op("rope", [each, positions, frequencies], { style: "halves" }, name);
  const rotated = rotate(query, "q_rotated");
  const newest = [rotate(key, "k_rotated"), value, layerNumber, block_table, sequences, positions];
  const cache = graph.op("append_kv", [input.cache, ...newest], {}, "cache_out");
  const context = [cache, layerNumber, block_table, input.context_sequences, input.context_positions];
  const times = heads / kvHeads;
  const keys = graph.repeatHeads(graph.op("lookup_keys", context, {}, "keys"), times);
  const values = graph.repeatHeads(graph.op("lookup_values", context, {}, "values"), times);
  const probabilities = attentionProbabilities(graph, { ...input, query: rotated, keys });
  const mixed = graph.op("matmul", [probabilities, graph.transpose(values, [1, 0, 2])], {}, "mixed");
  const attended = graph.transpose(mixed, [1, 0, 2], "attended");
  const merged = graph.reshape(attended, ["T", heads * headDim], "attended_rows");
  return { output: graph.linear(merged, `${layer}.self_attn.o_proj.weight`, "attention_out"), cache };
}

interface ScoreInput extends AttentionInput {
  /** [T, H, D] */
  readonly query: ValueId;
  /** [C, H, D] */
  readonly keys: ValueId;
}

/** [H, T, C] */
function attentionProbabilities(graph: Spelling, input: ScoreInput): ValueId {
  const left = graph.transpose(input.query, [1, 0, 2]);
  const scores = graph.op("matmul", [left, graph.transpose(input.keys, [1, 2, 0])], {}, "scores");
  const scale = graph.constant(1 / Math.sqrt(input.config.headDim), "scale");
  const scaled = graph.op("mul", [scores, scale], {}, "scaled");
  const compare = (token: ValueId, context: ValueId, predicate: string): ValueId =>
    graph.op("compare", [graph.reshape(token, ["T", 1]), graph.reshape(context, [1, "C"])], { predicate });
  const sameSequence = compare(input.sequences, input.context_sequences, "eq");
  const notLater = compare(input.positions, input.context_positions, "ge");
  const allowed = graph.op("and", [sameSequence, notLater], {}, "allowed");
  const masked = graph.op("select", [allowed, scaled, graph.constant(-Infinity, "hidden")], {}, "masked");
  return graph.op("softmax", [masked], { axis: 2 }, "probabilities");
}

function feedForward(graph: Spelling, x: ValueId): ValueId {
  const normed = graph.norm(x, `${layer}.post_attention_layernorm.weight`, "mlp_norm");
  const gate = graph.linear(normed, `${layer}.mlp.gate_proj.weight`, "gate");
  const up = graph.linear(normed, `${layer}.mlp.up_proj.weight`, "up");
  const activated = graph.op("silu", [gate], {}, "activated");
  const gated = graph.op("mul", [activated, up], {}, "gated");
  return graph.linear(gated, `${layer}.mlp.down_proj.weight`, "mlp_out");
}

function ropeAttrs({ headDim, rope }: ModelConfig): Attrs {
  return {
    dim: headDim,
    theta: rope.theta,
    scaling: rope.scaling,
    factor: rope.factor,
    low_factor: rope.lowFactor,
    high_factor: rope.highFactor,
    original_context: rope.originalContext,
  };
}
