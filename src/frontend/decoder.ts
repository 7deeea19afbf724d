/**
 * The decoder that Llama and its relatives share: RMS norms, rotary positions, grouped-query attention,
 * SwiGLU, and as the configuration says biases, norms of queries and keys, a window. Built as the plain
 * graph, in which attention is matmul, scale, mask, softmax, matmul; whatever makes it fast is a rule.
 */

import { at } from "../base/index.js";
import type { Attrs, Func, Module, ValueId } from "../ir/index.js";
import { tensor } from "../ir/index.js";
import type { Architecture, BuildInput } from "./architecture.js";
import type { ModelConfig } from "./config.js";
import type { Spelling } from "./spelling.js";
import { createSpelling } from "./spelling.js";
import type { ExpectedTensor, LayerRange } from "./tensor-table.js";

const embedding = "model.embed_tokens.weight";
const finalNorm = "model.norm.weight";
const layer = "model.layers.{layer}";

const headTensor = "lm_head.weight";

/**
 * Divisors of the rotary frequencies, where the weights state them; it has no place in Hugging Face
 * folders.
 */
export const ropeFactorsTensor = "rope_freqs.weight";

/** The part of an architecture's record that all of this family share. */
export const decoder: Pick<Architecture, "tensors" | "headTensor" | "build"> = {
  headTensor,
  tensors: expectedTensors,
  build: buildDecoder,
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
    ...biasTensors(config),
  ];
  if (config.queryKeyNorm) {
    expected.push({ name: `${layer}.self_attn.q_norm.weight`, shape: [headDim] });
    expected.push({ name: `${layer}.self_attn.k_norm.weight`, shape: [headDim] });
  }
  if (config.hasRopeFactors) expected.push({ name: ropeFactorsTensor, shape: [headDim / 2] });
  return tiedHead ? expected : [...expected, { name: headTensor, shape: [vocabulary, hiddenSize] }];
}

function biasTensors(config: ModelConfig): readonly ExpectedTensor[] {
  const { attentionBias, heads, kvHeads, headDim, hiddenSize } = config;
  if (attentionBias === "none") return [];
  const inputs = [
    { name: `${layer}.self_attn.q_proj.bias`, shape: [heads * headDim] },
    { name: `${layer}.self_attn.k_proj.bias`, shape: [kvHeads * headDim] },
    { name: `${layer}.self_attn.v_proj.bias`, shape: [kvHeads * headDim] },
  ];
  const output = { name: `${layer}.self_attn.o_proj.bias`, shape: [hiddenSize] };
  return attentionBias === "all" ? [...inputs, output] : inputs;
}

function buildDecoder(input: BuildInput): Module {
  const { ranges } = input;
  const name = ({ first }: LayerRange): string => (ranges.length === 1 ? "layer" : `layer_${first}`);
  const bodies = ranges.map((range) => buildLayer(input, range, name(range)));
  return { functions: [...bodies, buildStep(input, bodies)] };
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

function buildStep(input: BuildInput, bodies: readonly Func[]): Func {
  const { cache, ranges } = input;
  const graph = createSpelling({ ...input, types: at(ranges, 0).types }, "step");
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
  const after = bodies.reduce<readonly ValueId[]>((carried, body, i) => {
    const { first, count } = at(ranges, i);
    return builder.layers(body, { first, count }, [...carried], [positions, sequences, ...rest]);
  }, [x, cacheIn]);
  const normed = graph.norm(after[0]!, finalNorm, "final_norm");
  const all = graph.linear(normed, input.tiedHead ? embedding : headTensor, "head");
  const logits = graph.op("gather", [all, rows], {}, "logits");
  return builder.finish([logits, after[1]!]);
}

function buildLayer(input: BuildInput, { types }: LayerRange, name: string): Func {
  const { config, cache } = input;
  const graph = createSpelling({ ...input, types }, name);
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
  const { config, layerNumber, positions, sequences, block_table } = input;
  const { heads, kvHeads, headDim, attentionBias } = config;
  const normed = graph.norm(input.x, `${layer}.input_layernorm.weight`, "attention_norm");
  const hasBias = attentionBias !== "none";
  const projectHeads = (name: string, count: number): ValueId =>
    graph.reshape(project(graph, normed, { name, hasBias }), ["T", count, headDim]);
  const [query, key, value] = [projectHeads("q", heads), projectHeads("k", kvHeads), projectHeads("v", kvHeads)];
  const frequencies = rotaryFrequencies(graph, config);
  const rotate = (each: ValueId, name: string): ValueId => {
    const norm = `${layer}.self_attn.${name}_norm.weight`;
    const scaled = config.queryKeyNorm ? graph.norm(each, norm, `${name}_norm`) : each;
    return graph.op("rope", [scaled, positions, frequencies], { style: config.ropeStyle }, `${name}_rotated`);
  };
  const rotated = rotate(query, "q");
  const newest = [rotate(key, "k"), value, layerNumber, block_table, sequences, positions];
  const cache = graph.op("append_kv", [input.cache, ...newest], {}, "cache_out");
  const context = [cache, layerNumber, block_table, input.context_sequences, input.context_positions];
  const times = heads / kvHeads;
  const keys = graph.repeatHeads(graph.op("lookup_keys", context, {}, "keys"), times);
  const values = graph.repeatHeads(graph.op("lookup_values", context, {}, "values"), times);
  const probabilities = attentionProbabilities(graph, { ...input, query: rotated, keys });
  const mixed = graph.op("matmul", [probabilities, graph.transpose(values, [1, 0, 2])], {}, "mixed");
  const attended = graph.transpose(mixed, [1, 0, 2], "attended");
  const merged = graph.reshape(attended, ["T", heads * headDim], "attended_rows");
  return { output: project(graph, merged, { name: "o", hasBias: attentionBias === "all" }), cache };
}

interface Projection {
  /** q, k, v or o. */
  readonly name: string;
  readonly hasBias: boolean;
}

/** [T, width of the projection] */
function project(graph: Spelling, x: ValueId, { name, hasBias }: Projection): ValueId {
  const stem = `${layer}.self_attn.${name}_proj`;
  const label = name === "o" ? "attention_out" : name;
  const product = graph.linear(x, `${stem}.weight`, label);
  return hasBias ? graph.op("add", [product, graph.weight(`${stem}.bias`, `${label}_bias`)], {}, `${label}_biased`) : product;
}

/** [D / 2] */
function rotaryFrequencies(graph: Spelling, config: ModelConfig): ValueId {
  const frequencies = graph.op("rope_frequencies", [], ropeAttrs(config), "frequencies");
  if (!config.hasRopeFactors) return frequencies;
  return graph.op("div", [frequencies, graph.weight(ropeFactorsTensor, "rope_factors")], {}, "stretched_frequencies");
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
  const causal = graph.op("and", [sameSequence, notLater], {}, "allowed");
  const allowed = input.config.slidingWindow === undefined ? causal : withinWindow(graph, input, causal);
  const masked = graph.op("select", [allowed, scaled, graph.constant(-Infinity, "hidden")], {}, "masked");
  return graph.op("softmax", [masked], { axis: 2 }, "probabilities");
}

/**
 * Slots of the last `slidingWindow` positions alone, the token's own included. [T, C]
 * Distances are computed in f32, which holds positions up to 2^24.
 */
function withinWindow(graph: Spelling, input: ScoreInput, causal: ValueId): ValueId {
  const asFloat = (positions: ValueId): ValueId => graph.op("cast", [positions], { dtype: "f32" });
  const tokens = graph.reshape(asFloat(input.positions), ["T", 1]);
  const slots = graph.reshape(asFloat(input.context_positions), [1, "C"]);
  const distance = graph.op("sub", [tokens, slots], {}, "distance");
  const window = graph.constant(input.config.slidingWindow ?? Infinity, "window");
  const isNear = graph.op("compare", [distance, window], { predicate: "lt" }, "is_near");
  return graph.op("and", [causal, isNear], {}, "allowed_in_window");
}

function feedForward(graph: Spelling, x: ValueId): ValueId {
  const normed = graph.norm(x, `${layer}.post_attention_layernorm.weight`, "mlp_norm");
  const gate = graph.linear(normed, `${layer}.mlp.gate_proj.weight`, "gate");
  const up = graph.linear(normed, `${layer}.mlp.up_proj.weight`, "up");
  const activated = graph.op("silu", [gate], {}, "activated");
  const gated = graph.op("mul", [activated, up], {}, "gated");
  return graph.linear(gated, `${layer}.mlp.down_proj.weight`, "mlp_out");
}

/** Attributes of `rope_frequencies`. */
export function ropeAttrs({ headDim, rope }: ModelConfig): Attrs {
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
