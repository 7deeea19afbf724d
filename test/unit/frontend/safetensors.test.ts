// The safetensors reader: values of every format, and files that lie.

import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { createRandom, fromBrainBits, fromHalfBits } from "../../../src/base/index.js";
import type { Result } from "../../../src/diagnostics/index.js";
import { collect } from "../../../src/diagnostics/index.js";
import { findRepeatedKey } from "../../../src/frontend/json.js";
import type { WeightSource } from "../../../src/frontend/index.js";
import { openWeights } from "../../../src/frontend/weights.js";
import { widenFloats } from "../../../src/frontend/widen.js";
import { createNodeHost } from "../../../src/host/index.js";
import { inTemporaryFolder, safetensorsBytes, safetensorsFile, storedTensor, writeWeights } from "../../support/models.js";

const { files } = createNodeHost();

function open(folder: string): Result<WeightSource> {
  return collect(() => openWeights(folder, files));
}

function opened(folder: string): WeightSource {
  const result = open(folder);
  if (!result.ok) throw new Error(result.diagnostics[0]?.message);
  return result.value;
}

const allWords = Uint16Array.from({ length: 65536 }, (_, i) => i);

describe("widening", () => {
  test.each(["f16", "bf16"] as const)("gives the value of every %s bit for bit", (dtype) => {
    const expected = Float32Array.from(allWords, dtype === "f16" ? fromHalfBits : fromBrainBits);
    const widened = widenFloats(dtype, new Uint8Array(allWords.slice().buffer));
    const isNumber = (value: number): boolean => !Number.isNaN(value);
    expect(widened.filter(isNumber)).toEqual(expected.filter(isNumber));
    expect([...widened.keys()].filter((i) => Number.isNaN(widened[i]!)))
      .toEqual([...expected.keys()].filter((i) => Number.isNaN(expected[i]!)));
    expect(Object.is(widened[0x8000], -0)).toBe(true);
  });

  test("reads bytes that start at an odd address", () => {
    const bytes = new Uint8Array(9);
    bytes.set(new Uint8Array(Float32Array.of(1.5, -2).buffer), 1);
    expect(widenFloats("f32", bytes.subarray(1))).toEqual(Float32Array.of(1.5, -2));
    expect(widenFloats("bf16", bytes.subarray(1))).toEqual(Float32Array.of(0, 1.5, 0, -2));
  });
});

describe("a weight source", () => {
  const numbers = [1, -0.1, 65504, 2 ** -24, 0, -3];
  const tensors = [
    storedTensor("c", "f16", [6], numbers),
    storedTensor("a", "f32", [2, 3], numbers),
    storedTensor("b", "bf16", [3, 2], numbers),
    storedTensor("empty", "f32", [0, 4], []),
    { name: "ids", dtype: "I64", shape: [1], bytes: new Uint8Array(8) },
  ];

  test.each([1, 2, 3])("reads tensors from %d files", (shards) => inTemporaryFolder((folder) => {
    writeWeights(folder, tensors, shards);
    const weights = opened(folder);
    const floats = (name: string) => {
      const value = weights.read(name);
      return value.kind === "tensor" ? value.data : undefined;
    };
    expect(weights.names).toEqual(["a", "b", "c", "empty", "ids"]);
    expect(weights.read("a")).toEqual({ kind: "tensor", dtype: "f32", shape: [2, 3], data: Float32Array.from(numbers) });
    expect(floats("b")).toEqual(Float32Array.of(1, -0.10009765625, 65536, 2 ** -24, 0, -3));
    expect(floats("c")?.[1]).toBe(-0.0999755859375);
    expect(floats("empty")).toHaveLength(0);
    expect(weights.readRaw("ids")).toEqual(new Uint8Array(8));
    expect(weights.info("ids")).toEqual({ dtype: undefined, storedDtype: "I64", shape: [1], sizeBytes: 8 });
    expect([weights.has("a"), weights.has("d"), weights.has("constructor")]).toEqual([true, false, false]);
    weights.close();
  }));

  test("lets holes between tensors pass", () => inTemporaryFolder((folder) => {
    const header = { x: { dtype: "U8", shape: [1], data_offsets: [5, 6] }, __metadata__: { format: "pt" } };
    writeFileSync(join(folder, "model.safetensors"), safetensorsFile(JSON.stringify(header), Uint8Array.of(0, 0, 0, 0, 0, 7)));
    expect(opened(folder).readRaw("x")).toEqual(Uint8Array.of(7));
  }));
});

/** A file whose header describes one tensor, or several, over eight bytes of data. */
function described(...entries: readonly unknown[]): Uint8Array {
  const header = Object.fromEntries(entries.map((entry, i) => [`t${i}`, entry]));
  return safetensorsFile(JSON.stringify(header), new Uint8Array(8));
}

const whole = { dtype: "F32", shape: [2], data_offsets: [0, 8] };
const valid = safetensorsBytes([storedTensor("x", "f32", [2], [1, 2])]);

describe("a safetensors file", () => {
  const damaged: readonly [string, Uint8Array, string][] = [
    ["that is empty", new Uint8Array(0), "a file of 0 bytes has no safetensors header"],
    ["of seven bytes", new Uint8Array(7), "a file of 7 bytes has no safetensors header"],
    ["with a header of 2^60 bytes", safetensorsFile("{}", new Uint8Array(0), 2n ** 60n), "1152921504606846976 bytes long; the limit"],
    ["with a header of 2^64 - 1 bytes", safetensorsFile("{}", new Uint8Array(0), 2n ** 64n - 1n), "the limit is 100000000"],
    ["with a header longer than the file", safetensorsFile("{}", new Uint8Array(0), 3n), "3 bytes long, but the file has only 10"],
    ["cut short in its data", valid.subarray(0, valid.length - 1), "ends at byte 8 of the data, which has only 7"],
    ["cut short in its header", valid.subarray(0, 20), "but the file has only 20 bytes"],
    ["whose header is no JSON", safetensorsFile("{x}", new Uint8Array(0)), "the header is not valid JSON"],
    ["whose header is no UTF-8", Buffer.concat([safetensorsFile("", new Uint8Array(0), 1n), Uint8Array.of(0xff)]), "not valid JSON"],
    ["whose header is a list", safetensorsFile("[]", new Uint8Array(0)), "the header is not a JSON object"],
    ["with a name twice", safetensorsFile('{"a": {}, "\\u0061": {}}', new Uint8Array(0)), "has the key `a` twice"],
    ["with a field twice", safetensorsFile('{"a": {"dtype": "F32", "dtype": "F16"}}', new Uint8Array(0)), "the key `dtype` twice"],
    ["with a tensor that is a number", described(5), "tensor `t0` is described by 5"],
    ["without a dtype", described({ ...whole, dtype: undefined }), "has no `dtype`"],
    ["with an unknown dtype", described({ ...whole, dtype: "F33" }), "unknown dtype `F33`; did you mean `F32`?"],
    ["with a dtype that objects have", described({ ...whole, dtype: "constructor" }), "unknown dtype `constructor`"],
    ["with a negative dimension", described({ ...whole, shape: [-2] }), "has a `shape` that is not a list"],
    ["with a broken dimension", described({ ...whole, shape: [1.5] }), "has a `shape` that is not a list"],
    ["with a huge dimension", described({ ...whole, shape: [2 ** 60] }), "has a `shape` that is not a list"],
    ["with dimensions whose product is huge", described({ ...whole, shape: [2 ** 40, 2 ** 40] }), "does not fill its 8 bytes"],
    ["whose product wraps around to its size", described({ ...whole, shape: [2 ** 32, 2 ** 32, 2] }), "does not fill its 8 bytes"],
    ["with a shape too small", described({ ...whole, shape: [1] }), "of shape [1] and dtype F32 does not fill its 8 bytes"],
    ["with one offset", described({ ...whole, data_offsets: [0] }), "has no `data_offsets` of two"],
    ["with a negative offset", described({ ...whole, data_offsets: [-8, 0] }), "has no `data_offsets` of two"],
    ["that ends before it begins", described({ ...whole, data_offsets: [8, 0] }), "ends (0) before it begins (8)"],
    ["that ends behind the file", described({ ...whole, data_offsets: [1, 9] }), "ends at byte 9 of the data, which has only 8"],
    [
      "whose tensors overlap",
      described(whole, { dtype: "U8", shape: [1], data_offsets: [7, 8] }),
      "tensors `t0` and `t1` overlap",
    ],
    [
      "with a tensor over two that follow",
      described(
        whole,
        { dtype: "U8", shape: [1], data_offsets: [1, 2] },
        { dtype: "U8", shape: [1], data_offsets: [6, 7] },
      ),
      "tensors `t0` and `t1` overlap",
    ],
  ];

  test.each(damaged)("%s is refused", (_, bytes, message) => inTemporaryFolder((folder) => {
    const path = join(folder, "model.safetensors");
    writeFileSync(path, bytes);
    const result = open(folder);
    expect(result.ok).toBe(false);
    expect(result.diagnostics[0]).toMatchObject({ code: "model/invalid-safetensors", at: path });
    expect(result.diagnostics[0]?.message).toContain(message);
  }));

  test("is never read outside, however its bytes are damaged", () => inTemporaryFolder((folder) => {
    const random = createRandom(3);
    const path = join(folder, "model.safetensors");
    for (let round = 0; round < 400; round++) {
      const bytes = Uint8Array.from(valid);
      for (let i = 0; i <= random.below(3); i++) bytes[random.below(bytes.length)] = random.below(256);
      writeFileSync(path, bytes.subarray(0, bytes.length - random.below(2) * random.below(bytes.length)));
      const result = open(folder);
      if (!result.ok) continue;
      for (const name of result.value.names) result.value.readRaw(name);
      result.value.close();
    }
  }));
});

describe("an index of shards", () => {
  const index = "model.safetensors.index.json";

  test.each<[string, unknown, string]>([
    ["without a map", {}, "`weight_map` must map tensors to files, found nothing"],
    ["with an empty map", { weight_map: {} }, "`weight_map` must map tensors to files"],
    ["that leaves the folder", { weight_map: { a: "../x.safetensors" } }, 'is in the text "../x.safetensors"'],
    ["with a path", { weight_map: { a: "/etc/x.safetensors" } }, "not a file of this folder"],
    ["with a path of another system", { weight_map: { a: "c:\\x.safetensors" } }, "not a file of this folder"],
    ["with two dots", { weight_map: { a: ".." } }, "not a file of this folder"],
    ["with a number", { weight_map: { a: 1 } }, "is in 1, which is not a file"],
  ])("%s is refused", (_, content, message) => inTemporaryFolder((folder) => {
    writeFileSync(join(folder, index), JSON.stringify(content));
    const result = open(folder);
    expect(result.diagnostics[0]).toMatchObject({ code: "model/invalid-index", at: join(folder, index) });
    expect(result.diagnostics[0]?.message).toContain(message);
  }));

  test("names each file that is missing", () => inTemporaryFolder((folder) => {
    writeFileSync(join(folder, index), JSON.stringify({ weight_map: { a: "1.safetensors", b: "2.safetensors" } }));
    expect(open(folder).diagnostics.map((each) => [each.code, each.message])).toEqual([
      ["model/missing-shard", "the folder lacks `1.safetensors`, which the index names"],
      ["model/missing-shard", "the folder lacks `2.safetensors`, which the index names"],
    ]);
  }));

  test("whose files share a tensor is refused, and faults of all files are reported", () => inTemporaryFolder((folder) => {
    writeFileSync(join(folder, "1.safetensors"), valid);
    writeFileSync(join(folder, "2.safetensors"), valid);
    writeFileSync(join(folder, "3.safetensors"), new Uint8Array(3));
    const map = { a: "1.safetensors", b: "2.safetensors", c: "3.safetensors" };
    writeFileSync(join(folder, index), JSON.stringify({ weight_map: map }));
    const messages = open(folder).diagnostics.map((each) => each.message);
    expect(messages).toHaveLength(2);
    expect(messages[0]).toContain("tensor `x` is also in");
    expect(messages[1]).toContain("a file of 3 bytes");
  }));
});

test.each<[string, string | undefined]>([
  ['{"a": 1, "b": {"a": 2}, "c": ["a", "a"]}', undefined],
  ['{"a": "b", "b": "a"}', undefined],
  ['{"a\\"": 1, "x" : [{"y": 1, "y" : 2}]}', "y"],
  ['{"a": [], "a": {}}', "a"],
])("the key that repeats in %s is %s", (text, key) => {
  expect(findRepeatedKey(text)).toBe(key);
});
