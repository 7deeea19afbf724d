/**
 * Attention with an explicit mask, and attention straight from the paged cache. Scores, weights and sums are
 * in double. A token that may see nothing has no weights to scale: its result is not a number, as in softmax.
 */

import type { Scalar, Statement } from "../loop-form.js";
import {
  assign,
  binary,
  declare,
  index,
  load,
  local,
  loop,
  nest,
  number,
  store,
  unary,
} from "../loop-form.js";
import type { Dim, KvCacheType, TensorType, ValueType } from "../types.js";
import { elementCount, tensor } from "../types.js";
import { attrOr, defineCoreOp, draftBySignature, pick, relateMultiple } from "./drawing.js";
import {
  add,
  div,
  dot,
  indicesOf,
  int,
  loadFloat,
  mul,
  overElements,
  resultOf,
  sub,
  tensorOf,
} from "./loop-parts.js";
import { bindOperands, extentNamed, inferBySignature, signature, typeOfPattern } from "./signature.js";
import type { Bindings } from "./signature.js";
import { cacheType, slotAddress, slotIndices, slotOffset } from "./cache.js";
import { floatsOf, intsOf, newResult, tensorAt } from "./tensor-access.js";
import { refuse } from "./type-checks.js";

const maskTypes = signature(
  "positions: i32[T], sequences: i32[T], context_positions: i32[C], context_sequences: i32[C] -> i1[T, C]",
);

const causalMask = defineCoreOp({
  name: "causal_mask",
  doc: "Which context slots a token sees: those of its own sequence at its own position or before.",
  operands: maskTypes.names,
  attrs: {},
  traits: ["pure"],
  infer: (types) => inferBySignature("causal_mask", maskTypes, types),
  evaluate: (operands, _, result) => {
    const [positions, sequences, contextPositions, contextSequences] = operands.map((_each, i) =>
      intsOf(tensorAt(operands, i)),
    ) as [Int32Array, Int32Array, Int32Array, Int32Array];
    const out = newResult(result);
    const count = contextPositions.length;
    for (let i = 0; i < out.data.length; i++) {
      const [t, c] = [Math.floor(i / count), i % count];
      const sees = sequences[t]! === contextSequences[c]! && positions[t]! >= contextPositions[c]!;
      out.data[i] = sees ? 1 : 0;
    }
    return out;
  },
  work: (_operands, _attrs, result) => ({ flops: 3 * elementCount(tensorOf(result).shape) }),
  lower: (input) => {
    const { shape } = resultOf(input);
    const [t = int(0), c = int(0)] = indicesOf(shape);
    const same = binary("eq", load("sequences", t), load("context_sequences", c));
    const before = binary("ge", load("positions", t), load("context_positions", c));
    return overElements(shape, [store("result", [t, c], binary("and", same, before))]);
  },
  draw: draftBySignature(maskTypes),
  samples: [
    {
      operands: [tensor("i32", "T"), tensor("i32", "T"), tensor("i32", "C"), tensor("i32", "C")],
      attrs: {},
      dims: { T: 3, C: 8 },
      indexBounds: { 0: 4, 1: 2, 2: 4, 3: 2 },
    },
  ],
});

function requireGroups(op: string, bindings: Bindings): void {
  const [heads, groups] = [extentNamed(op, bindings, "H"), extentNamed(op, bindings, "G")];
  if (heads % groups !== 0)
    refuse(`\`${op}\` shares ${groups} KV heads among ${heads} heads, which do not divide evenly`);
}

/** What one head of one token attends to: the slots it sees start at `places` of `keys` and `values`. */
interface Head {
  readonly query: Float32Array;
  readonly keys: Float32Array;
  readonly values: Float32Array;
  readonly places: readonly number[];
  readonly scale: number;
}

/** Softmax of the scaled scores, times the values; into `out`, which has the size of a head. */
function attendHead({ query, keys, values, places, scale }: Head, out: Float32Array): void {
  const width = query.length;
  const scores = places.map((place) => {
    let score = 0;
    for (let d = 0; d < width; d++) score += query[d]! * keys[place + d]!;
    return score * scale;
  });
  const greatest = scores.reduce((most, score) => Math.max(most, score), -Infinity);
  const weights = scores.map((score) => Math.exp(score - greatest));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const sums = new Float64Array(width);
  places.forEach((place, c) => {
    for (let d = 0; d < width; d++) sums[d]! += weights[c]! * values[place + d]!;
  });
  for (let d = 0; d < width; d++) out[d] = sums[d]! / total;
}

const attentionTypes = signature(
  "q: f32[T, H, D], keys: f32[C, G, D], values: f32[C, G, D], mask: i1[T, C] -> f32[T, H, D]",
);

function drawScale(
  random: Parameters<typeof pick>[0],
  request: Parameters<typeof attrOr>[0],
): { readonly scale: number } {
  return { scale: attrOr(request, "scale", () => pick(random, [1, 0.5, 0.125])) };
}

const attention = defineCoreOp({
  name: "attention",
  doc:
    "For each token and head: softmax over the slots that the mask allows of scale * q . key, times the values. " +
    "H heads share G KV heads: head h reads KV head h / (H / G).",
  operands: attentionTypes.names,
  attrs: { scale: "float" },
  traits: ["pure"],
  infer: (types) => {
    const bindings = bindOperands("attention", attentionTypes, types);
    requireGroups("attention", bindings);
    return typeOfPattern(attentionTypes.result, bindings);
  },
  evaluate: (operands, { scale }, result) => {
    const [q, k] = [tensorAt(operands, 0), tensorAt(operands, 1)];
    const [keys, values, mask] = [floatsOf(k), floatsOf(tensorAt(operands, 2)), tensorAt(operands, 3).data];
    const [count, groups, width] = k.shape as [number, number, number];
    const heads = q.shape[1]!;
    const out = newResult(result);
    for (let row = 0; row < q.shape[0]! * heads; row++) {
      const group = Math.floor((row % heads) / (heads / groups));
      const start = Math.floor(row / heads) * count;
      const slots = Array.from({ length: count }, (_, c) => c).filter((c) => mask[start + c] !== 0);
      const places = slots.map((c) => (c * groups + group) * width);
      const query = floatsOf(q).subarray(row * width, (row + 1) * width);
      attendHead(
        { query, keys, values, places, scale },
        floatsOf(out).subarray(row * width, (row + 1) * width),
      );
    }
    return out;
  },
  work: ([q, keys]) => attentionWork(tensorOf(q), tensorOf(keys).shape[0] ?? 0),
  lower: (input) => {
    const [q, keys] = [tensorOf(input.operands[0]), tensorOf(input.operands[1])];
    const c = index("c");
    const group = groupOf(q, Number(keys.shape[1]));
    return lowerAttention(q, input.attrs.scale, {
      keys: (d) => loadFloat("keys", c, group, d),
      values: (d) => loadFloat("values", c, group, d),
      over: (body) => [
        loop("c", keys.shape[0]!, "serial", [
          { kind: "if", condition: load("mask", index("t"), c), then: body },
        ]),
      ],
    });
  },
  draw: draftBySignature(attentionTypes, {
    relate: (extents, random) => relateMultiple(extents, "H", "G", random),
    attrs: drawScale,
  }),
  samples: [
    {
      operands: [
        tensor("f32", "T", 4, 8),
        tensor("f32", "C", 2, 8),
        tensor("f32", "C", 2, 8),
        tensor("i1", "T", "C"),
      ],
      attrs: { scale: 0.35 },
      dims: { T: 3, C: 6 },
    },
    {
      operands: [tensor("f32", 1, 1, 3), tensor("f32", 2, 1, 3), tensor("f32", 2, 1, 3), tensor("i1", 1, 2)],
      attrs: { scale: 1 },
    },
  ],
});

/** Two products of a head with every slot, and a softmax. */
function attentionWork(q: TensorType, slots: Dim): { readonly flops: number } {
  const [tokens, heads, headDim] = q.shape.map(Number) as [number, number, number];
  return { flops: tokens * heads * Number(slots) * (4 * headDim + 12) };
}

/** The KV head that head `h` reads. */
function groupOf(q: TensorType, groups: number): Scalar {
  return binary("quotient", index("h"), int(Number(q.shape[1]) / groups));
}

interface Slots {
  readonly keys: (d: Scalar) => Scalar;
  readonly values: (d: Scalar) => Scalar;
  /** Runs a body for each slot that token `t` sees. */
  readonly over: (body: readonly Statement[]) => readonly Statement[];
}

/** Two passes over the slots: the greatest score; sums of weights and, in the result, of weighted values. */
function lowerAttention(q: TensorType, scale: number, slots: Slots): readonly Statement[] {
  const [tokens = 1, heads = 1, headDim = 1] = q.shape;
  const [t, h, d] = [index("t"), index("h"), index("d")];
  const score = [
    ...dot("score", "k", headDim, [loadFloat("q", t, h, index("k")), slots.keys(index("k"))]),
    assign("score", mul(local("score"), number(scale))),
  ];
  const result = load("result", t, h, d);
  const overHead = (value: Scalar): Statement =>
    loop("d", headDim, "serial", [store("result", [t, h, d], value)]);
  const extents = [
    { name: "t", extent: tokens },
    { name: "h", extent: heads },
  ];
  return nest(extents, "parallel", [
    declare("greatest", "f32", number(-Infinity)),
    ...slots.over([...score, assign("greatest", binary("max", local("greatest"), local("score")))]),
    declare("total", "f32", number(0)),
    overHead(number(0)),
    ...slots.over([
      ...score,
      declare("weight", "f32", unary("exp", sub(local("score"), local("greatest")))),
      assign("total", add(local("total"), local("weight"))),
      overHead(add(result, mul(local("weight"), slots.values(d)))),
    ]),
    overHead(div(result, local("total"))),
  ]);
}

const pagedTypes = signature(
  "q: f32[T, H, D], cache: kv_cache[G, D], layer: i32[], block_table: i32[S, B], sequences: i32[T], " +
    "positions: i32[T] -> f32[T, H, D]",
);

const pagedCache: KvCacheType = {
  kind: "kv_cache",
  layers: 2,
  blockSize: 4,
  heads: 2,
  headDim: 6,
  dtype: "f32",
};

function pagedOperands(cache: KvCacheType): readonly ValueType[] {
  return [
    tensor("f32", "T", 4, 6),
    cache,
    tensor("i32"),
    tensor("i32", "S", "B"),
    tensor("i32", "T"),
    tensor("i32", "T"),
  ];
}

const pagedAttention = defineCoreOp({
  name: "paged_attention",
  doc: "`attention` over what the cache holds of the token's own sequence, from position 0 to the token's own.",
  operands: pagedTypes.names,
  attrs: { scale: "float" },
  traits: ["pure"],
  infer: (types) => {
    const bindings = bindOperands("paged_attention", pagedTypes, types);
    requireGroups("paged_attention", bindings);
    return typeOfPattern(pagedTypes.result, bindings);
  },
  evaluate: (operands, { scale }, result) => {
    const q = tensorAt(operands, 0);
    const address = slotAddress(operands, 1, 2);
    const { keys, values, type } = address.cache;
    const [sequences, positions] = [intsOf(tensorAt(operands, 4)), intsOf(tensorAt(operands, 5))];
    const out = newResult(result);
    const [tokens, heads, width] = q.shape as [number, number, number];
    for (let t = 0; t < tokens; t++) {
      const slots = Array.from({ length: positions[t]! + 1 }, (_, p) =>
        slotOffset(address, sequences[t]!, p),
      );
      for (let h = 0; h < heads; h++) {
        const group = Math.floor(h / (heads / type.heads));
        const [start, end] = [(t * heads + h) * width, (t * heads + h + 1) * width];
        const places = slots.map((slot) => slot + group * width);
        attendHead(
          { query: floatsOf(q).subarray(start, end), keys, values, places, scale },
          floatsOf(out).subarray(start, end),
        );
      }
    }
    return out;
  },
  // How many slots are filled is known only when the step runs: the work is that of full block tables.
  work: ([q, cache, , table]) =>
    attentionWork(tensorOf(q), Number(tensorOf(table).shape[1] ?? 0) * cacheType(cache).blockSize),
  lower: (input) => {
    const [q, cache] = [tensorOf(input.operands[0]), cacheType(input.operands[1])];
    const sequence = load("sequences", index("t"));
    const position = add(mul(index("b"), int(cache.blockSize)), index("s"));
    const place = [...slotIndices(cache, sequence, position), groupOf(q, cache.heads)];
    const seen = binary("le", position, load("positions", index("t")));
    return lowerAttention(q, input.attrs.scale, {
      keys: (d) => loadFloat("cache_keys", ...place, d),
      values: (d) => loadFloat("cache_values", ...place, d),
      over: (body) => [
        loop("b", tensorOf(input.operands[3]).shape[1]!, "serial", [
          loop("s", cache.blockSize, "serial", [{ kind: "if", condition: seen, then: body }]),
        ]),
      ],
    });
  },
  draw: draftBySignature(pagedTypes, {
    relate: (extents, random) => relateMultiple(extents, "H", "G", random),
    attrs: drawScale,
  }),
  samples: [pagedCache, { ...pagedCache, dtype: "bf16" as const }].map((cache) => ({
    operands: pagedOperands(cache),
    attrs: { scale: 0.4 },
    dims: { T: 5, S: 2, B: 3, P: 7 },
  })),
});

export const attentionOps = [causalMask, attention, pagedAttention] as const;
