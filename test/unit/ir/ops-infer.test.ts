// Type inference: what ops make of symbolic dimensions, and the sentence for each mistake.

import { describe, expect, test } from "vitest";

import type { Attrs, KvCacheType, ValueType } from "../../../src/ir/index.js";
import { coreRegistry, IllTyped, inferType, printType, tensor } from "../../../src/ir/index.js";

const cache: KvCacheType = { kind: "kv_cache", layers: 2, blockSize: 4, heads: 2, headDim: 8, dtype: "f16" };
const scalar = tensor("i32");
const table = tensor("i32", "S", "B");
const perToken = tensor("i32", "T");

function infer(op: string, operands: readonly ValueType[], attrs: Attrs = {}, given?: ValueType): string {
  return printType(inferType(coreRegistry.require(op), operands, attrs, given));
}

test.each<[string, readonly ValueType[], Attrs, ValueType]>([
  ["add", [tensor("f32", "T", 4), tensor("f32", 4)], {}, tensor("f32", "T", 4)],
  ["compare", [tensor("i32", "T", 1), tensor("i32", 1, "C")], { predicate: "ge" }, tensor("i1", "T", "C")],
  [
    "select",
    [tensor("i1", "T", "C"), tensor("f32", 2, "T", "C"), tensor("f32")],
    {},
    tensor("f32", 2, "T", "C"),
  ],
  ["cast", [tensor("f16", "T")], { dtype: "f32" }, tensor("f32", "T")],
  ["reduce_sum", [tensor("f32", "T", 4)], { axis: 0, keep: true }, tensor("f32", 1, 4)],
  ["reduce_max", [tensor("f32", "T", 4)], { axis: 1, keep: false }, tensor("f32", "T")],
  ["matmul", [tensor("f32", 2, "T", 8), tensor("f32", 2, 8, "C")], {}, tensor("f32", 2, "T", "C")],
  ["matmul", [tensor("f16", 5, 1, "T", 8), tensor("f16", 3, 8, 7)], {}, tensor("f16", 5, 3, "T", 7)],
  ["reshape", [tensor("f32", "T", 6)], { shape: ["T", 2, 3] }, tensor("f32", "T", 2, 3)],
  ["transpose", [tensor("f32", "T", 2, 3)], { permutation: [1, 2, 0] }, tensor("f32", 2, 3, "T")],
  ["slice", [tensor("f32", "T", 6)], { axis: 1, start: 2, size: 4 }, tensor("f32", "T", 4)],
  ["concat", [tensor("f32", "T", 6), tensor("f32", "T", 1)], { axis: 1 }, tensor("f32", "T", 7)],
  ["broadcast", [tensor("f32", 1, 3)], { shape: ["T", 3] }, tensor("f32", "T", 3)],
  ["repeat_interleave", [tensor("f32", "C", 2, 8)], { axis: 1, times: 3 }, tensor("f32", "C", 6, 8)],
  ["gather", [tensor("f32", 99, 6), perToken], {}, tensor("f32", "T", 6)],
  ["rms_norm", [tensor("f32", "T", 6), tensor("f32", 6)], { epsilon: 1 }, tensor("f32", "T", 6)],
  [
    "rope",
    [tensor("f32", "T", 2, 8), perToken, tensor("f32", 4)],
    { style: "halves" },
    tensor("f32", "T", 2, 8),
  ],
  ["swiglu", [tensor("f32", "T", 6)], {}, tensor("f32", "T", 3)],
  [
    "append_kv",
    [cache, tensor("f32", "T", 2, 8), tensor("f32", "T", 2, 8), scalar, table, perToken, perToken],
    {},
    cache,
  ],
  [
    "lookup_keys",
    [cache, scalar, table, tensor("i32", "C"), tensor("i32", "C")],
    {},
    tensor("f32", "C", 2, 8),
  ],
  [
    "paged_attention",
    [tensor("f32", "T", 6, 8), cache, scalar, table, perToken, perToken],
    { scale: 1 },
    tensor("f32", "T", 6, 8),
  ],
])("%s has a result type", (op, operands, attrs, expected) => {
  expect(infer(op, operands, attrs)).toBe(printType(expected));
});

describe("mistakes are named", () => {
  test.each<[string, readonly ValueType[], Attrs, string]>([
    [
      "add",
      [tensor("f32", "T"), tensor("f32", "C")],
      {},
      "`add` cannot combine the shapes [T] and [C]: T is not C",
    ],
    ["add", [tensor("f32", 2), tensor("f16", 2)], {}, "one dtype, found f32 and f16: write a `cast`"],
    ["mul", [tensor("i32", 2), tensor("i32", 2)], {}, "`mul` computes with floats, found tensor<2xi32>"],
    ["exp", [cache], {}, "`exp` takes tensors, found !llm.paged_kv_cache"],
    ["and", [tensor("i1", 2), tensor("f32", 2)], {}, "`and` takes i1 here"],
    ["not", [tensor("f32", 2)], {}, "`not` takes i1 here"],
    ["select", [tensor("f32", 2), tensor("f32", 2), tensor("f32", 2)], {}, "`select` takes i1 here"],
    [
      "compare",
      [tensor("i32", 2), tensor("i32", 2)],
      { predicate: "le?" },
      'eq, ne, lt, le, gt, ge, found "le?"',
    ],
    ["reduce_sum", [tensor("f32", 2)], { axis: 1, keep: true }, "has axis 1, but a shape of 1 dimensions"],
    ["reduce_sum", [tensor("f32", 2)], { axis: -1, keep: true }, "has axis -1"],
    ["softmax", [tensor("f32")], { axis: 0 }, "`softmax` has axis 0"],
    ["matmul", [tensor("f32", 4), tensor("f32", 4, 2)], {}, "`matmul` multiplies matrices"],
    ["matmul", [tensor("f32", 3, 4), tensor("f32", 5, 2)], {}, "4 columns meet 5 rows"],
    ["matmul", [tensor("f32", 2, 3, 4), tensor("f32", 3, 4, 2)], {}, "2 is not 3"],
    ["reshape", [tensor("f32", "T", 6)], { shape: ["T", 2, 2] }, "has 6 x T and [T, 2, 2] has 4 x T"],
    ["reshape", [tensor("f32", "T")], { shape: ["C"] }, "`reshape` keeps every element"],
    ["reshape", [tensor("f32", 4)], { shape: [-4, -1] }, "extents are at least 1"],
    ["transpose", [tensor("f32", 2, 3)], { permutation: [0, 0] }, "each axis of [2, 3] once, found [0, 0]"],
    ["transpose", [tensor("f32", 2, 3)], { permutation: [0] }, "each axis of [2, 3] once"],
    ["broadcast", [tensor("f32", 2)], { shape: [1] }, "cannot stretch [2] to [1]"],
    ["slice", [tensor("f32", 6)], { axis: 0, start: 4, size: 3 }, "takes 3 from 4 on"],
    ["slice", [tensor("f32", "T")], { axis: 0, start: 0, size: 1 }, "needs to know the extent of axis 0"],
    ["concat", [tensor("f32", 2, 3), tensor("f32", 3, 3)], { axis: 1 }, "differ in axis 1 only"],
    ["concat", [tensor("f32", 2), tensor("f16", 2)], { axis: 0 }, "operands of one dtype"],
    ["repeat_interleave", [tensor("f32", 2)], { axis: 0, times: 0 }, "at least once"],
    ["gather", [tensor("f32", 2), tensor("f32", 2)], {}, "`gather` takes i32 here"],
    ["gather", [tensor("f32"), tensor("i32", 2)], {}, "a table of rows and a list of numbers"],
    [
      "rms_norm",
      [tensor("f32", 2, 6), tensor("f32", 5)],
      { epsilon: 1 },
      "one extent D, found 6 in `x` and 5 in `weight`",
    ],
    [
      "layer_norm",
      [tensor("f32", 6), tensor("f16", 6), tensor("f32", 6)],
      { epsilon: 1 },
      "`weight` is f16, not f32",
    ],
    [
      "rope",
      [tensor("f32", 2, 2, 8), tensor("i32", 2), tensor("f32", 8)],
      { style: "halves" },
      "head of 8, found 8",
    ],
    ["rope", [tensor("f32", 2, 2, 8), tensor("i32", 2), tensor("f32", 4)], { style: "both" }, 'found "both"'],
    ["swiglu", [tensor("f32", 2, 3)], {}, "two halves, found rows of 3"],
    [
      "matmul_add",
      [tensor("f32", 2, 3), tensor("f32", 3, 4), tensor("f32", 4)],
      {},
      "`matmul_add` adds tensor<2x4xf32>",
    ],
    ["quantize", [tensor("f32", 48, 2)], { bits: 8, group: 32 }, "divide 48 rows"],
    ["quantize", [tensor("f32", 32, 2)], { bits: 5, group: 32 }, "4 and 8 bits, found 5"],
    ["quantize", [tensor("f32", "T", 2)], { bits: 8, group: 32 }, "a matrix of known size"],
    ["dequantize", [tensor("f32", 2, 2)], {}, "takes quantized[K, N] as `q`, found tensor<2x2xf32>"],
    [
      "lookup_values",
      [tensor("f32"), scalar, table, perToken, perToken],
      {},
      "takes a paged KV cache as `cache`",
    ],
    ["lookup_values", [cache, tensor("i32", 1), table, perToken, perToken], {}, "takes [] as `layer`"],
    [
      "paged_attention",
      [tensor("f32", "T", 3, 8), cache, scalar, table, perToken, perToken],
      { scale: 1 },
      "2 KV heads among 3 heads",
    ],
    ["matmul", [tensor("f32", 2, 2)], {}, "`matmul` takes 2 operands, found 1"],
    ["rms_norm", [tensor("f32", 2), tensor("f32", 2)], {}, "`rms_norm` needs the attribute `epsilon`"],
  ])("in %s %j %j", (op, operands, attrs, sentence) => {
    expect(() => infer(op, operands, attrs)).toThrow(IllTyped);
    expect(() => infer(op, operands, attrs)).toThrow(sentence);
  });

  test("in leaves", () => {
    expect(() => infer("constant", [], { value: 0.5 }, tensor("i32"))).toThrow("a whole number, found 0.5");
    expect(() => infer("weight", [], { name: "" }, tensor("f32"))).toThrow("needs the name of a tensor");
    expect(() => infer("weight", [], { name: "w" })).toThrow("needs its result type to be written");
    const frequencies = { dim: 8, theta: 1e4, factor: 1, low_factor: 1, high_factor: 4, original_context: 0 };
    expect(() => infer("rope_frequencies", [], { ...frequencies, scaling: "yarn" })).toThrow('found "yarn"');
    expect(() => infer("rope_frequencies", [], { ...frequencies, scaling: "none", dim: 7 })).toThrow(
      "an even `dim`",
    );
  });
});

test("a shape of equal extents under another name is another shape", () => {
  expect(() => infer("matmul", [tensor("f32", "T", "C"), tensor("f32", "T", "C")])).toThrow(
    "C columns meet T rows",
  );
});
