// Headers of GGUF files: what a good one says, and every way in which one may lie.

import { readFileSync } from "node:fs";

import { describe, expect, test } from "vitest";

import type { RandomAccessFile } from "../../../src/base/index.js";
import { createRandom } from "../../../src/base/index.js";
import type { Result } from "../../../src/diagnostics/index.js";
import { collect } from "../../../src/diagnostics/index.js";
import { importModel, readGgufHeader } from "../../../src/frontend/index.js";
import { createNodeHost } from "../../../src/host/index.js";
import type { GgufSpec } from "../../support/gguf.js";
import { damage, ggufBytes, ggufTypes, u32, u64, writeGgufFile } from "../../support/gguf.js";
import { inTemporaryFolder, requireSharedModel } from "../../support/models.js";

type Header = ReturnType<typeof readGgufHeader>;

/** A file in memory that fails where a real one would: a read that leaves it. */
function fileOf(
  bytes: Uint8Array,
  onRead: (offset: number, length: number) => void = () => undefined,
): RandomAccessFile {
  return {
    path: "model.gguf",
    sizeBytes: bytes.length,
    read: (offset, length) => {
      if (offset < 0 || length < 0 || offset + length > bytes.length) throw new RangeError("a read outside the file");
      onRead(offset, length);
      return bytes.slice(offset, offset + length);
    },
    close: () => undefined,
  };
}

function read(spec: GgufSpec | Uint8Array): Result<Header> {
  const bytes = spec instanceof Uint8Array ? spec : ggufBytes(spec);
  return collect(() => readGgufHeader(fileOf(bytes)));
}

const matrix = { name: "w", extents: [64, 2], type: 8, bytes: new Uint8Array(136) };

describe("a header", () => {
  test.each([2, 3])("of version %i gives metadata of every type and places of tensors", (version) => {
    const result = read({
      version,
      metadata: {
        a: { type: "u8", value: 250 }, b: { type: "i8", value: -3 }, c: { type: "u16", value: 65000 },
        d: { type: "i16", value: -300 }, e: { type: "u32", value: 4e9 | 0 }, f: { type: "i32", value: -7 },
        g: { type: "f32", value: 0.5 }, h: { type: "bool", value: true }, i: { type: "string", value: "é\ufeff" },
        j: { type: "u64", value: 2n ** 40n }, k: { type: "i64", value: -5n }, l: { type: "f64", value: 0.1 },
        m: { type: "list", of: "string", values: ["x", ""] }, n: { type: "list", of: "i16", values: [1, -1] },
        "general.alignment": { type: "u32", value: 64 },
      },
      alignment: 64,
      tensors: [{ name: "first", extents: [3], type: 0, bytes: new Uint8Array(12) }, matrix],
    });
    if (!result.ok) throw new Error(result.diagnostics[0]?.message);
    const { metadata, tensors, alignment, dataStart } = result.value;
    expect(Object.fromEntries(metadata)).toMatchObject({
      a: 250, b: -3, c: 65000, d: -300, e: 4e9 - 0, f: -7, g: 0.5, h: true, i: "é\ufeff", j: 2 ** 40, k: -5, l: 0.1,
      m: ["x", ""], n: [1, -1],
    });
    expect([alignment, dataStart % 64]).toEqual([64, 0]);
    expect(tensors.get("first")).toMatchObject({ shape: [3], offsetBytes: dataStart, sizeBytes: 12 });
    expect(tensors.get("w")).toMatchObject({ shape: [2, 64], offsetBytes: dataStart + 64, sizeBytes: 136 });
    expect(tensors.get("w")?.type.name).toBe("Q8_0");
  });

  test.skipIf(requireSharedModel("gguf-vocab") === "")("of real files is read", () => {
    for (const name of ["llama-spm", "gpt-2", "deepseek-llm"]) {
      const path = requireSharedModel("gguf-vocab", `ggml-vocab-${name}.gguf`);
      const result = read(readFileSync(path));
      expect(result.ok && result.value.metadata.get("general.name")).toBe(name);
    }
  });

  test("is read without the tensors behind it", () => {
    let furthest = 0;
    const bytes = ggufBytes({ tensors: [{ name: "big", extents: [4 << 20], type: 0, bytes: new Uint8Array(16 << 20) }] });
    readGgufHeader(fileOf(bytes, (offset, length) => (furthest = Math.max(furthest, offset + length))));
    expect(furthest).toBeLessThanOrEqual(1 << 20);
  });
});

const nested = (depth: number): Uint8Array =>
  Buffer.concat([
    u32(ggufTypes.list),
    ...Array.from({ length: depth }, () => Buffer.concat([u32(ggufTypes.list), u64(1)])),
    u32(ggufTypes.u8), u64(0),
  ]);

describe("a file is refused", () => {
  const huge = 2n ** 63n;
  const cases: readonly [string, GgufSpec | Uint8Array, string][] = [
    ["of another kind", { magic: "GGML" }, "does not start with `GGUF`"],
    ["of no bytes", new Uint8Array(0), "ends inside its first four bytes"],
    ["that ends in its counts", ggufBytes().subarray(0, 18), "ends inside the number of"],
    ["of version 1", { version: 1 }, "of version 1 of GGUF"],
    ["of version 99", { version: 99 }, "of version 99 of GGUF"],
    ["in big-endian", { version: 0x03000000 }, "big-endian"],
    ["with more tensors than bytes", { tensorCount: huge }, "says 9223372036854775808 for the number of tensors"],
    ["with more entries than bytes", { entryCount: 1e6 }, "says 1000000 for the number of metadata entries"],
    ["with a key longer than itself", Buffer.concat([ggufBytes({ entryCount: 0 }).subarray(0, 16), u64(1), u64(2n ** 40n), new Uint8Array(32)]), "for the length of the key of metadata entry 0"],
    ["with a text longer than itself", { metadata: { a: Buffer.concat([u32(8), u64(huge)]) } }, "for the length of the value of `a`"],
    ["with a list longer than itself", { metadata: { a: Buffer.concat([u32(9), u32(4), u64(1e9)]) } }, "says 1000000000 for the number of elements"],
    ["with lists in lists in lists", { metadata: { a: nested(9) } }, "nests lists more than 4 deep in the value of `a`"],
    ["with a value of no type", { metadata: { a: u32(13) } }, "unknown type 13 for the value of `a`"],
    ["with a flag of 2", { metadata: { a: Buffer.concat([u32(7), Uint8Array.of(2)]) } }, "neither true nor false"],
    ["with an alignment of 3", { metadata: { "general.alignment": { type: "u32", value: 3 } } }, "has 3 for `general.alignment`"],
    ["with an alignment of 0", { metadata: { "general.alignment": { type: "u32", value: 0 } } }, "has 0 for `general.alignment`"],
    ["with a tensor of no type", { tensors: [{ ...matrix, type: 99 }] }, "tensor `w` has the unknown type 99"],
    ["with a tensor of five dimensions", { tensors: [{ ...matrix, extents: [64, 1, 1, 1, 2] }] }, "5 dimensions"],
    ["with rows that blocks do not divide", { tensors: [{ ...matrix, extents: [48, 2] }] }, "stored as Q8_0 in blocks of 32"],
    ["with a tensor beyond itself", { tensors: [{ ...matrix, offset: 1 << 20 }] }, "which has only"],
    ["with a tensor of 2^64 elements", { tensors: [{ ...matrix, extents: [2n ** 32n, 2n ** 32n] }] }, "ends at byte"],
    ["with an offset near 2^64", { tensors: [{ ...matrix, offset: 2n ** 64n - 32n }] }, "ends at byte"],
    ["with an offset that is not aligned", { tensors: [matrix, { ...matrix, name: "v", offset: 8 }] }, "not at a multiple of 32"],
    ["with tensors in one place", { tensors: [matrix, { ...matrix, name: "v", offset: 0 }] }, "tensors `v` and `w` overlap"],
    ["with a tensor twice", { tensors: [matrix, matrix] }, "tensor `w` is described twice"],
    ["with a name of 300 letters", { tensors: [{ ...matrix, name: "n".repeat(300) }] }, "300 bytes for the name of tensor 0"],
  ];
  test.each(cases)("%s", (_, spec, message) => {
    const result = read(spec);
    expect(result.ok).toBe(false);
    const [first] = result.diagnostics;
    expect(first?.code).toMatch(/^model\/(invalid|unsupported)-gguf$/);
    expect(first?.message).toContain(message);
    expect(first?.at).toBe("model.gguf");
  });

  test("with a key twice", () => {
    const entry = (key: string) => ({ [key]: { type: "u8", value: 1 } }) as const;
    const bytes = ggufBytes({ metadata: { ...entry("ab"), ...entry("ac") } });
    bytes[bytes.indexOf("c".charCodeAt(0))] = "b".charCodeAt(0);
    expect(read(bytes).diagnostics[0]?.message).toBe("the file has the metadata key `ab` twice");
  });
});

describe("whatever bytes a header holds", () => {
  const valid: GgufSpec = {
    metadata: {
      "general.architecture": { type: "string", value: "llama" },
      "llama.block_count": { type: "u32", value: 1 },
      "llama.embedding_length": { type: "u32", value: 32 },
      "tokenizer.ggml.tokens": { type: "list", of: "string", values: ["<unk>", "a", "b"] },
      "tokenizer.ggml.scores": { type: "list", of: "f32", values: [0, -1, -2] },
      "x.nested": nested(2),
    },
    tensors: [
      matrix,
      { name: "token_embd.weight", extents: [32, 3], type: 2, bytes: new Uint8Array(54) },
      { name: "k", extents: [256, 2, 1], type: 12, bytes: new Uint8Array(288) },
    ],
  };

  test("it is read or refused, and no read leaves the file", () => {
    const random = createRandom(11);
    const bytes = ggufBytes(valid);
    const headerBytes = bytes.length - 500;
    let [good, bad] = [0, 0];
    for (let round = 0; round < 4000; round++) {
      const result = read(damage(bytes, random, headerBytes));
      if (result.ok) good += 1;
      else bad += 1;
      const codes = result.diagnostics.map(({ code }) => code);
      expect(codes.every((code) => /^model\/(invalid|unsupported)-gguf$/.test(code))).toBe(true);
    }
    // Both happen, or the test would show nothing.
    expect(Math.min(good, bad)).toBeGreaterThan(100);
  });

  test("a model of it is imported or refused", () => inTemporaryFolder((folder) => {
    const random = createRandom(12);
    const bytes = ggufBytes(valid);
    const { files } = createNodeHost();
    for (let round = 0; round < 150; round++) {
      const path = `${folder}/${round}.gguf`;
      files.write(path, damage(bytes, random, bytes.length - 500));
      const imported = importModel(path, files, { blockSize: 16 });
      if (imported.ok) imported.value.weights?.close();
      expect(imported.diagnostics.every(({ code }) => code.startsWith("model/"))).toBe(true);
    }
  }));
});

test("a file that names another architecture is refused with those that are known", () => inTemporaryFolder((folder) => {
  const path = writeGgufFile(`${folder}/m.gguf`, { metadata: { "general.architecture": { type: "string", value: "lama" } } });
  const [first] = importModel(path, createNodeHost().files, { blockSize: 16 }).diagnostics;
  expect(first).toMatchObject({ code: "model/unknown-architecture", hint: "did you mean `llama`?" });
}));
