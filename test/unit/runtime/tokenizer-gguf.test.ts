// Vocabularies of GGUF files against the ids that llama.cpp's own tests expect of them.

import { readFileSync } from "node:fs";

import { describe, expect, test } from "vitest";

import { renderDiagnostics } from "../../../src/diagnostics/index.js";
import type { JsonObject } from "../../../src/frontend/index.js";
import { exportTokenizer } from "../../../src/frontend/index.js";
import { createNodeHost } from "../../../src/host/index.js";
import type { Tokenizer } from "../../../src/runtime/index.js";
import { loadTokenizer } from "../../../src/runtime/index.js";
import type { GgufValue } from "../../support/gguf.js";
import { writeGgufFile } from "../../support/gguf.js";
import { byteTokenizer, inTemporaryFolder, requireSharedModel } from "../../support/models.js";

const { files } = createNodeHost();

function vocabularyOf(path: string): Tokenizer {
  const loaded = loadTokenizer(path, files);
  if (!loaded.ok) throw new Error(renderDiagnostics(loaded.diagnostics));
  return loaded.value;
}

/** Texts and their ids, as `tests/test-tokenizer-0` of llama.cpp reads them. */
function goldens(path: string): readonly (readonly [text: string, ids: readonly number[]])[] {
  const texts = readFileSync(`${path}.inp`, "utf8").split("\n__ggml_vocab_test__\n");
  const lines = readFileSync(`${path}.out`, "utf8").split("\n");
  return texts.slice(0, lines.length).map((text, i) => [text, (lines[i] ?? "").split(" ").filter(Boolean).map(Number)]);
}

/** Texts that are cut otherwise than the files beside `path` say. */
function differences(tokenizer: Tokenizer, path: string): readonly object[] {
  const cases = goldens(path);
  expect(cases.length).toBeGreaterThan(40);
  return cases.flatMap(([text, ids]) => {
    const found = tokenizer.encode(text, { addBos: false });
    return found.join(" ") === ids.join(" ") ? [] : [{ text: text.slice(0, 60), found, ids }];
  });
}

interface Lists {
  readonly tokens: readonly string[];
  readonly merges: readonly string[];
}

function writeVocabulary(folder: string, pre: string, { tokens, merges }: Lists): string {
  const list = (values: readonly string[]): GgufValue => ({ type: "list", of: "string", values });
  return writeGgufFile(`${folder}/vocabulary.gguf`, {
    metadata: {
      "tokenizer.ggml.model": { type: "string", value: "gpt2" },
      "tokenizer.ggml.pre": { type: "string", value: pre },
      "tokenizer.ggml.tokens": list(tokens),
      "tokenizer.ggml.merges": list(merges),
    },
  });
}

const names = [
  "llama-spm", "phi-3", "gpt-2", "falcon", "deepseek-coder", "deepseek-llm", "starcoder", "mpt",
] as const;

describe("the vocabulary of a GGUF file", () => {
  test.skipIf(requireSharedModel("gguf-vocab") === "").each(names)("%s cuts texts as llama.cpp does", (name) => {
    const path = requireSharedModel("gguf-vocab", `ggml-vocab-${name}.gguf`);
    expect(differences(vocabularyOf(path), path)).toEqual([]);
  });

  const qwen = requireSharedModel("tokenizers", "qwen2.5", "vocab.json");
  test.skipIf(qwen === "")("qwen2 cuts texts as llama.cpp does, from its lists of tokens and merges", () =>
    inTemporaryFolder((folder) => {
      const ids = JSON.parse(readFileSync(qwen, "utf8")) as Record<string, number>;
      const tokens: string[] = [];
      for (const [token, id] of Object.entries(ids)) tokens[id] = token;
      const merges = readFileSync(requireSharedModel("tokenizers", "qwen2.5", "merges.txt"), "utf8")
        .split("\n")
        .filter((line) => line !== "" && !line.startsWith("#version"));
      const path = writeVocabulary(folder, "qwen2", { tokens, merges });
      expect(differences(vocabularyOf(path), requireSharedModel("gguf-vocab", "ggml-vocab-qwen2.gguf.inp").slice(0, -4))).toEqual([]);
    }));

  test.skipIf(requireSharedModel("gguf-vocab") === "")("restores every text that it cut", () => {
    for (const name of names) {
      const path = requireSharedModel("gguf-vocab", `ggml-vocab-${name}.gguf`);
      const tokenizer = vocabularyOf(path);
      for (const [text] of goldens(path)) expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
    }
  });
});

describe("a vocabulary is refused", () => {
  const lists = { tokens: ["a", "b", "ab"], merges: ["a b"] };

  test("when its cuts are not known, with what is", () => inTemporaryFolder((folder) => {
    const [first] = loadTokenizer(writeVocabulary(folder, "qwen-2", lists), files).diagnostics;
    expect(first).toMatchObject({
      code: "model/unsupported-tokenizer",
      message: "the pre-tokenizer `qwen-2` (`tokenizer.ggml.pre`) is not known",
      hint: "did you mean `qwen2`?",
    });
  }));

  test.each<readonly [string, Readonly<Record<string, GgufValue>>, string]>([
    ["of another kind", { "tokenizer.ggml.model": { type: "string", value: "bert" } }, "`tokenizer.ggml.model` is `bert`"],
    ["without tokens", {}, "`tokenizer.ggml.tokens` must be"],
    [
      "of a kind with a long name",
      { "tokenizer.ggml.model": { type: "string", value: "x".repeat(1e5) } },
      `\`tokenizer.ggml.model\` is \`${"x".repeat(80)}\`; supported`,
    ],
    [
      // Its ways to be split would take hours.
      "with a token of a million letters",
      { "tokenizer.ggml.tokens": { type: "list", of: "string", values: ["a", "a".repeat(1e6)] } },
      "token 1 is longer than 1024 characters",
    ],
    [
      "with a score too many",
      { "tokenizer.ggml.scores": { type: "list", of: "f32", values: [0, 0] } },
      "`tokenizer.ggml.scores` must have a number for each token",
    ],
    [
      "with a kind that is a word",
      { "tokenizer.ggml.token_type": { type: "list", of: "string", values: ["normal"] } },
      "`tokenizer.ggml.token_type` must have a number for each token",
    ],
  ])("%s", (name, metadata, message) => inTemporaryFolder((folder) => {
    const model = { "tokenizer.ggml.model": { type: "string", value: "llama" } } as const;
    const tokens = { "tokenizer.ggml.tokens": { type: "list", of: "string", values: ["a"] } } as const;
    const path = writeGgufFile(`${folder}/v.gguf`, {
      metadata: { ...model, ...(name === "without tokens" ? {} : tokens), ...metadata },
    });
    expect(loadTokenizer(path, files).diagnostics[0]?.message).toContain(message);
  }));
});

describe("a `tokenizer.json`", () => {
  const exported = (tokenizer: JsonObject) =>
    exportTokenizer(
      { tokenizer, vocabulary: 260, bosId: 256, eosIds: [257], addsBos: true, chatTemplate: undefined },
      "tokenizer.json",
    );
  const keyed = (tokenizer: JsonObject): Readonly<Record<string, unknown>> => {
    const result = exported(tokenizer);
    if (!result.ok) throw new Error(renderDiagnostics(result.diagnostics));
    return Object.fromEntries(result.value.map(({ key, stored }) => [key.replace("tokenizer.ggml.", ""), stored.value]));
  };

  test("of bytes is named after how it cuts, and filled up to the model's rows", () => {
    const entries = keyed(byteTokenizer());
    expect(entries).toMatchObject({ model: "gpt2", pre: "gpt-2", bos_token_id: 256, eos_token_id: 257, add_bos_token: true });
    expect((entries["tokens"] as readonly string[]).slice(256)).toEqual(["<s>", "</s>", "[PAD258]", "[PAD259]"]);
    expect((entries["token_type"] as readonly number[]).slice(255)).toEqual([1, 3, 3, 5, 5]);
  });

  const spm = (merges: readonly string[]): JsonObject => ({
    added_tokens: [],
    normalizer: { type: "Prepend", prepend: "▁" },
    decoder: { type: "Replace", pattern: { String: "▁" }, content: " " },
    model: { type: "BPE", byte_fallback: true, vocab: { "▁": 0, a: 1, b: 2, ab: 3, "▁ab": 4, "<0x0A>": 5 }, merges },
  });

  test("of SentencePiece becomes scores from which the same merges follow", () => {
    const entries = keyed(spm(["a b", "▁ ab"]));
    expect(entries).toMatchObject({ model: "llama", add_space_prefix: true });
    const scores = entries["scores"] as readonly number[];
    expect(scores[3]).toBeGreaterThan(scores[4] ?? 0);
    expect((entries["token_type"] as readonly number[]).slice(0, 7)).toEqual([1, 1, 1, 1, 1, 6, 5]);
  });

  test.each<readonly [string, JsonObject, string]>([
    ["whose merges leave one out", spm(["▁ ab"]), "do not follow from scores"],
    ["of Unigram", { model: { type: "Unigram", vocab: [["a", 0]] } }, "only BPE"],
    ["that rewrites texts", { ...byteTokenizer(), normalizer: { type: "Lowercase" } }, "rewrites a text"],
    [
      "that cuts in a way of its own",
      {
        ...byteTokenizer(),
        pre_tokenizer: {
          type: "Sequence",
          pretokenizers: [
            { type: "Split", pattern: { Regex: "x+" }, behavior: "Isolated", invert: false },
            { type: "ByteLevel", add_prefix_space: false, use_regex: false },
          ],
        },
      },
      "has no name there",
    ],
  ])("%s is refused", (_, tokenizer, message) => {
    const [first] = exported(tokenizer).diagnostics;
    expect(first?.code).toBe("model/not-convertible");
    expect(first?.message).toContain(message);
  });

  test("of more tokens than the model has rows is refused", () => {
    const vocab = Object.fromEntries(Array.from({ length: 300 }, (_, id) => [`t${id}`, id]));
    const [first] = exported({ model: { type: "BPE", vocab, merges: [] } }).diagnostics;
    expect(first?.message).toContain("it has 300 tokens, the model only 260");
  });
});
