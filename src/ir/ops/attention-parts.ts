/**
 * What the forms of attention share: one head over the slots it sees, in the reference and as loops. Scores,
 * weights and sums are in double. A token that may see nothing has no weights to scale: its result is not a
 * number, as in softmax.
 */

import type { Random } from "../../base/index.js";
import type { Scalar, Statement } from "../loop-form.js";
import { assign, binary, declare, index, load, local, loop, nest, number, store, unary } from "../loop-form.js";
import type { DrawRequest } from "../op.js";
import type { Dim, TensorType, ValueType } from "../types.js";
import type { TensorValue, Value } from "../values.js";
import type { SignatureDraft } from "./drawing.js";
import { attrOr, pick, relateMultiple } from "./drawing.js";
import { add, div, dot, int, loadFloat, mul, sub, tensorOf } from "./loop-parts.js";
import type { Bindings, Signature } from "./signature.js";
import { bindOperands, extentNamed, typeOfPattern } from "./signature.js";
import { floatsOf, newResult, tensorAt } from "./tensor-access.js";
import { refuse } from "./type-checks.js";

/** The result's type, once the KV heads are known to share the heads evenly. */
export function inferAttention(op: string, types: Signature, operands: readonly ValueType[]): ValueType {
  const bindings = bindOperands(op, types, operands);
  requireGroups(op, bindings);
  return typeOfPattern(types.result, bindings);
}

function requireGroups(op: string, bindings: Bindings): void {
  const [heads, groups] = [extentNamed(op, bindings, "H"), extentNamed(op, bindings, "G")];
  if (heads % groups !== 0)
    refuse(`\`${op}\` shares ${groups} KV heads among ${heads} heads, which do not divide evenly`);
}

/** What one head of one token attends to: the slots it sees start at `places` of `keys` and `values`. */
export interface Head {
  readonly query: Float32Array;
  readonly keys: Float32Array;
  readonly values: Float32Array;
  readonly places: readonly number[];
  readonly scale: number;
  /** What becomes of the scaled score of `places[i]`. */
  readonly adjust?: (score: number, i: number) => number;
  /** A score that takes part in the softmax and has no value. */
  readonly sink?: number;
}

/** Softmax of the scores, times the values; into `out`, which has the size of a head. */
export function attendHead(head: Head, out: Float32Array): void {
  const { query, keys, values, places, scale, adjust, sink } = head;
  const width = query.length;
  const scores = places.map((place, i) => {
    let score = 0;
    for (let d = 0; d < width; d++) score += query[d]! * keys[place + d]!;
    return adjust === undefined ? score * scale : adjust(score * scale, i);
  });
  const greatest = scores.reduce((most, score) => Math.max(most, score), sink ?? -Infinity);
  const weights = scores.map((score) => Math.exp(score - greatest));
  const start = sink === undefined ? 0 : Math.exp(sink - greatest);
  const total = weights.reduce((sum, weight) => sum + weight, start);
  const sums = new Float64Array(width);
  places.forEach((place, c) => {
    for (let d = 0; d < width; d++) sums[d]! += weights[c]! * values[place + d]!;
  });
  for (let d = 0; d < width; d++) out[d] = sums[d]! / total;
}

interface ScorePlace {
  readonly t: number;
  readonly h: number;
  readonly c: number;
}

/** What a form of attention with a mask does to scores. */
export interface ScoreForm {
  readonly adjust?: (score: number, place: ScorePlace) => number;
  readonly sink?: (h: number) => number;
}

/** Attention over `q`, `keys`, `values` and `mask`, the first four operands. */
export function attendMasked(
  operands: readonly Value[],
  scale: number,
  result: ValueType,
  { adjust, sink }: ScoreForm = {},
): TensorValue {
  const [q, k] = [tensorAt(operands, 0), tensorAt(operands, 1)];
  const [keys, values, mask] = [floatsOf(k), floatsOf(tensorAt(operands, 2)), tensorAt(operands, 3).data];
  const [count, groups, width] = k.shape as [number, number, number];
  const heads = q.shape[1]!;
  const out = newResult(result);
  for (let row = 0; row < q.shape[0]! * heads; row++) {
    const [t, h] = [Math.floor(row / heads), row % heads];
    const group = Math.floor(h / (heads / groups));
    const slots = Array.from({ length: count }, (_, c) => c).filter((c) => mask[t * count + c] !== 0);
    const places = slots.map((c) => (c * groups + group) * width);
    const query = floatsOf(q).subarray(row * width, (row + 1) * width);
    const form = {
      ...(adjust && { adjust: (score: number, i: number) => adjust(score, { t, h, c: slots[i]! }) }),
      ...(sink && { sink: sink(h) }),
    };
    const to = floatsOf(out).subarray(row * width, (row + 1) * width);
    attendHead({ query, keys, values, places, scale, ...form }, to);
  }
  return out;
}

/** Draws extents of which H is a multiple of G, and a scale. */
export const attentionDraft: SignatureDraft = {
  relate: (extents, random) => {
    relateMultiple(extents, "H", "G", random);
  },
  attrs: drawScale,
};

export function drawScale(random: Random, request: DrawRequest): { readonly scale: number } {
  return { scale: attrOr(request, "scale", () => pick(random, [1, 0.5, 0.125])) };
}

/** Two products of a head with every slot, and a softmax. */
export function attentionWork(q: TensorType, slots: Dim): { readonly flops: number } {
  const [tokens, heads, headDim] = q.shape.map(Number) as [number, number, number];
  return { flops: tokens * heads * Number(slots) * (4 * headDim + 12) };
}

/** The KV head that head `h` reads. */
export function groupOf(q: TensorType, groups: number): Scalar {
  return binary("quotient", index("h"), int(Number(q.shape[1]) / groups));
}

/** Slots as loops see them; token `t`, head `h`. */
export interface Slots {
  readonly keys: (d: Scalar) => Scalar;
  readonly values: (d: Scalar) => Scalar;
  /** Runs a body for each slot that token `t` sees. */
  readonly over: (body: readonly Statement[]) => readonly Statement[];
  readonly adjust?: (score: Scalar) => Scalar;
  readonly sink?: Scalar;
}

/** The slots of a masked form, in a loop over `c`. */
export function maskedSlots(operands: readonly ValueType[]): Slots {
  const [q, keys] = [tensorOf(operands[0]), tensorOf(operands[1])];
  const c = index("c");
  const group = groupOf(q, Number(keys.shape[1]));
  return {
    keys: (d) => loadFloat("keys", c, group, d),
    values: (d) => loadFloat("values", c, group, d),
    over: (body) => [
      loop("c", keys.shape[0]!, "serial", [{ kind: "if", condition: load("mask", index("t"), c), then: body }]),
    ],
  };
}

/** The local `score` of a slot. */
export function scoreOf(headDim: Dim, scale: number, { keys, adjust }: Slots): readonly Statement[] {
  const [t, h, k] = [index("t"), index("h"), index("k")];
  const scaled = mul(local("score"), number(scale));
  return [
    ...dot("score", "k", headDim, [loadFloat("q", t, h, k), keys(k)]),
    assign("score", adjust ? adjust(scaled) : scaled),
  ];
}

/** Two passes over the slots: the greatest score; sums of weights and, in the result, of weighted values. */
export function lowerAttention(q: TensorType, scale: number, slots: Slots): readonly Statement[] {
  const [tokens = 1, heads = 1, headDim = 1] = q.shape;
  const [t, h, d] = [index("t"), index("h"), index("d")];
  const score = scoreOf(headDim, scale, slots);
  const result = load("result", t, h, d);
  const overHead = (value: Scalar): Statement =>
    loop("d", headDim, "serial", [store("result", [t, h, d], value)]);
  const extents = [
    { name: "t", extent: tokens },
    { name: "h", extent: heads },
  ];
  const weightOf = (each: Scalar): Scalar => unary("exp", sub(each, local("greatest")));
  return nest(extents, "parallel", [
    declare("greatest", "f32", slots.sink ?? number(-Infinity)),
    ...slots.over([...score, assign("greatest", binary("max", local("greatest"), local("score")))]),
    declare("total", "f32", slots.sink ? weightOf(slots.sink) : number(0)),
    overHead(number(0)),
    ...slots.over([
      ...score,
      declare("weight", "f32", weightOf(local("score"))),
      assign("total", add(local("total"), local("weight"))),
      overHead(add(result, mul(local("weight"), slots.values(d)))),
    ]),
    overHead(div(result, local("total"))),
  ]);
}
