/**
 * Attention whose scores or weights are changed on the way: capped, biased, with sinks; and attention in
 * two parts that are merged by their sums.
 */

import type { Statement } from "../loop-form.js";
import { assign, binary, declare, index, local, nest, number, store, unary } from "../loop-form.js";
import { elementCount, tensor } from "../types.js";
import type { ValueType } from "../types.js";
import {
  attendMasked,
  attentionDraft,
  attentionWork,
  drawScale,
  inferAttention,
  lowerAttention,
  maskedSlots,
  scoreOf,
} from "./attention-parts.js";
import { attrOr, defineCoreOp, draftBySignature, pick } from "./drawing.js";
import { add, div, indicesOf, int, loadFloat, mul, overElements, resultOf, sub, tensorOf } from "./loop-parts.js";
import { inferBySignature, signature } from "./signature.js";
import { floatsOf, intsOf, newResult, tensorAt } from "./tensor-access.js";

const operands = "q: f32[T, H, D], keys: f32[C, G, D], values: f32[C, G, D], mask: i1[T, C]";

const sampleOperands: readonly ValueType[] = [
  tensor("f32", "T", 4, 8),
  tensor("f32", "C", 2, 8),
  tensor("f32", "C", 2, 8),
  tensor("i1", "T", "C"),
];
const sampleDims = { T: 3, C: 6 };

function work([q, keys]: readonly ValueType[]): { readonly flops: number } {
  return attentionWork(tensorOf(q), tensorOf(keys).shape[0] ?? 0);
}

const cappedTypes = signature(`${operands} -> f32[T, H, D]`);

const cappedAttention = defineCoreOp({
  name: "capped_attention",
  doc: "`attention` whose scaled scores s become cap * tanh(s / cap) before the softmax.",
  operands: cappedTypes.names,
  attrs: { scale: "float", cap: "float" },
  traits: ["pure"],
  infer: (types) => inferAttention("capped_attention", cappedTypes, types),
  evaluate: (values, { scale, cap }, result) =>
    attendMasked(values, scale, result, { adjust: (score) => cap * Math.tanh(score / cap) }),
  work,
  lower: ({ operands: types, attrs: { scale, cap } }) =>
    lowerAttention(tensorOf(types[0]), scale, {
      ...maskedSlots(types),
      adjust: (score) => mul(unary("tanh", div(score, number(cap))), number(cap)),
    }),
  draw: draftBySignature(cappedTypes, {
    ...attentionDraft,
    attrs: (random, request) => ({
      ...drawScale(random, request),
      cap: attrOr(request, "cap", () => pick(random, [1, 2, 50])),
    }),
  }),
  samples: [{ operands: sampleOperands, attrs: { scale: 0.35, cap: 2 }, dims: sampleDims }],
});

const biasedTypes = signature(`${operands}, bias: f32[H, T, C] -> f32[T, H, D]`);

const biasedAttention = defineCoreOp({
  name: "biased_attention",
  doc: "`attention` with a bias added to each scaled score.",
  operands: biasedTypes.names,
  attrs: { scale: "float" },
  traits: ["pure"],
  infer: (types) => inferAttention("biased_attention", biasedTypes, types),
  evaluate: (values, { scale }, result) => {
    const { shape, data } = tensorAt(values, 4);
    const [, tokens, count] = shape as [number, number, number];
    return attendMasked(values, scale, result, {
      adjust: (score, { t, h, c }) => score + data[(h * tokens + t) * count + c]!,
    });
  },
  work,
  lower: ({ operands: types, attrs }) =>
    lowerAttention(tensorOf(types[0]), attrs.scale, {
      ...maskedSlots(types),
      adjust: (score) => add(score, loadFloat("bias", index("h"), index("t"), index("c"))),
    }),
  draw: draftBySignature(biasedTypes, attentionDraft),
  samples: [
    { operands: [...sampleOperands, tensor("f32", 4, "T", "C")], attrs: { scale: 0.35 }, dims: sampleDims },
  ],
});

const sinkTypes = signature(`${operands}, sinks: f32[H] -> f32[T, H, D]`);

const sinkAttention = defineCoreOp({
  name: "sink_attention",
  doc: "`attention` with one more score for each head, `sinks`, which takes its share of the weights and has no value.",
  operands: sinkTypes.names,
  attrs: { scale: "float" },
  traits: ["pure"],
  infer: (types) => inferAttention("sink_attention", sinkTypes, types),
  evaluate: (values, { scale }, result) => {
    const sinks = floatsOf(tensorAt(values, 4));
    return attendMasked(values, scale, result, { sink: (h) => sinks[h]! });
  },
  work,
  lower: ({ operands: types, attrs }) =>
    lowerAttention(tensorOf(types[0]), attrs.scale, {
      ...maskedSlots(types),
      sink: loadFloat("sinks", index("h")),
    }),
  draw: draftBySignature(sinkTypes, attentionDraft),
  samples: [{ operands: [...sampleOperands, tensor("f32", 4)], attrs: { scale: 0.35 }, dims: sampleDims }],
});

const slopeTypes = signature("slopes: f32[H], positions: i32[T], context_positions: i32[C] -> f32[H, T, C]");

const alibiBias = defineCoreOp({
  name: "alibi_bias",
  doc: "slope * (slot's position - token's position) for each head, token and slot: attention with linear biases.",
  operands: slopeTypes.names,
  attrs: {},
  traits: ["pure"],
  infer: (types) => inferBySignature("alibi_bias", slopeTypes, types),
  evaluate: (values, _, result) => {
    const slopes = floatsOf(tensorAt(values, 0));
    const [own, context] = [intsOf(tensorAt(values, 1)), intsOf(tensorAt(values, 2))];
    const out = newResult(result);
    for (let i = 0; i < out.data.length; i++) {
      const [row, c] = [Math.floor(i / context.length), i % context.length];
      out.data[i] = slopes[Math.floor(row / own.length)]! * (context[c]! - own[row % own.length]!);
    }
    return out;
  },
  work: (_operands, _attrs, result) => ({ flops: 2 * elementCount(tensorOf(result).shape) }),
  lower: (input) => {
    const { shape } = resultOf(input);
    const [h = int(0), t = int(0), c = int(0)] = indicesOf(shape);
    const distance = sub(loadFloat("context_positions", c), loadFloat("positions", t));
    return overElements(shape, [store("result", [h, t, c], mul(loadFloat("slopes", h), distance))]);
  },
  draw: draftBySignature(slopeTypes),
  samples: [
    {
      operands: [tensor("f32", 4), tensor("i32", "T"), tensor("i32", "C")],
      attrs: {},
      dims: sampleDims,
      indexBounds: { 1: 9, 2: 9 },
    },
  ],
});

const sumTypes = signature("q: f32[T, H, D], keys: f32[C, G, D], mask: i1[T, C] -> f32[T, H]");

const attentionLogSums = defineCoreOp({
  name: "attention_log_sums",
  doc:
    "The logarithm of what `attention` divides by: log of the sum of exp(scale * q . key) over the slots that the " +
    "mask allows. Minus infinity where it allows none.",
  operands: sumTypes.names,
  attrs: { scale: "float" },
  traits: ["pure"],
  infer: (types) => inferAttention("attention_log_sums", sumTypes, types),
  evaluate: (values, { scale }, result) => {
    const [q, k, mask] = [tensorAt(values, 0), tensorAt(values, 1), tensorAt(values, 2).data];
    const [count, groups, width] = k.shape as [number, number, number];
    const heads = q.shape[1]!;
    const out = newResult(result);
    for (let row = 0; row < out.data.length; row++) {
      const group = Math.floor((row % heads) / (heads / groups));
      const scores: number[] = [];
      for (let c = 0; c < count; c++) {
        if (mask[Math.floor(row / heads) * count + c] === 0) continue;
        const place = (c * groups + group) * width;
        let score = 0;
        for (let d = 0; d < width; d++) score += q.data[row * width + d]! * k.data[place + d]!;
        scores.push(score * scale);
      }
      const greatest = scores.reduce((most, score) => Math.max(most, score), -Infinity);
      const total = scores.reduce((sum, score) => sum + Math.exp(score - greatest), 0);
      out.data[row] = scores.length === 0 ? -Infinity : greatest + Math.log(total);
    }
    return out;
  },
  work,
  lower: ({ operands: types, attrs }) => {
    const q = tensorOf(types[0]);
    const slots = maskedSlots(types);
    const [tokens = 1, heads = 1, headDim = 1] = q.shape;
    const [t, h] = [index("t"), index("h")];
    const score = scoreOf(headDim, attrs.scale, slots);
    const weight = unary("exp", sub(local("score"), local("greatest")));
    const whole = add(local("greatest"), unary("log", local("total")));
    const isEmpty = binary("eq", local("total"), number(0));
    return nest(
      [
        { name: "t", extent: tokens },
        { name: "h", extent: heads },
      ],
      "parallel",
      [
        declare("greatest", "f32", number(-Infinity)),
        ...slots.over([...score, assign("greatest", binary("max", local("greatest"), local("score")))]),
        declare("total", "f32", number(0)),
        ...slots.over([...score, assign("total", add(local("total"), weight))]),
        store("result", [t, h], {
          kind: "select",
          condition: isEmpty,
          then: number(-Infinity),
          otherwise: whole,
        }),
      ],
    );
  },
  draw: draftBySignature(sumTypes, attentionDraft),
  samples: [
    {
      operands: [tensor("f32", "T", 4, 8), tensor("f32", "C", 2, 8), tensor("i1", "T", "C")],
      attrs: { scale: 0.35 },
      dims: sampleDims,
    },
  ],
});

const mergeTypes = signature(
  "left: f32[T, H, D], left_sums: f32[T, H], right: f32[T, H, D], right_sums: f32[T, H] -> f32[T, H, D]",
);

const mergeAttention = defineCoreOp({
  name: "merge_attention",
  doc:
    "Attention over all slots, from attention over two parts of them and the logarithms of their sums. A part " +
    "without slots, whose logarithm is minus infinity, counts for nothing.",
  operands: mergeTypes.names,
  attrs: {},
  traits: ["pure"],
  infer: (types) => inferBySignature("merge_attention", mergeTypes, types),
  evaluate: (values, _, result) => {
    const [left, leftSums, right, rightSums] = values.map((_each, i) => floatsOf(tensorAt(values, i))) as [
      Float32Array,
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    const out = newResult(result);
    const width = out.shape[2]!;
    for (let i = 0; i < out.data.length; i++) {
      const [a, b] = [leftSums[Math.floor(i / width)]!, rightSums[Math.floor(i / width)]!];
      const greatest = Math.max(a, b);
      const [fromLeft, fromRight] = [Math.exp(a - greatest), Math.exp(b - greatest)];
      const sum = (a === -Infinity ? 0 : fromLeft * left[i]!) + (b === -Infinity ? 0 : fromRight * right[i]!);
      out.data[i] = sum / (fromLeft + fromRight);
    }
    return out;
  },
  work: (_operands, _attrs, result) => ({ flops: 20 * elementCount(tensorOf(result).shape) }),
  lower: (input) => {
    const { shape } = resultOf(input);
    const place = indicesOf(shape);
    const sums = place.slice(0, 2);
    const part = (name: "left" | "right"): readonly Statement[] => {
      const logarithm = loadFloat(`${name}_sums`, ...sums);
      const weighted = mul(local(`${name}_weight`), loadFloat(name, ...place));
      const isEmpty = binary("eq", logarithm, number(-Infinity));
      return [
        declare(`${name}_weight`, "f32", unary("exp", sub(logarithm, local("greatest")))),
        declare(`${name}_sum`, "f32", { kind: "select", condition: isEmpty, then: number(0), otherwise: weighted }),
      ];
    };
    const greatest = binary("max", loadFloat("left_sums", ...sums), loadFloat("right_sums", ...sums));
    const total = add(local("left_weight"), local("right_weight"));
    return overElements(shape, [
      declare("greatest", "f32", greatest),
      ...part("left"),
      ...part("right"),
      store("result", place, div(add(local("left_sum"), local("right_sum")), total)),
    ]);
  },
  draw: draftBySignature(mergeTypes),
  samples: [
    {
      operands: [tensor("f32", "T", 2, 3), tensor("f32", "T", 2), tensor("f32", "T", 2, 3), tensor("f32", "T", 2)],
      attrs: {},
      dims: { T: 3 },
    },
  ],
});

export const attentionVariantOps = [
  cappedAttention,
  biasedAttention,
  sinkAttention,
  alibiBias,
  attentionLogSums,
  mergeAttention,
] as const;
