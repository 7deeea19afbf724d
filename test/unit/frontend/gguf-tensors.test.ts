// Numbers of GGUF blocks: each format against blocks made by hand from its definition, and the formats that
// stay codes against the meaning of `quantize`.

import { describe, expect, test } from "vitest";

import { createRandom, fromHalfBits, toHalfBits } from "../../../src/base/index.js";
import { blockTypeNamed } from "../../../src/frontend/gguf/block-types.js";
import type { CodeFormat } from "../../../src/frontend/gguf/block-codes.js";
import { codeFormat, codeFormats, codesType, dequantizeBlocks, readCodes } from "../../../src/frontend/gguf/block-codes.js";
import { blockBytes, writeGroups } from "../../../src/frontend/gguf/group-codes.js";
import { importModel } from "../../../src/frontend/index.js";
import type { QuantizedValue } from "../../../src/ir/index.js";
import { codeOffset, coreRegistry, verifyModule } from "../../../src/ir/index.js";
import { createNodeHost } from "../../../src/host/index.js";
import { writeGgufFile } from "../../support/gguf.js";
import { inTemporaryFolder } from "../../support/models.js";
import { apply, f32, numbers } from "../../support/values.js";

const random = createRandom(5);
const below = (limit: number): number => random.below(limit);
const half = (value: number): readonly number[] => {
  const bits = toHalfBits(value);
  return [bits & 255, bits >>> 8];
};
const draw = (count: number, limit: number): readonly number[] =>
  Array.from({ length: count }, () => below(limit));

/** A block's bytes and the numbers that it stands for, both from drawn codes and scales. */
type Made = { readonly bytes: readonly number[]; readonly values: readonly number[] };

const halves = (codes: readonly number[]): readonly number[] =>
  Array.from({ length: 16 }, (_, i) => (codes[i]! & 15) | ((codes[i + 16]! & 15) << 4));
const fifthBits = (codes: readonly number[]): readonly number[] =>
  [0, 8, 16, 24].map((start) =>
    codes.slice(start, start + 8).reduce((byte, code, i) => byte | ((code >>> 4) << i), 0),
  );

/** Eight scales and minima of six bits in twelve bytes, as `get_scale_min_k4` takes them apart. */
function sixBits(scales: readonly number[], minima: readonly number[]): readonly number[] {
  return [
    ...[0, 1, 2, 3].map((i) => scales[i]! | ((scales[i + 4]! >>> 4) << 6)),
    ...[0, 1, 2, 3].map((i) => minima[i]! | ((minima[i + 4]! >>> 4) << 6)),
    ...[4, 5, 6, 7].map((i) => (scales[i]! & 15) | ((minima[i]! & 15) << 4)),
  ];
}

const d = fromHalfBits(toHalfBits(-0.0371));
const m = fromHalfBits(toHalfBits(0.219));

const makers: Readonly<Record<string, () => Made>> = {
  Q4_0: () => {
    const codes = draw(32, 16);
    return { bytes: [...half(d), ...halves(codes)], values: codes.map((code) => (code - 8) * d) };
  },
  Q4_1: () => {
    const codes = draw(32, 16);
    return { bytes: [...half(d), ...half(m), ...halves(codes)], values: codes.map((code) => code * d + m) };
  },
  Q5_0: () => {
    const codes = draw(32, 32);
    const bytes = [...half(d), ...fifthBits(codes), ...halves(codes)];
    return { bytes, values: codes.map((code) => (code - 16) * d) };
  },
  Q5_1: () => {
    const codes = draw(32, 32);
    const bytes = [...half(d), ...half(m), ...fifthBits(codes), ...halves(codes)];
    return { bytes, values: codes.map((code) => code * d + m) };
  },
  Q8_0: () => {
    const codes = [-128, 127, ...draw(30, 256).map((code) => code - 128)];
    return { bytes: [...half(d), ...codes.map((code) => code & 255)], values: codes.map((code) => code * d) };
  },
  Q2_K: () => {
    const [codes, scales, minima] = [draw(256, 4), draw(16, 16), draw(16, 16)];
    // 128 elements share 32 bytes, two bits each: 0 to 31 the lowest.
    const packed = Array.from({ length: 64 }, (_, byte) => {
      const first = (byte >> 5) * 128 + (byte & 31);
      return [0, 1, 2, 3].reduce((sum, j) => sum | (codes[first + 32 * j]! << (2 * j)), 0);
    });
    const bytes = [...scales.map((scale, i) => scale | (minima[i]! << 4)), ...packed, ...half(d), ...half(m)];
    return { bytes, values: codes.map((code, i) => d * scales[i >> 4]! * code - m * minima[i >> 4]!) };
  },
  Q3_K: () => {
    const [codes, scales] = [draw(256, 8), draw(16, 64)];
    const high = Array.from({ length: 32 }, (_, lane) =>
      [0, 1, 2, 3, 4, 5, 6, 7].reduce((sum, row) => sum | ((codes[row * 32 + lane]! >>> 2) << row), 0));
    const low = Array.from({ length: 64 }, (_, byte) => {
      const first = (byte >> 5) * 128 + (byte & 31);
      return [0, 1, 2, 3].reduce((sum, j) => sum | ((codes[first + 32 * j]! & 3) << (2 * j)), 0);
    });
    const topBits = (i: number): number =>
      [0, 1, 2, 3].reduce((sum, j) => sum | ((scales[i + 4 * j]! >>> 4) << (2 * j)), 0);
    const packed = [
      ...Array.from({ length: 8 }, (_, i) => (scales[i]! & 15) | ((scales[i + 8]! & 15) << 4)),
      ...[0, 1, 2, 3].map(topBits),
    ];
    const values = codes.map((code, i) => d * (scales[i >> 4]! - 32) * (code - 4));
    return { bytes: [...high, ...low, ...packed, ...half(d)], values };
  },
  Q4_K: () => {
    const [codes, scales, minima] = [draw(256, 16), draw(8, 64), draw(8, 64)];
    const packed = Array.from({ length: 128 }, (_, byte) => {
      const first = (byte >> 5) * 64 + (byte & 31);
      return codes[first]! | (codes[first + 32]! << 4);
    });
    const values = codes.map((code, i) => d * scales[i >> 5]! * code - m * minima[i >> 5]!);
    return { bytes: [...half(d), ...half(m), ...sixBits(scales, minima), ...packed], values };
  },
  Q5_K: () => {
    const [codes, scales, minima] = [draw(256, 32), draw(8, 64), draw(8, 64)];
    const high = Array.from({ length: 32 }, (_, lane) =>
      [0, 1, 2, 3, 4, 5, 6, 7].reduce((sum, row) => sum | ((codes[row * 32 + lane]! >>> 4) << row), 0));
    const packed = Array.from({ length: 128 }, (_, byte) => {
      const first = (byte >> 5) * 64 + (byte & 31);
      return (codes[first]! & 15) | ((codes[first + 32]! & 15) << 4);
    });
    const values = codes.map((code, i) => d * scales[i >> 5]! * code - m * minima[i >> 5]!);
    return { bytes: [...half(d), ...half(m), ...sixBits(scales, minima), ...high, ...packed], values };
  },
  Q6_K: () => {
    const [codes, scales] = [draw(256, 64), draw(16, 256).map((scale) => scale - 128)];
    const low = Array.from({ length: 128 }, (_, byte) => {
      const first = (byte >> 6) * 128 + (byte & 63);
      return (codes[first]! & 15) | ((codes[first + 64]! & 15) << 4);
    });
    const high = Array.from({ length: 64 }, (_, byte) => {
      const first = (byte >> 5) * 128 + (byte & 31);
      return [0, 1, 2, 3].reduce((sum, j) => sum | ((codes[first + 32 * j]! >>> 4) << (2 * j)), 0);
    });
    const values = codes.map((code, i) => d * scales[i >> 4]! * (code - 32));
    return { bytes: [...low, ...high, ...scales.map((scale) => scale & 255), ...half(d)], values };
  },
};

describe("blocks", () => {
  test("of every format that can be read are made here", () => {
    expect(Object.keys(makers).sort()).toEqual(Object.keys(codeFormats).sort());
  });

  test.each(Object.keys(makers))("of %s give their numbers, rounded once", (name) => {
    const type = blockTypeNamed(name);
    if (type === undefined) throw new Error(`${name} is in the table`);
    const made = [makers[name]?.(), makers[name]?.(), makers[name]?.()];
    const bytes = Uint8Array.from(made.flatMap((each) => each?.bytes ?? []));
    expect(bytes).toHaveLength(3 * type.bytes);
    const expected = made.flatMap((each) => each?.values ?? []).map(Math.fround);
    // A view that starts at an odd address, as one inside a file may.
    const shifted = new Uint8Array(bytes.length + 1);
    shifted.set(bytes, 1);
    const format = requireFormat(name);
    expect([format.elements, format.bytes]).toEqual([type.elements, type.bytes]);
    expect(Array.from(dequantizeBlocks(format, shifted.subarray(1)))).toEqual(expected);
  });

  test.each(Object.keys(makers))("of %s in rows become codes that mean the same", (name) => {
    const format = requireFormat(name);
    const [rows, blocks] = [67, 3];
    const made = Array.from({ length: rows * blocks }, () => makers[name]!());
    const bytes = Uint8Array.from(made.flatMap((each) => each.bytes));
    const value = readCodes(format, [rows, blocks * format.elements], bytes);
    const stored = made.flatMap((each) => each.values).map(Math.fround);
    const inner = blocks * format.elements;
    const expected = stored.map((_, i) => stored[(i % rows) * inner + Math.floor(i / rows)]!);
    expect(numbers("dequantize", [value])).toEqual(expected);
    const least = Math.min(...value.codes);
    expect(least).toBeGreaterThanOrEqual(-codeOffset(value.type));
    expect(Math.max(...value.codes)).toBeLessThan(2 ** value.type.bits - codeOffset(value.type));
  });
});

function requireFormat(name: string): CodeFormat {
  const format = codeFormat(name.toUpperCase());
  if (format === undefined) throw new Error(`${name} is in the table`);
  return format;
}

describe.each(["q8_0", "q4_0"] as const)("matrices in %s", (format) => {
  const [rows, columns] = [70, 96];
  const quantized = codesType(requireFormat(format), [rows, columns]);
  const read = (bytes: Uint8Array): QuantizedValue =>
    readCodes(requireFormat(format), [rows, columns], bytes);
  /** [rows, columns] to [columns, rows] */
  const turn = (from: Float32Array): readonly number[] =>
    Array.from(from, (_, i) => from[(i % rows) * columns + Math.floor(i / rows)]!);

  test("are the codes and scales that `quantize` makes of the same numbers", () => {
    const stored = Float32Array.from({ length: rows * columns }, () => random.normal());
    const turned = turn(stored);
    const expected = apply("quantize", [f32([columns, rows], ...turned)], { bits: quantized.bits, group: 32 });
    expect(read(writeGroups(format, stored))).toEqual(expected);
  });

  test("lose no bit of any block, and mean what the blocks mean", () => {
    const type = blockTypeNamed(format.toUpperCase());
    if (type === undefined) throw new Error("the format is in the table");
    const bytes = Uint8Array.from({ length: (rows * columns * type.bytes) / 32 }, () => below(256));
    for (let at = 0; at < bytes.length; at += type.bytes) bytes.set(half(random.normal()), at);
    const value = read(bytes);
    expect(backToBlocks(format, value)).toEqual(bytes);
    const plain = dequantizeBlocks(requireFormat(format), bytes);
    expect(numbers("dequantize", [value])).toEqual(turn(plain));
  });
});

/** Written out again from the codes themselves. */
function backToBlocks(format: "q8_0" | "q4_0", { type, codes, scales }: QuantizedValue): Uint8Array {
  const [inner, outer] = type.shape;
  const bytes: number[] = [];
  for (let row = 0; row < outer; row++) {
    for (let block = 0; block < inner / 32; block++) {
      const group = Array.from({ length: 32 }, (_, i) => codes[(block * 32 + i) * outer + row]!);
      bytes.push(...half(scales[block * outer + row]!));
      bytes.push(...(format === "q8_0" ? group.map((code) => code & 255) : halves(group.map((code) => code + 8))));
    }
  }
  expect(bytes.length % blockBytes(format)).toBe(0);
  return Uint8Array.from(bytes);
}

describe("tensors of a file", () => {
  const metadata = {
    "general.architecture": { type: "string", value: "qwen2" },
    "qwen2.block_count": { type: "u32", value: 2 },
    "qwen2.embedding_length": { type: "u32", value: 256 },
    "qwen2.feed_forward_length": { type: "u32", value: 256 },
    "qwen2.attention.head_count": { type: "u32", value: 2 },
    "qwen2.context_length": { type: "u32", value: 64 },
    "qwen2.attention.layer_norm_rms_epsilon": { type: "f32", value: 1e-6 },
  } as const;
  const typeIds = { F32: 0, F16: 1, Q4_0: 2, Q8_0: 8, Q4_K: 12, Q6_K: 14, IQ4_XS: 23 } as const;
  type Format = keyof typeof typeIds;

  /** All tensors of a tiny model; some in formats of their own. */
  function model(formats: Readonly<Record<string, Format>>) {
    const tensor = (name: string, ...shape: readonly number[]) => {
      const format = formats[name] ?? "F32";
      const block = blockTypeNamed(format);
      const count = shape.reduce((a, b) => a * b);
      const bytes = new Uint8Array((count / (block?.elements ?? 1)) * (block?.bytes ?? 4));
      return { name, extents: shape.toReversed(), type: typeIds[format], bytes };
    };
    const layer = (i: number) => [
      ...["attn_norm", "ffn_norm"].map((name) => tensor(`blk.${i}.${name}.weight`, 256)),
      ...["attn_q", "attn_k", "attn_v"].map((name) => tensor(`blk.${i}.${name}.bias`, 256)),
      ...["attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"].map((name) =>
        tensor(`blk.${i}.${name}.weight`, 256, 256)),
    ];
    return { metadata, tensors: [tensor("token_embd.weight", 32, 256), tensor("output_norm.weight", 256), ...layer(0), ...layer(1)] };
  }

  const open = (folder: string, formats: Readonly<Record<string, Format>>) =>
    importModel(writeGgufFile(`${folder}/m.gguf`, model(formats)), createNodeHost().files, { blockSize: 16 });

  test("keep codes in their formats, layer by layer", () => inTemporaryFolder((folder) => {
    const result = open(folder, {
      "token_embd.weight": "Q6_K",
      "blk.0.attn_q.weight": "Q8_0", "blk.1.attn_q.weight": "Q8_0",
      "blk.0.ffn_down.weight": "Q4_0", "blk.1.ffn_down.weight": "Q4_K",
      "blk.0.ffn_up.weight": "F16", "blk.1.ffn_up.weight": "F16",
    });
    if (!result.ok || result.value.weights === undefined) throw new Error(result.diagnostics[0]?.message);
    const { weights, config } = result.value;
    const dtypes = ["token_embd", "blk.0.attn_q", "blk.0.ffn_down", "blk.1.ffn_down", "blk.1.ffn_up"].map(
      (name) => weights.info(`${name}.weight`).dtype,
    );
    expect(dtypes).toEqual(["q6_k", "q8_0", "q4_0", "q4_k", "f16"]);
    expect(weights.read("blk.1.attn_q.weight").kind).toBe("quantized");
    expect(weights.read("blk.1.ffn_down.weight")).toMatchObject({
      kind: "quantized", type: { shape: [256, 256], bits: 4, group: 32, superGroup: 256, minimums: true },
    });
    expect(result.value.module.functions.map(({ name }) => name)).toEqual(["layer_0", "layer_1", "step"]);
    expect(verifyModule(result.value.module, coreRegistry)).toEqual([]);
    expect(config).toMatchObject({
      tiedHead: true, attentionBias: "inputs", ropeStyle: "halves", normEpsilon: 1e-6, headDim: 128, kvHeads: 2,
    });
    weights.close();
  }));

  test("in a format that cannot be read are refused by name", () => inTemporaryFolder((folder) => {
    const [first] = open(folder, { "blk.0.ffn_up.weight": "IQ4_XS", "blk.1.ffn_up.weight": "IQ4_XS" }).diagnostics;
    expect(first).toMatchObject({ code: "model/unsupported-dtype", message: "tensor `blk.0.ffn_up.weight` is stored as IQ4_XS" });
  }));
});
