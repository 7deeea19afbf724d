// Quantization: codes and scales by hand, and products that read them.

import { describe, expect, test } from "vitest";

import { createRandom, roundToHalf } from "../../../src/base/index.js";
import type { QuantizedValue, Value } from "../../../src/ir/index.js";
import { apply, applyTensor, f32, numbers } from "../../support/values.js";

function quantize(w: Value, bits: number, group: number): QuantizedValue {
  const result = apply("quantize", [w], { bits, group });
  if (result.kind !== "quantized") throw new Error("quantize returns a quantized matrix");
  return result;
}

/** A column in a matrix of one column. */
function column(...entries: readonly number[]): Value {
  return f32([entries.length, 1], ...entries);
}

describe("8 bits", () => {
  test("the largest magnitude becomes 127, halves round away from zero", () => {
    const q = quantize(column(127, -127, 0.5, -0.5, 1.4, -1.6), 8, 6);
    expect(Array.from(q.scales)).toEqual([1]);
    expect(Array.from(q.codes)).toEqual([127, -127, 1, -1, 1, -2]);
  });

  test("each group of rows of each column has its own scale", () => {
    const q = quantize(f32([4, 2], 127, 254, 0, 0, 12.7, 0, 0, 0), 8, 2);
    expect(Array.from(q.scales)).toEqual([1, 2, roundToHalf(0.1), 0]);
    expect(Array.from(q.codes)).toEqual([127, 127, 0, 0, 127, 0, 0, 0]);
  });

  test("codes are computed with the rounded scale", () => {
    const q = quantize(column(1, 0.5), 8, 2);
    const scale = roundToHalf(1 / 127);
    expect(Array.from(q.scales)).toEqual([scale]);
    expect(Array.from(q.codes)).toEqual([Math.round(1 / scale), Math.round(0.5 / scale)]);
  });
});

describe("4 bits", () => {
  test("the value of largest magnitude becomes -8, whatever its sign", () => {
    const negative = quantize(column(-8, 7, 3.4, -3.6, 0), 4, 5);
    expect(Array.from(negative.scales)).toEqual([1]);
    expect(Array.from(negative.codes)).toEqual([-8, 7, 3, -4, 0]);
    const positive = quantize(column(8, -8, 4), 4, 3);
    expect(Array.from(positive.scales)).toEqual([-1]);
    // The opposite extreme has no code of its own and takes the nearest.
    expect(Array.from(positive.codes)).toEqual([-8, 7, -4]);
  });
});

test("zeros have scale 0 and stay zeros; weights beyond f16 stay finite", () => {
  expect(quantize(column(0, 0), 4, 2)).toMatchObject({ scales: Float32Array.of(-0) });
  expect(numbers("dequantize", [quantize(column(0, 0), 8, 2)])).toEqual([0, 0]);
  expect(numbers("dequantize", [quantize(column(1e30, 1), 8, 2)]).every(Number.isFinite)).toBe(true);
});

test.each([8, 4])("%i bits are close to what they came from", (bits) => {
  const random = createRandom(2);
  const w = f32([64, 3], ...Array.from({ length: 192 }, () => random.normal()));
  const restored = numbers("dequantize", [quantize(w, bits, 32)]);
  const worst = Math.max(...restored.map((each, i) => Math.abs(each - w.data[i]!)));
  // Half a step of the widest group, or a whole one for the value that 4 bits cannot mirror.
  const step = Math.max(...w.data.map(Math.abs)) / (bits === 8 ? 127 : 8);
  expect(worst).toBeLessThanOrEqual(step * (bits === 8 ? 0.51 : 1.01));
  expect(worst).toBeGreaterThan(step / 10);
});

test("products with codes are products with the restored matrix, bit for bit", () => {
  const random = createRandom(3);
  const draw = (...shape: readonly number[]) =>
    f32(shape, ...Array.from({ length: shape.reduce((a, b) => a * b) }, () => random.normal()));
  const [x, q, addend] = [draw(2, 64), quantize(draw(64, 5), 4, 32), draw(2, 5)];
  const restored = applyTensor("dequantize", [q]);
  expect(numbers("quantized_matmul", [x, q])).toEqual(numbers("matmul", [x, restored]));
  expect(numbers("quantized_matmul_add", [x, q, addend])).toEqual(
    numbers("matmul_add", [x, restored, addend]),
  );
});
