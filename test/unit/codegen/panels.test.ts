// Packed layouts of the C target: where an element lies, that padding is zero, that unpacking undoes packing.

import { describe, expect, test } from "vitest";

import type { PanelFormat } from "../../../backends/c/panels.js";
import {
  formatName, packedType, packFloats, packQuantized, parseFormat, unpackFloats, unpackQuantized,
} from "../../../backends/c/panels.js";
import { createRandom } from "../../../src/base/index.js";
import type { QuantizedValue, TensorValue } from "../../../src/ir/index.js";
import { tensorValue } from "../../../src/ir/index.js";

const random = createRandom(1);

function matrix(dtype: "f32" | "f16" | "bf16", rows: number, columns: number): TensorValue {
  const draw = (): number => random.normal() * 10 ** (random.below(12) - 8);
  const numbers = Array.from({ length: rows * columns }, draw);
  return tensorValue(dtype, [rows, columns], numbers);
}

function quantized(bits: 4 | 8, group: number, rows: number, columns: number): QuantizedValue {
  const [least, most] = bits === 8 ? [-127, 127] : [-8, 7];
  return {
    kind: "quantized",
    type: { kind: "quantized", shape: [rows, columns], bits, group, scaleDtype: "f16" },
    codes: Int8Array.from({ length: rows * columns }, () => least + random.below(most - least + 1)),
    scales: Float32Array.from({ length: (rows / group) * columns }, (_, i) => (i % 7) * 0.25),
  };
}

test("a float lies in its column's panel, its row, its lane; the rest of the last panel is zero", () => {
  const w = matrix("f32", 3, 18);
  const { bytes } = packFloats(w, packedType({ kind: "float", dtype: "f32" }, [3, 18]));
  const floats = new Float32Array(bytes.buffer);
  expect(floats).toHaveLength(2 * 3 * 16);
  expect(floats[2 * 16 + 5]).toBe(w.data[2 * 18 + 5]);
  expect(floats[(3 + 1) * 16 + 1]).toBe(w.data[1 * 18 + 17]);
  expect([...floats.subarray((3 + 1) * 16 + 2, (3 + 2) * 16)]).toEqual(new Array(14).fill(0));
});

test("a block of 4-bit codes is 16 scales, then two rows a byte", () => {
  const q = quantized(4, 2, 2, 1);
  const { bytes } = packQuantized(q, packedType({ kind: "quantized", bits: 4, group: 2 }, [2, 1]));
  expect(bytes).toHaveLength(32 + 16);
  expect(bytes[32]).toBe((q.codes[0]! + 8) | ((q.codes[1]! + 8) << 4));
});

describe("unpacking undoes packing", () => {
  test.each(["f32", "f16", "bf16"] as const)("of %s, subnormal numbers included", (dtype) => {
    const w = matrix(dtype, 7, 37);
    const packed = packFloats(w, packedType({ kind: "float", dtype }, [7, 37]));
    expect([...unpackFloats(packed, dtype).data]).toEqual([...w.data]);
  });

  test.each([
    [8, 3, 9, 20],
    [8, 32, 64, 16],
    [4, 2, 6, 17],
    [4, 32, 96, 5],
  ] as const)("of %i-bit codes in groups of %i", (bits, group, rows, columns) => {
    const q = quantized(bits, group, rows, columns);
    const type = packedType({ kind: "quantized", bits, group }, [rows, columns]);
    const back = unpackQuantized(packQuantized(q, type), bits, group);
    expect([...back.codes]).toEqual([...q.codes]);
    expect([...back.scales]).toEqual([...q.scales]);
  });
});

test.each<PanelFormat>([
  { kind: "float", dtype: "bf16" },
  { kind: "quantized", bits: 4, group: 64 },
])("a layout's name says what it is: %o", (format) => {
  expect(parseFormat(formatName(format))).toEqual(format);
});

test.each(["f64_panel16", "q5_panel16_g32", "q8_panel16_g0", "q8_panel16_g", "f32_panel16x"])("%s is no layout", (name) => {
  expect(parseFormat(name)).toBeUndefined();
});
