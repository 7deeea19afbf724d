// The tokenizer against known ids of real vocabularies, its streaming against whole texts, and damaged files.

import { readFileSync } from "node:fs";
import { join } from "node:path";

import { Tokenizer as LibraryTokenizer } from "@huggingface/tokenizers";
import { beforeAll, describe, expect, test } from "vitest";

import { createRandom } from "../../../src/base/index.js";
import { createNodeHost } from "../../../src/host/index.js";
import type { Tokenizer } from "../../../src/runtime/tokenizer.js";
import { createTokenizer, loadTokenizer } from "../../../src/runtime/tokenizer.js";
import type { TokenizerLibrary } from "../../../src/runtime/tokenizer-library.js";
import { byteTokenizer, inTemporaryFolder, requireSharedModel, writeRandomLlama } from "../../support/models.js";

const { files } = createNodeHost();

function load(folder: string): Tokenizer {
  const result = loadTokenizer(folder, files);
  if (!result.ok) throw new Error(result.diagnostics.map((each) => each.message).join("; "));
  return result.value;
}

/** The pieces of what follows a prompt. */
function stream(
  tokenizer: Tokenizer,
  ids: readonly number[],
  prompt: readonly number[] = [],
): readonly string[] {
  const text = tokenizer.stream(prompt);
  return [...ids.map((id) => text.push(id)), text.end()];
}

const storiesFolder = requireSharedModel("stories260K-hf");

describe.skipIf(storiesFolder === "")("the tokenizer of stories260K", () => {
  const shared = join(storiesFolder, "..");
  let tokenizer: Tokenizer;

  beforeAll(() => {
    tokenizer = load(storiesFolder);
  });

  test("knows its control tokens", () => {
    expect(tokenizer).toMatchObject({ vocabulary: 512, bosId: 1, eosIds: [2], addsBos: true });
  });

  test("encodes as the reference does", () => {
    const reference = JSON.parse(readFileSync(join(shared, "reference.json"), "utf8"));
    const greedy: number[] = reference.greedy.stories260K.ids_from_bos;
    expect(tokenizer.encode("Once upon a time")).toEqual([1, 403, 407, 261, 378]);
    expect(tokenizer.encode("Once upon a time", { addBos: false })).toEqual([403, 407, 261, 378]);
    expect(tokenizer.encode(tokenizer.decode(greedy))).toEqual(greedy);
    const text = readFileSync(join(shared, reference.eval.text), "utf8").slice(0, 1024);
    expect(tokenizer.encode(text).slice(0, 512)).toEqual(reference.eval.first_chunk_ids);
  });

  test("restores the reference text, whole and in pieces", () => {
    const text = readFileSync(join(shared, "stories260K", "greedy-256.txt"), "utf8");
    const ids = tokenizer.encode(text);
    expect(tokenizer.decode(ids)).toBe(text);
    expect(stream(tokenizer, ids).join("")).toBe(text);
  });

  test("keeps the space between a prompt and what follows", () => {
    const prompt = tokenizer.encode("Once upon");
    const whole = tokenizer.encode("Once upon a time");
    expect(whole.slice(0, prompt.length)).toEqual(prompt);
    expect(stream(tokenizer, whole.slice(prompt.length), prompt).join("")).toBe(" a time");
    expect(stream(tokenizer, whole.slice(1), [1]).join("")).toBe("Once upon a time");
  });

  test("holds an emoji of four byte tokens back until it is complete", () => {
    const ids = tokenizer.encode("a 🙂!", { addBos: false });
    expect(tokenizer.decode(ids)).toBe("a 🙂!");
    const pieces = stream(tokenizer, ids);
    expect(pieces.filter((each) => each.includes("\ufffd"))).toEqual([]);
    expect(pieces).toContain("🙂");
  });

  test("answers a byte that begins no character with a replacement character", () => {
    const lone = tokenizer.encode("🙂", { addBos: false }).slice(0, -1);
    expect(stream(tokenizer, lone).at(-1)).toBe("\ufffd");
  });
});

/** Cases of llama.cpp's vocabulary tests: texts, and the ids of each on a line. */
function goldenCases(name: string): readonly { readonly text: string; readonly ids: readonly number[] }[] {
  const base = requireSharedModel("gguf-vocab", `ggml-vocab-${name}.gguf.inp`);
  if (base === "") return [];
  const texts = readFileSync(base, "utf8").split("\n__ggml_vocab_test__\n");
  const lines = readFileSync(base.replace(/inp$/, "out"), "utf8").split("\n");
  const idsOf = (line: string): readonly number[] => line.split(" ").filter((id) => id !== "").map(Number);
  return texts.map((text, i) => ({ text, ids: idsOf(lines[i] ?? "") }));
}

const goldenTokenizers = [
  { folder: "gpt2", golden: "gpt-2" },
  { folder: "llama2", golden: "llama-spm" },
  { folder: "phi-3-mini", golden: "phi-3" },
  { folder: "falcon", golden: "falcon" },
];

describe.each(goldenTokenizers)("the tokenizer $folder", ({ folder, golden }) => {
  const path = requireSharedModel("tokenizers", folder);
  const cases = goldenCases(golden);

  const isAbsent = path === "" || cases.length === 0;

  test.skipIf(isAbsent)("encodes the known texts as llama.cpp does", () => {
    const tokenizer = load(path);
    expect(cases).toHaveLength(47);
    const wrong = cases.filter(({ text, ids }) => {
      return JSON.stringify(tokenizer.encode(text, { addBos: false })) !== JSON.stringify(ids);
    });
    expect(wrong).toEqual([]);
  });

  test.skipIf(isAbsent)("restores the known texts", () => {
    const tokenizer = load(path);
    for (const { text } of cases) {
      const ids = tokenizer.encode(text, { addBos: false });
      expect(tokenizer.decode(ids)).toBe(text);
    }
  });
});

describe("a stream of tokens", () => {
  const byteLevel = createTokenizer({ tokenizer: byteTokenizer() });
  if (!byteLevel.ok) throw new Error("the byte tokenizer is valid");
  const tokenizer = byteLevel.value;

  test("gives whole characters only, and together the text", () => {
    const text = "naïve 日本語 👩‍👩‍👧 end\ufeff\n";
    const ids = tokenizer.encode(text);
    expect(ids).toEqual([...new TextEncoder().encode(text)]);
    const pieces = stream(tokenizer, ids);
    expect(pieces.join("")).toBe(text);
    expect(pieces.filter((each) => each !== "")).toEqual([...text]);
  });

  test("leaves control tokens out unless asked", () => {
    const ids = [256, 104, 105, 257];
    expect(tokenizer.decode(ids)).toBe("hi");
    expect(tokenizer.decode(ids, { skipSpecial: false })).toBe("<s>hi</s>");
  });

  test("passes over ids that the vocabulary does not have", () => {
    expect(tokenizer.decode([104, 99_999, -1, 105])).toBe("hi");
  });

  test("reads control tokens in a text as their ids", () => {
    expect(tokenizer.encode("a</s>b", { addBos: false })).toEqual([97, 257, 98]);
  });
});

describe.each(["gpt2", "falcon", "gpt-neox", "llama2", "mistral-7b-v0.3", "olmo2-dolma2", "phi-3-mini"])(
  "our decoding of %s",
  (name) => {
    const folder = requireSharedModel("tokenizers", name);

    test.skipIf(folder === "")("encodes as the library does when it fills its own tables", () => {
      const [tokenizer, library] = [load(folder), wholeLibrary(folder)];
      const random = createRandom(11);
      const words = Array.from({ length: 400 }, () => tokenizer.tokenName(random.below(tokenizer.vocabulary)) ?? " ");
      const texts = ["", " ", "   a  b\n\n\tc", "Ünïcödé 漢字 🙂‍🙂", words.join(""), words.join(" ")];
      for (const text of texts) {
        const expected = library.encode(text, { add_special_tokens: false }).ids;
        expect(tokenizer.encode(text, { addBos: false })).toEqual(expected);
      }
    });

    test.skipIf(folder === "")("agrees with the library's on random ids", () => {
      const tokenizer = load(folder);
      const library = wholeLibrary(folder);
      const random = createRandom(7);
      for (let round = 0; round < 200; round++) {
        const ids = Array.from({ length: 1 + random.below(12) }, () => random.below(tokenizer.vocabulary))
          .filter((id) => tokenizer.tokenName(id) !== undefined && !tokenizer.text.isSpecial(id));
        if (ids.length === 0) continue;
        const expected = libraryDecode(library, ids);
        expect(tokenizer.decode(ids)).toBe(expected);
        expect(stream(tokenizer, ids).join("")).toBe(expected);
      }
    });
  },
);

/** Built by the library alone. */
function wholeLibrary(folder: string): TokenizerLibrary {
  const Library = LibraryTokenizer as unknown as new (tokenizer: object, config: object) => TokenizerLibrary;
  const absent = { normalizer: null, pre_tokenizer: null, post_processor: null, added_tokens: [] };
  const record = JSON.parse(readFileSync(join(folder, "tokenizer.json"), "utf8")) as object;
  return new Library({ ...absent, ...record }, {});
}

function libraryDecode(library: object, ids: readonly number[]): string {
  const { decode } = library as { decode(ids: readonly number[], options: object): string };
  return decode.call(library, ids, { clean_up_tokenization_spaces: false, skip_special_tokens: true });
}

describe("a damaged tokenizer", () => {
  const model = byteTokenizer()["model"] as Record<string, unknown>;
  const damaged: readonly [string, Record<string, unknown>, string, string][] = [
    ["no model", { model: undefined }, "model/invalid-tokenizer", "`model` must be an object, found nothing"],
    ["a vocabulary that is a list", { model: { ...model, vocab: [] } }, "model/invalid-tokenizer", "`model.vocab` must be an object"],
    ["an id that is a text", { model: { ...model, vocab: { a: "1" } } }, "model/invalid-tokenizer", 'token "a" has the id the text "1"'],
    ["an id beyond all vocabularies", { model: { ...model, vocab: { a: 1e9 } } }, "model/invalid-tokenizer", 'token "a" has the id'],
    ["a negative id", { model: { ...model, vocab: { a: -1 } } }, "model/invalid-tokenizer", 'token "a" has the id -1'],
    ["one id for two tokens", { model: { ...model, vocab: { a: 0, b: 0 } } }, "model/invalid-tokenizer", "have the same id, 0"],
    ["an empty vocabulary", { model: { ...model, vocab: {} } }, "model/invalid-tokenizer", "`model.vocab` is empty"],
    ["no merges", { model: { ...model, merges: undefined } }, "model/invalid-tokenizer", "`model.merges` must be a list"],
    ["a merge of one token", { model: { ...model, merges: ["ab"] } }, "model/invalid-tokenizer", "entry 0 of `model.merges`"],
    ["an unknown token without an id", { model: { ...model, unk_token: "<u>" } }, "model/invalid-tokenizer", "`model.unk_token`"],
    ["a model of another kind", { model: { ...model, type: "WordPiece" } }, "model/invalid-tokenizer", "`model.type` is"],
    ["added tokens that are no list", { added_tokens: 5 }, "model/invalid-tokenizer", "`added_tokens` must be a list"],
    ["an added token without an id", { added_tokens: [{ content: "x" }] }, "model/invalid-tokenizer", "an entry of `added_tokens`"],
    ["no decoder", { decoder: null }, "model/unsupported-tokenizer", "the decoder has null where a step is expected"],
    ["a decoder that is unknown", { decoder: { type: "CTC" } }, "model/unsupported-tokenizer", '"CTC" is not supported'],
    ["a pre-tokenizer that is unknown", { pre_tokenizer: { type: "Magic" } }, "model/unsupported-tokenizer", "cannot be built"],
    [
      "an expression that is none",
      { pre_tokenizer: { type: "Split", pattern: { Regex: "(" }, behavior: "Isolated" } },
      "model/unsupported-tokenizer",
      "cannot be built",
    ],
  ];

  test.each(damaged)("with %s is refused", (_, change, code, message) => {
    const result = createTokenizer({ tokenizer: { ...byteTokenizer(), ...change } });
    expect(result.ok).toBe(false);
    expect(result.diagnostics[0]).toMatchObject({ code, at: "tokenizer.json" });
    expect(result.diagnostics[0]?.message).toContain(message);
  });

  test("that is no JSON is refused with a place", () => inTemporaryFolder((folder) => {
    writeRandomLlama(folder);
    files.write(join(folder, "tokenizer.json"), '{"model": ');
    const result = loadTokenizer(folder, files);
    expect(result.diagnostics[0]).toMatchObject({ code: "model/invalid-json", place: { span: { start: 10 } } });
  }));

  test("that is absent is refused with a hint", () => inTemporaryFolder((folder) => {
    const result = loadTokenizer(folder, files);
    expect(result.diagnostics[0]).toMatchObject({ code: "model/not-found", at: folder });
    expect(result.diagnostics[0]?.hint).toContain("tokenizer.model");
  }));
});

test("the written byte-level tokenizer is that of its model", () => inTemporaryFolder((folder) => {
  const tokenizer = load(writeRandomLlama(folder));
  expect(tokenizer).toMatchObject({ vocabulary: 258, bosId: 256, eosIds: [257], addsBos: true });
  expect(tokenizer.encode("hi")).toEqual([256, 104, 105]);
}));
