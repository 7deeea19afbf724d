/** Attention with an explicit mask, and attention straight from the paged cache. */

import type { Scalar } from "../loop-form.js";
import { binary, index, load, loop } from "../loop-form.js";
import type { KvCacheType, ValueType } from "../types.js";
import { tensor } from "../types.js";
import type { TensorValue, Value } from "../values.js";
import {
  attendHead,
  attendMasked,
  attentionDraft,
  attentionWork,
  drawScale,
  groupOf,
  inferAttention,
  lowerAttention,
  maskedSlots,
} from "./attention-parts.js";
import type { Slots } from "./attention-parts.js";
import { cacheType, loadCached, slotAddress, slotIndices, slotOffset } from "./cache.js";
import { defineCoreOp, draftBySignature } from "./drawing.js";
import { add, int, mul, tensorOf } from "./loop-parts.js";
import { drawWindow, requireWindow, withinWindow } from "./masks.js";
import { signature } from "./signature.js";
import { floatsOf, intsOf, newResult, tensorAt } from "./tensor-access.js";

const attentionTypes = signature(
  "q: f32[T, H, D], keys: f32[C, G, D], values: f32[C, G, D], mask: i1[T, C] -> f32[T, H, D]",
);

const attention = defineCoreOp({
  name: "attention",
  doc:
    "For each token and head: softmax over the slots that the mask allows of scale * q . key, times the values. " +
    "H heads share G KV heads: head h reads KV head h / (H / G).",
  operands: attentionTypes.names,
  attrs: { scale: "float" },
  traits: ["pure"],
  infer: (types) => inferAttention("attention", attentionTypes, types),
  evaluate: (operands, { scale }, result) => attendMasked(operands, scale, result),
  work: ([q, keys]) => attentionWork(tensorOf(q), tensorOf(keys).shape[0] ?? 0),
  lower: ({ operands, attrs }) => lowerAttention(tensorOf(operands[0]), attrs.scale, maskedSlots(operands)),
  draw: draftBySignature(attentionTypes, attentionDraft),
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

/** Attention of each token over the positions of its sequence from `firstSeen` to its own. */
function attendPages(
  operands: readonly Value[],
  scale: number,
  result: ValueType,
  firstSeen: (position: number) => number,
): TensorValue {
  const q = tensorAt(operands, 0);
  const address = slotAddress(operands, 1, 2);
  const { keys, values, type } = address.cache;
  const [sequences, positions] = [intsOf(tensorAt(operands, 4)), intsOf(tensorAt(operands, 5))];
  const out = newResult(result);
  const [tokens, heads, width] = q.shape as [number, number, number];
  for (let t = 0; t < tokens; t++) {
    const [first, last] = [firstSeen(positions[t]!), positions[t]!];
    const slots = Array.from({ length: last - first + 1 }, (_, i) =>
      slotOffset(address, sequences[t]!, first + i),
    );
    for (let h = 0; h < heads; h++) {
      const group = Math.floor(h / (heads / type.heads));
      const [start, end] = [(t * heads + h) * width, (t * heads + h + 1) * width];
      const places = slots.map((slot) => slot + group * width);
      const query = floatsOf(q).subarray(start, end);
      attendHead({ query, keys, values, places, scale }, floatsOf(out).subarray(start, end));
    }
  }
  return out;
}

/** How many slots are filled is known only when the step runs: the work is that of full block tables. */
function pagedWork([q, cache, , table]: readonly ValueType[]): { readonly flops: number } {
  return attentionWork(tensorOf(q), Number(tensorOf(table).shape[1] ?? 0) * cacheType(cache).blockSize);
}

/** The slots of a token's sequence for which `seen` holds, given their position. */
function pagedSlots(operands: readonly ValueType[], seen: (position: Scalar) => Scalar): Slots {
  const [q, cache] = [tensorOf(operands[0]), cacheType(operands[1])];
  const position = add(mul(index("b"), int(cache.blockSize)), index("s"));
  const place = [...slotIndices(cache, load("sequences", index("t")), position), groupOf(q, cache.heads)];
  return {
    keys: (d) => loadCached(cache, "keys", place, d),
    values: (d) => loadCached(cache, "values", place, d),
    over: (body) => [
      loop("b", tensorOf(operands[3]).shape[1]!, "serial", [
        loop("s", cache.blockSize, "serial", [{ kind: "if", condition: seen(position), then: body }]),
      ]),
    ],
  };
}

const ownPosition = load("positions", index("t"));

const pagedAttention = defineCoreOp({
  name: "paged_attention",
  doc: "`attention` over what the cache holds of the token's own sequence, from position 0 to the token's own.",
  operands: pagedTypes.names,
  attrs: { scale: "float" },
  traits: ["pure"],
  infer: (types) => inferAttention("paged_attention", pagedTypes, types),
  evaluate: (operands, { scale }, result) => attendPages(operands, scale, result, () => 0),
  work: pagedWork,
  lower: ({ operands, attrs }) =>
    lowerAttention(
      tensorOf(operands[0]),
      attrs.scale,
      pagedSlots(operands, (position) => binary("le", position, ownPosition)),
    ),
  draw: draftBySignature(pagedTypes, attentionDraft),
  samples: [pagedCache, { ...pagedCache, dtype: "bf16" as const }].map((cache) => ({
    operands: pagedOperands(cache),
    attrs: { scale: 0.4 },
    dims: { T: 5, S: 2, B: 3, P: 7 },
  })),
});

const pagedWindowAttention = defineCoreOp({
  name: "paged_window_attention",
  doc: "`paged_attention` over the last `window` positions alone, the token's own included.",
  operands: pagedTypes.names,
  attrs: { scale: "float", window: "int" },
  traits: ["pure"],
  infer: (types, { window }) => {
    requireWindow("paged_window_attention", window);
    return inferAttention("paged_window_attention", pagedTypes, types);
  },
  evaluate: (operands, { scale, window }, result) =>
    attendPages(operands, scale, result, (position) => Math.max(0, position - window + 1)),
  work: pagedWork,
  lower: ({ operands, attrs }) => {
    const seen = (position: Scalar): Scalar =>
      binary("and", binary("le", position, ownPosition), withinWindow(ownPosition, position, attrs.window));
    return lowerAttention(tensorOf(operands[0]), attrs.scale, pagedSlots(operands, seen));
  },
  draw: draftBySignature(pagedTypes, {
    ...attentionDraft,
    attrs: (random, request) => ({ ...drawScale(random, request), ...drawWindow(random, request) }),
  }),
  samples: [1, 3].map((window) => ({
    operands: pagedOperands(pagedCache),
    attrs: { scale: 0.4, window },
    dims: { T: 5, S: 2, B: 3, P: 7 },
  })),
});

export const attentionOps = [attention, pagedAttention, pagedWindowAttention] as const;
