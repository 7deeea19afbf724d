// Meanings by hand: small inputs whose results can be checked on paper.

import { describe, expect, test } from "vitest";

import { erf } from "../../../src/ir/index.js";
import { tensorValue } from "../../../src/ir/index.js";
import { applyTensor, f32, i1, i32, numbers } from "../../support/values.js";

function close(actual: readonly number[], expected: readonly number[], digits = 6): void {
  expect(actual.length).toBe(expected.length);
  actual.forEach((each, i) => expect(each).toBeCloseTo(expected[i]!, digits));
}

describe("elementwise", () => {
  test("arithmetic is broadcast from the last dimension", () => {
    expect(numbers("add", [f32([2, 3], 1, 2, 3, 4, 5, 6), f32([3], 10, 20, 30)])).toEqual([
      11, 22, 33, 14, 25, 36,
    ]);
    expect(numbers("sub", [f32([2, 1], 1, 2), f32([2], 10, 20)])).toEqual([-9, -19, -8, -18]);
    expect(numbers("div", [f32([2], 1, 3), f32([], 2)])).toEqual([0.5, 1.5]);
  });

  test("results are rounded to their format", () => {
    const half = (value: number) => tensorValue("f16", [1], [value]);
    expect(numbers("add", [half(2048), half(1)])).toEqual([2048]);
    expect(numbers("mul", [half(300), half(300)])).toEqual([Infinity]);
    expect(numbers("add", [tensorValue("bf16", [1], [256]), tensorValue("bf16", [1], [1])])).toEqual([256]);
  });

  test("activations", () => {
    close(numbers("silu", [f32([3], -1, 0, 2)]), [-0.26894142, 0, 1.76159416]);
    close(numbers("gelu", [f32([3], -1, 0, 2)]), [-0.15865526, 0, 1.9544997]);
    close(numbers("gelu_tanh", [f32([3], -1, 0, 2)]), [-0.15880801, 0, 1.95459769]);
    close(numbers("sigmoid", [f32([2], 0, -100)]), [0.5, 0]);
    close(numbers("rsqrt", [f32([1], 4)]), [0.5]);
  });

  test("erf agrees with its table", () => {
    close(
      [erf(0.5), erf(1), erf(2), erf(2.5), erf(3), erf(-1), erf(9)],
      [0.5204998778, 0.8427007929, 0.995322265, 0.999593048, 0.9999779095, -0.8427007929, 1],
      10,
    );
  });

  test("comparison, logic and choice", () => {
    const [a, b] = [i32([3], 1, 2, 3), i32([3], 2, 2, 2)];
    expect(numbers("compare", [a, b], { predicate: "ge" })).toEqual([0, 1, 1]);
    expect(numbers("compare", [a, b], { predicate: "ne" })).toEqual([1, 0, 1]);
    expect(numbers("and", [i1([2], 1, 1), i1([2], 0, 1)])).toEqual([0, 1]);
    expect(numbers("or", [i1([2], 1, 0), i1([2], 0, 0)])).toEqual([1, 0]);
    expect(numbers("not", [i1([2], 1, 0)])).toEqual([0, 1]);
    expect(numbers("select", [i1([2], 1, 0), f32([2, 2], 1, 2, 3, 4), f32([], -Infinity)])).toEqual([
      1,
      -Infinity,
      3,
      -Infinity,
    ]);
  });

  test("casts truncate, saturate and round", () => {
    expect(numbers("cast", [f32([4], 1.9, -1.9, 1e12, NaN)], { dtype: "i32" })).toEqual([
      1, -1, 2147483647, 0,
    ]);
    expect(numbers("cast", [f32([3], -3, 300, 0.5)], { dtype: "u8" })).toEqual([0, 255, 0]);
    expect(numbers("cast", [f32([3], -3, 0, 0.5)], { dtype: "i1" })).toEqual([1, 0, 1]);
    expect(numbers("cast", [f32([1], 2049)], { dtype: "f16" })).toEqual([2048]);
  });
});

describe("reductions", () => {
  const x = f32([2, 3], 1, 2, 3, 4, 5, 9);
  test("along either axis", () => {
    expect(numbers("reduce_sum", [x], { axis: 0, keep: false })).toEqual([5, 7, 12]);
    expect(numbers("reduce_max", [x], { axis: 1, keep: false })).toEqual([3, 9]);
    expect(applyTensor("reduce_mean", [x], { axis: 1, keep: true })).toMatchObject({ shape: [2, 1] });
    expect(numbers("reduce_mean", [x], { axis: 1, keep: true })).toEqual([2, 6]);
  });

  test("sums keep what f32 would lose", () => {
    expect(numbers("reduce_sum", [f32([3], 1e8, 1, -1e8)], { axis: 0, keep: false })).toEqual([1]);
  });

  test("softmax gives nothing to minus infinity", () => {
    close(numbers("softmax", [f32([1, 3], 0, -Infinity, Math.log(3))], { axis: 1 }), [0.25, 0, 0.75]);
    close(numbers("softmax", [f32([2, 2], 1000, 0, 1000, 0)], { axis: 0 }), [0.5, 0.5, 0.5, 0.5]);
    expect(numbers("softmax", [f32([2], -Infinity, -Infinity)], { axis: 0 })).toEqual([NaN, NaN]);
  });
});

test("products multiply matrices, with leading dimensions stretched", () => {
  expect(numbers("matmul", [f32([2, 2], 1, 2, 3, 4), f32([2, 2], 5, 6, 7, 8)])).toEqual([19, 22, 43, 50]);
  const batched = applyTensor("matmul", [f32([2, 1, 2], 1, 2, 3, 4), f32([2, 1], 10, 1)]);
  expect(batched.shape).toEqual([2, 1, 1]);
  expect(Array.from(batched.data)).toEqual([12, 34]);
  expect(numbers("matmul_add", [f32([1, 2], 1, 2), f32([2, 1], 3, 4), f32([1, 1], 100)])).toEqual([111]);
});

describe("movement", () => {
  const x = f32([2, 3], 0, 1, 2, 3, 4, 5);
  test("transpose, slice, concat, broadcast", () => {
    expect(numbers("transpose", [x], { permutation: [1, 0] })).toEqual([0, 3, 1, 4, 2, 5]);
    const cube = f32([2, 1, 3], 0, 1, 2, 3, 4, 5);
    const turned = applyTensor("transpose", [cube], { permutation: [2, 0, 1] });
    expect(turned.shape).toEqual([3, 2, 1]);
    expect(Array.from(turned.data)).toEqual([0, 3, 1, 4, 2, 5]);
    expect(numbers("slice", [x], { axis: 1, start: 1, size: 2 })).toEqual([1, 2, 4, 5]);
    expect(numbers("concat", [x, f32([2, 1], 8, 9)], { axis: 1 })).toEqual([0, 1, 2, 8, 3, 4, 5, 9]);
    expect(numbers("concat", [x, f32([1, 3], 7, 8, 9)], { axis: 0 })).toEqual([0, 1, 2, 3, 4, 5, 7, 8, 9]);
    expect(numbers("broadcast", [f32([2, 1], 1, 2)], { shape: [2, 2] })).toEqual([1, 1, 2, 2]);
  });

  test("repeat_interleave repeats each element in its place", () => {
    expect(numbers("repeat_interleave", [f32([2, 2], 1, 2, 3, 4)], { axis: 0, times: 2 })).toEqual([
      1, 2, 1, 2, 3, 4, 3, 4,
    ]);
    expect(numbers("repeat_interleave", [f32([1, 2], 1, 2)], { axis: 1, times: 2 })).toEqual([1, 1, 2, 2]);
  });

  test("gather takes rows, and refuses those that are not there", () => {
    expect(numbers("gather", [x, i32([3], 1, 0, 1)])).toEqual([3, 4, 5, 0, 1, 2, 3, 4, 5]);
    expect(() => numbers("gather", [x, i32([1], 2)])).toThrow(
      new RangeError("row 2 of a table of 2 rows was asked for"),
    );
    expect(() => numbers("gather", [x, i32([1], -1)])).toThrow(RangeError);
  });
});

describe("norms", () => {
  test("rms_norm divides by the root mean square", () => {
    close(numbers("rms_norm", [f32([1, 2], 3, 4), f32([2], 1, 2)], { epsilon: 0 }), [
      3 / Math.sqrt(12.5),
      8 / Math.sqrt(12.5),
    ]);
    close(numbers("rms_norm", [f32([1, 2], 0, 0), f32([2], 1, 1)], { epsilon: 1e-5 }), [0, 0]);
  });

  test("layer_norm has mean and variance of its bias and weight", () => {
    close(
      numbers("layer_norm", [f32([1, 2], 1, 3), f32([2], 2, 2), f32([2], 10, 20)], { epsilon: 0 }),
      [8, 22],
    );
  });
});

describe("rope", () => {
  const quarter = Math.fround(Math.PI / 2);
  const x = f32([2, 1, 4], 1, 2, 3, 4, 1, 2, 3, 4);
  const frequencies = f32([2], quarter, 0);

  test("in halves: pair j is (j, j + D/2)", () => {
    close(numbers("rope", [x, i32([2], 0, 1), frequencies], { style: "halves" }), [1, 2, 3, 4, -3, 2, 1, 4]);
  });

  test("interleaved: pair j is (2j, 2j + 1)", () => {
    close(
      numbers("rope", [x, i32([2], 0, 1), frequencies], { style: "interleaved" }),
      [1, 2, 3, 4, -2, 1, 3, 4],
    );
  });

  test("every head turns alike", () => {
    const heads = f32([1, 2, 2], 1, 0, 0, 1);
    close(numbers("rope", [heads, i32([1], 1), f32([1], quarter)], { style: "halves" }), [0, 1, -1, 0]);
  });

  test("frequencies fall geometrically, and Llama 3 stretches the slow ones", () => {
    const plain = { dim: 4, theta: 10000, factor: 8, low_factor: 1, high_factor: 4, original_context: 8192 };
    close(numbers("rope_frequencies", [], { ...plain, scaling: "none" }), [1, 0.01]);
    close(numbers("rope_frequencies", [], { ...plain, scaling: "linear" }), [0.125, 0.00125]);
    // 8192 positions are 1304 turns of the first pair and 13 of the second: both are fast.
    close(numbers("rope_frequencies", [], { ...plain, scaling: "llama3" }), [1, 0.01]);
    // At 64 positions the second pair makes 0.1 turns: it is slowed by the whole factor.
    close(
      numbers("rope_frequencies", [], { ...plain, scaling: "llama3", original_context: 64 }),
      [1, 0.00125],
    );
    // 2.5 turns lie midway between the factors 1 and 4.
    const midway = { ...plain, dim: 2, scaling: "llama3", original_context: Math.round(5 * Math.PI) };
    const smooth = (midway.original_context / (2 * Math.PI) - 1) / 3;
    close(numbers("rope_frequencies", [], midway), [(1 - smooth) / 8 + smooth]);
  });
});

describe("attention", () => {
  test("one slot gives its value, equal scores their mean", () => {
    const q = f32([1, 1, 2], 1, 0);
    const [keys, values] = [f32([2, 1, 2], 0, 1, 0, -1), f32([2, 1, 2], 1, 2, 3, 6)];
    expect(numbers("attention", [q, keys, values, i1([1, 2], 0, 1)], { scale: 1 })).toEqual([3, 6]);
    expect(numbers("attention", [q, keys, values, i1([1, 2], 1, 1)], { scale: 1 })).toEqual([2, 4]);
  });

  test("the scale stands in front of the scores", () => {
    const q = f32([1, 1, 1], 1);
    const [keys, values] = [f32([2, 1, 1], Math.log(3) * 2, 0), f32([2, 1, 1], 1, 0)];
    close(numbers("attention", [q, keys, values, i1([1, 2], 1, 1)], { scale: 0.5 }), [0.75]);
  });

  test("heads share KV heads in runs: 0 and 1 read the first, 2 and 3 the second", () => {
    const q = f32([1, 4, 1], 1, 1, 1, 1);
    const [keys, values] = [f32([1, 2, 1], 1, 1), f32([1, 2, 1], 5, 7)];
    expect(numbers("attention", [q, keys, values, i1([1, 1], 1)], { scale: 1 })).toEqual([5, 5, 7, 7]);
  });

  test("a token that sees nothing has no result", () => {
    const one = f32([1, 1, 1], 1);
    expect(numbers("attention", [one, one, one, i1([1, 1], 0)], { scale: 1 })).toEqual([NaN]);
  });

  test("the causal mask lets a token see its own sequence up to itself", () => {
    const [positions, sequences] = [i32([2], 1, 0), i32([2], 0, 1)];
    const [contextPositions, contextSequences] = [i32([4], 0, 1, 2, 0), i32([4], 0, 0, 0, 1)];
    expect(numbers("causal_mask", [positions, sequences, contextPositions, contextSequences])).toEqual([
      1, 1, 0, 0, 0, 0, 0, 1,
    ]);
  });
});

test("fused forms round where their parts do", () => {
  const x = tensorValue("f16", [2, 4], [0.3, -2, 1.7, 5, 1, 0, -0.1, 3]);
  const half = (start: number) => applyTensor("slice", [x], { axis: 1, start, size: 2 });
  const parts = numbers("mul", [applyTensor("silu", [half(0)]), half(2)]);
  expect(numbers("swiglu", [x])).toEqual(parts);
  expect(parts[0]).toBeCloseTo(0.293, 2);
});
