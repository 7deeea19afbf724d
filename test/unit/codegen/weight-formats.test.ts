// Names of packed formats and the way back, and numbers as they are stored.

import { expect, test } from "vitest";

import { fromHalfBits, toBrainBits } from "../../../src/base/index.js";
import type { WeightFormat } from "../../../src/codegen/index.js";
import { parseWeightFormat, readStored, storedElements, weightFormatName } from "../../../src/codegen/index.js";

const formats: readonly (readonly [WeightFormat, string])[] = [
  [{ kind: "float", dtype: "f32" }, "f32_rows"],
  [{ kind: "float", dtype: "bf16" }, "bf16_rows"],
  [{ kind: "quantized", bits: 8, group: 32 }, "q8_rows_g32"],
  [{ kind: "quantized", bits: 4, group: 128 }, "q4_rows_g128"],
];

test.each(formats)("%j is named %s, and read back", (format, name) => {
  expect(weightFormatName("rows", format)).toBe(name);
  expect(parseWeightFormat("rows", name)).toEqual(format);
});

test.each(["f32_columns", "q8_columns_g32", "f64_rows", "q8_rows", "q8_rows_g0", "q5_rows_g32", "f32_rows_g32", "rows", ""])(
  "%j is no format of the layout",
  (name) => expect(parseWeightFormat("rows", name)).toBeUndefined(),
);

test("every finite binary16 number is stored as its bits and read back", () => {
  const bits = Array.from({ length: 1 << 16 }, (_, i) => i).filter((each) => (each & 0x7c00) !== 0x7c00);
  const numbers = Float32Array.from(bits, fromHalfBits);
  const stored = storedElements(numbers, "f16");
  expect([...stored]).toEqual(bits);
  const view = new DataView(stored.buffer);
  expect(numbers.every((number, i) => Object.is(readStored(view, 2 * i, "f16"), number))).toBe(true);
});

test("bfloat16 numbers are stored as their upper halves, f32 as they are", () => {
  const numbers = Float32Array.of(1, -2.5, 0, -0, Infinity, 2 ** -130);
  expect([...storedElements(numbers, "bf16")]).toEqual([...numbers].map(toBrainBits));
  expect(storedElements(numbers, "f32")).toBe(numbers);
  expect(readStored(new DataView(numbers.buffer), 4, "f32")).toBe(-2.5);
});
