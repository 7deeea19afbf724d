/* eslint-disable max-lines -- a flat table: one row a proof */
// The twin of each rule file: what it proves, and what it must not prove.

import { readdirSync } from "node:fs";

import { describe, expect, it } from "vitest";

import type { Proof } from "../support/prove.js";
import { isProved } from "../support/prove.js";

type Goal = readonly [what: string, proof: Omit<Proof, "with">];

interface Family {
  readonly with?: readonly string[];
  readonly proves: readonly Goal[];
  readonly refuses: readonly Goal[];
}

const matrix = ["x: f32[T,8]", "g: const f32[8]", "w: const f32[8,4]", "v: const f32[8,4]"];
const step = [
  "positions: i32[T]",
  "sequences: i32[T]",
  "table: i32[S,B]",
  "slots: i32[C]",
  "slot_sequences: i32[C]",
  "layer: i32[]",
  "cache: cache",
];
const heads = ["q: f32[T,4,4]", "k: f32[C,4,4]", "v: f32[C,4,4]", "allowed: i1[T,C]"];
const plainAttention = (
  changes: { axis?: number; hidden?: string; keys?: string } = {},
): string => `transpose(
  matmul(
    softmax(
      select(?allowed,
        mul(matmul(transpose(?q, permutation: [1, 0, 2]), transpose(?k, permutation: ${changes.keys ?? "[1, 2, 0]"})),
            constant(value: 0.5)),
        constant(value: ${changes.hidden ?? "-inf"})),
      axis: ${changes.axis ?? 2}),
    transpose(?v, permutation: [1, 0, 2])),
  permutation: [1, 0, 2])`;
const attention = "attention(?q, ?k, ?v, ?allowed, scale: 0.5)";
const visible = (sequence: string, position: string): string => `and(
  compare(reshape(?sequences, shape: ["T", 1]), reshape(?slot_sequences, shape: [1, "C"]), predicate: "${sequence}"),
  compare(reshape(?positions, shape: ["T", 1]), reshape(?slots, shape: [1, "C"]), predicate: "${position}"))`;
const lookup = (op: string): string => `${op}(?cache, ?layer, ?table, ?slot_sequences, ?slots)`;

const families: Readonly<Record<string, Family>> = {
  algebra: {
    proves: [
      ["x · 1 = x", { where: matrix, start: "mul(?x, constant(value: 1.0))", goal: "?x" }],
      ["1 · x = x", { where: matrix, start: "mul(constant(value: 1.0), ?x)", goal: "?x" }],
      ["σ(x) · x is silu", { where: matrix, start: "mul(sigmoid(?x), ?x)", goal: "silu(?x)" }],
      [
        "a sum over its extent is a mean",
        {
          where: matrix,
          start: "div(reduce_sum(?x, axis: 1, keep: true), constant(value: 8.0))",
          goal: "reduce_mean(?x, axis: 1, keep: true)",
        },
      ],
    ],
    refuses: [
      [
        "x · 0 is not x, nor 0 where x may be infinite",
        { where: matrix, start: "mul(?x, constant(value: 0.0))", goal: "?x" },
      ],
      [
        "a sum over another number is no mean",
        {
          where: matrix,
          start: "div(reduce_sum(?x, axis: 1, keep: true), constant(value: 7.0))",
          goal: "reduce_mean(?x, axis: 1, keep: true)",
        },
      ],
      [
        "1 broadcast to more rows is not x",
        {
          where: ["x: f32[1,8]", "y: f32[T,8]"],
          start: "add(mul(?x, constant(value: 1.0)), ?y)",
          goal: "?y",
        },
      ],
    ],
  },
  layout: {
    proves: [
      [
        "two reshapes are one",
        {
          where: matrix,
          start: 'reshape(reshape(?x, shape: ["T", 2, 4]), shape: ["T", 8])',
          goal: "?x",
        },
      ],
      [
        "widening moves out of a transposed weight",
        {
          where: ["h: const f16[4,8]"],
          start: "transpose(cast(?h, dtype: f32), permutation: [1, 0])",
          goal: "cast(transpose(?h, permutation: [1, 0]), dtype: f32)",
        },
      ],
    ],
    refuses: [
      [
        "a rotation of three axes twice is no identity",
        {
          where: ["y: f32[T,4,4]"],
          start: "transpose(transpose(?y, permutation: [0, 2, 1]), permutation: [1, 0, 2])",
          goal: "?y",
        },
      ],
      [
        "parts stored in different formats do not join before widening",
        {
          where: ["h: const f16[8,4]", "b: const bf16[8,4]"],
          start: "concat(cast(?h, dtype: f32), cast(?b, dtype: f32), axis: 1)",
          goal: "cast(?h, dtype: f32)",
        },
      ],
    ],
  },
  norms: {
    with: ["algebra", "norms"],
    proves: [
      [
        "a norm from its primitives",
        {
          where: matrix,
          start:
            "mul(mul(?x, rsqrt(add(reduce_mean(mul(?x, ?x), axis: 1, keep: true), constant(value: 0.00001)))), ?g)",
          goal: "rms_norm(?x, ?g, epsilon: 0.00001)",
        },
      ],
      [
        "a gain lives in the weight",
        {
          where: matrix,
          start: "matmul(rms_norm(?x, ?g, epsilon: 0.1), ?w)",
          goal: "matmul(rms_norm(?x, full_like(?g, value: 1.0), epsilon: 0.1), mul(?w, reshape(?g, shape: [8, 1])))",
        },
      ],
    ],
    refuses: [
      [
        "an epsilon outside the mean",
        {
          where: matrix,
          start:
            "mul(mul(?x, add(rsqrt(reduce_mean(mul(?x, ?x), axis: 1, keep: true)), constant(value: 0.1))), ?g)",
          goal: "rms_norm(?x, ?g, epsilon: 0.1)",
        },
      ],
      [
        "a mean over the tokens",
        {
          where: ["x: f32[8,8]", "g: const f32[8]"],
          start:
            "mul(mul(?x, rsqrt(add(reduce_mean(mul(?x, ?x), axis: 0, keep: true), constant(value: 0.1)))), ?g)",
          goal: "rms_norm(?x, ?g, epsilon: 0.1)",
        },
      ],
      [
        "a gain that is not constant stays where it is",
        {
          where: ["x: f32[T,8]", "g: f32[8]", "w: const f32[8,4]"],
          start: "matmul(rms_norm(?x, ?g, epsilon: 0.1), ?w)",
          goal: "matmul(rms_norm(?x, full_like(?g, value: 1.0), epsilon: 0.1), mul(?w, reshape(?g, shape: [8, 1])))",
        },
      ],
    ],
  },
  projections: {
    proves: [
      [
        "gate and up are one product",
        {
          where: matrix,
          start: "mul(silu(matmul(?x, ?w)), matmul(?x, ?v))",
          goal: `mul(silu(slice(matmul(?x, concat(?w, ?v, axis: 1)), axis: 1, start: 0, size: 4)),
                     slice(matmul(?x, concat(?w, ?v, axis: 1)), axis: 1, start: 4, size: 4))`,
        },
      ],
    ],
    refuses: [
      [
        "gate and up do not change places",
        {
          where: matrix,
          start: "mul(silu(matmul(?x, ?w)), matmul(?x, ?v))",
          goal: `mul(silu(slice(matmul(?x, concat(?v, ?w, axis: 1)), axis: 1, start: 0, size: 4)),
                     slice(matmul(?x, concat(?v, ?w, axis: 1)), axis: 1, start: 4, size: 4))`,
        },
      ],
      [
        "products of different inputs do not merge",
        {
          where: [...matrix, "y: f32[T,8]"],
          start: "mul(silu(matmul(?x, ?w)), matmul(?y, ?v))",
          goal: "mul(silu(slice(matmul(?x, concat(?w, ?v, axis: 1)), axis: 1, start: 0, size: 4)), matmul(?y, ?v))",
        },
      ],
    ],
  },
  rope: {
    proves: [
      [
        "a scale goes into the query's weight",
        {
          where: [
            ...heads.slice(1),
            "x: f32[T,8]",
            "w: const f32[8,16]",
            "positions: i32[T]",
            "f: const f32[2]",
          ],
          start: `attention(rope(reshape(matmul(?x, ?w), shape: ["T", 4, 4]), ?positions, ?f, style: "halves"),
                            ?k, ?v, ?allowed, scale: 0.5)`,
          goal: `attention(rope(reshape(matmul(?x, mul(?w, full_like(?w, value: 0.5))), shape: ["T", 4, 4]),
                                ?positions, ?f, style: "halves"),
                           ?k, ?v, ?allowed, scale: 1.0)`,
        },
      ],
    ],
    refuses: [
      [
        "a weight that is computed keeps its scale outside",
        {
          where: [...heads.slice(1), "x: f32[T,8]", "w: f32[8,16]", "positions: i32[T]", "f: const f32[2]"],
          start: `attention(rope(reshape(matmul(?x, ?w), shape: ["T", 4, 4]), ?positions, ?f, style: "halves"),
                            ?k, ?v, ?allowed, scale: 0.5)`,
          goal: `attention(rope(reshape(matmul(?x, mul(?w, full_like(?w, value: 0.5))), shape: ["T", 4, 4]),
                                ?positions, ?f, style: "halves"),
                           ?k, ?v, ?allowed, scale: 1.0)`,
        },
      ],
    ],
  },
  attention: {
    proves: [
      ["attention from its plain form", { where: heads, start: plainAttention(), goal: attention }],
      [
        "the mask of tokens that see their own past",
        {
          where: step,
          start: visible("eq", "ge"),
          goal: "causal_mask(?positions, ?sequences, ?slots, ?slot_sequences)",
        },
      ],
      [
        "grouped heads read the shared head",
        {
          where: ["q: f32[T,4,4]", "k: f32[C,2,4]", "v: f32[C,2,4]", "allowed: i1[T,C]"],
          start: `attention(?q, repeat_interleave(?k, axis: 1, times: 2), repeat_interleave(?v, axis: 1, times: 2),
                            ?allowed, scale: 0.5)`,
          goal: attention,
        },
      ],
    ],
    refuses: [
      ["-1e4 is not -inf", { where: heads, start: plainAttention({ hidden: "-10000.0" }), goal: attention }],
      [
        "softmax over the tokens is another function",
        {
          where: ["q: f32[4,4,4]", "k: f32[4,4,4]", "v: f32[4,4,4]", "allowed: i1[4,4]"],
          start: plainAttention({ axis: 1 }),
          goal: attention,
        },
      ],
      [
        "an unpinned permutation of the keys",
        {
          where: ["q: f32[T,4,4]", "k: f32[4,4,4]", "v: f32[4,4,4]", "allowed: i1[T,4]"],
          start: plainAttention({ keys: "[1, 0, 2]" }),
          goal: attention,
        },
      ],
      [
        "a mask that shows the future",
        {
          where: step,
          start: visible("eq", "le"),
          goal: "causal_mask(?positions, ?sequences, ?slots, ?slot_sequences)",
        },
      ],
      [
        "a mask that shows other sequences",
        {
          where: step,
          start: visible("ne", "ge"),
          goal: "causal_mask(?positions, ?sequences, ?slots, ?slot_sequences)",
        },
      ],
      [
        "keys and values repeated in different ways",
        {
          where: ["q: f32[T,4,4]", "k: f32[C,2,4]", "v: f32[C,1,4]", "allowed: i1[T,C]"],
          start: `attention(?q, repeat_interleave(?k, axis: 1, times: 2), repeat_interleave(?v, axis: 1, times: 4),
                            ?allowed, scale: 0.5)`,
          goal: "attention(?q, ?k, repeat_interleave(?v, axis: 1, times: 2), ?allowed, scale: 0.5)",
        },
      ],
    ],
  },
  paging: {
    proves: [
      [
        "attention reads the cache in its blocks",
        {
          where: [...step, "q: f32[T,4,4]"],
          start: `attention(?q, ${lookup("lookup_keys")}, ${lookup("lookup_values")},
                            causal_mask(?positions, ?sequences, ?slots, ?slot_sequences), scale: 0.5)`,
          goal: "paged_attention(?q, ?cache, ?layer, ?table, ?sequences, ?positions, scale: 0.5)",
        },
      ],
    ],
    refuses: [
      [
        "keys of another layer",
        {
          where: [...step, "q: f32[T,4,4]", "other: i32[]"],
          start: `attention(?q, lookup_keys(?cache, ?other, ?table, ?slot_sequences, ?slots), ${lookup("lookup_values")},
                            causal_mask(?positions, ?sequences, ?slots, ?slot_sequences), scale: 0.5)`,
          goal: "paged_attention(?q, ?cache, ?layer, ?table, ?sequences, ?positions, scale: 0.5)",
        },
      ],
      [
        "a mask that is not causal",
        {
          where: [...step, "q: f32[T,4,4]", "allowed: i1[T,C]"],
          start: `attention(?q, ${lookup("lookup_keys")}, ${lookup("lookup_values")}, ?allowed, scale: 0.5)`,
          goal: "paged_attention(?q, ?cache, ?layer, ?table, ?sequences, ?positions, scale: 0.5)",
        },
      ],
    ],
  },
  epilogues: {
    proves: [
      [
        "a residual starts a product",
        {
          where: [...matrix, "r: f32[T,4]"],
          start: "add(?r, matmul(?x, ?w))",
          goal: "matmul_add(?x, ?w, ?r)",
        },
      ],
      [
        "both halves of a row",
        {
          where: matrix,
          start: "mul(silu(slice(?x, axis: 1, start: 0, size: 4)), slice(?x, axis: 1, start: 4, size: 4))",
          goal: "swiglu(?x)",
        },
      ],
    ],
    refuses: [
      [
        "halves in the other order",
        {
          where: matrix,
          start: "mul(silu(slice(?x, axis: 1, start: 4, size: 4)), slice(?x, axis: 1, start: 0, size: 4))",
          goal: "swiglu(?x)",
        },
      ],
      [
        "parts that are not the halves of the row",
        {
          where: ["x: f32[T,8]", "y: f32[T,6]"],
          start: "mul(silu(slice(?x, axis: 1, start: 0, size: 3)), slice(?x, axis: 1, start: 3, size: 3))",
          goal: "swiglu(?y)",
        },
      ],
      [
        "a residual of one row for all tokens",
        {
          where: [...matrix, "r: f32[1,4]", "z: f32[T,4]"],
          start: "add(?r, matmul(?x, ?w))",
          goal: "matmul_add(?x, ?w, ?z)",
        },
      ],
    ],
  },
  head: {
    proves: [
      [
        "rows are taken before the last norm and the vocabulary",
        {
          where: [...matrix, "rows: i32[R]"],
          start: "gather(matmul(rms_norm(?x, ?g, epsilon: 0.1), ?w), ?rows)",
          goal: "matmul(rms_norm(gather(?x, ?rows), ?g, epsilon: 0.1), ?w)",
        },
      ],
    ],
    refuses: [
      [
        "rows of a product of head-major tensors stay",
        {
          where: ["a: f32[2,T,8]", "b: f32[8,4]", "rows: i32[R]"],
          start: "gather(matmul(?a, ?b), ?rows)",
          goal: "matmul(gather(?a, ?rows), ?b)",
        },
      ],
    ],
  },
  quantization: {
    with: ["epilogues", "quantization"],
    proves: [
      [
        "eight bits when they are allowed",
        {
          where: ["x: f32[T,64]", "w: const f32[64,4]"],
          start: "matmul(?x, ?w)",
          goal: "quantized_matmul(?x, quantize(?w, bits: 8, group: 32))",
          settings: { quantize: "q8" },
        },
      ],
      [
        "four bits with a residual when they are allowed",
        {
          where: ["x: f32[T,64]", "w: const f32[64,4]", "r: f32[T,4]"],
          start: "matmul_add(?x, ?w, ?r)",
          goal: "quantized_matmul_add(?x, quantize(?w, bits: 4, group: 32), ?r)",
          settings: { quantize: "q4" },
        },
      ],
    ],
    refuses: [
      [
        "nothing is rounded without leave",
        {
          where: ["x: f32[T,64]", "w: const f32[64,4]"],
          start: "matmul(?x, ?w)",
          goal: "quantized_matmul(?x, quantize(?w, bits: 8, group: 32))",
          settings: { quantize: "none" },
        },
      ],
      [
        "four bits where only eight are allowed",
        {
          where: ["x: f32[T,64]", "w: const f32[64,4]"],
          start: "matmul(?x, ?w)",
          goal: "quantized_matmul(?x, quantize(?w, bits: 4, group: 32))",
          settings: { quantize: "q8" },
        },
      ],
      [
        "activations are not weights",
        {
          where: ["x: f32[T,64]", "w: f32[64,4]"],
          start: "matmul(?x, ?w)",
          goal: "matmul(?x, dequantize(quantize(?w, bits: 8, group: 32)))",
          settings: { quantize: "q4" },
        },
      ],
    ],
  },
  "lower/c": {
    proves: [
      [
        "a product with packed weights",
        { where: matrix, start: "matmul(?x, ?w)", goal: "c.matmul(?x, c.pack(?w))" },
      ],
      [
        "a product that widens in registers",
        {
          where: ["x: f32[T,8]", "h: const bf16[8,4]"],
          start: "matmul(?x, cast(?h, dtype: f32))",
          goal: "c.matmul(?x, c.pack(?h))",
        },
      ],
    ],
    refuses: [
      [
        "a product of activations is not packed",
        { where: ["x: f32[T,8]", "y: f32[8,4]"], start: "matmul(?x, ?y)", goal: "c.matmul(?x, c.pack(?y))" },
      ],
      [
        "a narrowed weight is not widened",
        {
          where: ["x: f32[T,8]", "w: const f32[8,4]", "h: const f16[8,4]"],
          start: "matmul(?x, cast(cast(?w, dtype: f16), dtype: f32))",
          goal: "c.matmul(?x, c.pack(?w))",
        },
      ],
    ],
  },
};

describe.each(Object.entries(families))("the family %s", (name, family) => {
  const rules = family.with ?? [name];
  it.each(family.proves)("proves: %s", (_, proof) => {
    expect(isProved({ ...proof, with: rules })).toBe(true);
  });
  it.each(family.refuses)("does not prove: %s", (_, proof) => {
    expect(isProved({ ...proof, with: rules })).toBe(false);
  });
});

it("every shipped family has a twin here", () => {
  const files = [...readdirSync("rules"), ...readdirSync("rules/lower").map((each) => `lower/${each}`)];
  const shipped = files.filter((each) => each.endsWith(".rules") && each !== "main.rules");
  const targets = new Set(["lower/wgsl", "lower/cuda"]);
  const missing = shipped
    .map((each) => each.replace(".rules", ""))
    .filter((each) => !(each in families) && !targets.has(each));
  expect(missing).toEqual([]);
});
