/**
 * The vocabulary of a GGUF file in the form of `tokenizer.json` and `tokenizer_config.json`, so that one
 * tokenizer reads both: byte-level BPE (`gpt2`), and SentencePiece BPE with scores (`llama`), whose merges
 * follow from them: two tokens merge where their text is a token, the one of the higher score first.
 */

import type { Diagnostic, Result } from "../../diagnostics/index.js";
import { diagnostic, didYouMean, failure, success } from "../../diagnostics/index.js";
import type { JsonObject } from "../json.js";
import { preTokenizers } from "./pre-tokenizers.js";
import type { Metadata, MetadataValue } from "./values.js";

export interface TokenizerRecords {
  /** As `tokenizer.json`, but with `model.vocab` as a `Map`. */
  readonly tokenizer: JsonObject;
  readonly tokenizerConfig: JsonObject;
  /** Ids of control tokens, as `generation_config.json` spells them. */
  readonly generationConfig: JsonObject;
}

/** Of a SentencePiece token: the ways to split one cost its square, and trainers make them far shorter. */
const maxPieceLength = 1024;
/** Of a text of the file in a message. */
const shownLength = 80;

/** Kinds of tokens in `tokenizer.ggml.token_type`. */
export const tokenKinds = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;

/** The tokenizer of a file's metadata; `at` names the file. */
export function readGgufTokenizer(metadata: Metadata, at: string): Result<TokenizerRecords> {
  const model = metadata.get("tokenizer.ggml.model");
  const vocabulary = readVocabulary(metadata);
  if (typeof vocabulary === "string") return failure(invalid(vocabulary, at));
  if (model === "llama") {
    const long = vocabulary.tokens.findIndex(({ length }) => length > maxPieceLength);
    if (long >= 0) return failure(invalid(`token ${long} is longer than ${maxPieceLength} characters`, at));
    return assemble(spmTokenizer(vocabulary, metadata), { vocabulary, metadata, at });
  }
  if (model !== "gpt2") return failure(unsupportedModel(model, at));
  // Files from before the key existed were cut like GPT-2's; so are GPT-NeoX's, which name nothing.
  const name = metadata.get("tokenizer.ggml.pre") ?? "gpt-2";
  const pre = preTokenizers.get(String(name));
  if (pre === undefined) return failure(unsupportedPre(String(name), at));
  const merges = metadata.get("tokenizer.ggml.merges");
  if (!isTexts(merges)) return failure(invalid("`tokenizer.ggml.merges` must be a list of texts", at));
  return assemble(byteLevelTokenizer(vocabulary, pre, merges), { vocabulary, metadata, at });
}

function invalid(message: string, at: string): Diagnostic {
  return diagnostic("model/invalid-tokenizer", message, { at });
}

function unsupportedModel(model: unknown, at: string): Diagnostic {
  const found = typeof model === "string" ? `\`${model.slice(0, shownLength)}\`` : "absent";
  return diagnostic("model/unsupported-tokenizer", `\`tokenizer.ggml.model\` is ${found}; supported: \`llama\`, \`gpt2\``, { at });
}

function unsupportedPre(name: string, at: string): Diagnostic {
  const known = [...preTokenizers.keys()];
  const message = `the pre-tokenizer \`${name.slice(0, shownLength)}\` (\`tokenizer.ggml.pre\`) is not known`;
  return diagnostic("model/unsupported-tokenizer", message, {
    at,
    hint: didYouMean(name, known) ?? `known: ${known.join(", ")}`,
  });
}

interface Vocabulary {
  readonly tokens: readonly string[];
  /** By id; -1 for each where the file has none. */
  readonly kinds: readonly number[];
  /** By id; empty where the file has none. */
  readonly scores: readonly number[];
}

function readVocabulary(metadata: Metadata): Vocabulary | string {
  const tokens = metadata.get("tokenizer.ggml.tokens");
  if (!isTexts(tokens) || tokens.length === 0) return "`tokenizer.ggml.tokens` must be a list of texts";
  const kinds = metadata.get("tokenizer.ggml.token_type") ?? tokens.map(() => tokenKinds.normal);
  const scores = metadata.get("tokenizer.ggml.scores") ?? [];
  if (!isNumbers(kinds) || kinds.length !== tokens.length) {
    return "`tokenizer.ggml.token_type` must have a number for each token";
  }
  if (!isNumbers(scores) || (scores.length > 0 && scores.length !== tokens.length)) {
    return "`tokenizer.ggml.scores` must have a number for each token";
  }
  return { tokens, kinds, scores };
}

function isTexts(value: MetadataValue | undefined): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === "string");
}

function isNumbers(value: MetadataValue | undefined): value is readonly number[] {
  return Array.isArray(value) && value.every((each) => typeof each === "number");
}

interface AssemblyInput {
  readonly vocabulary: Vocabulary;
  readonly metadata: Metadata;
  readonly at: string;
}

function assemble(parts: JsonObject, { vocabulary, metadata, at }: AssemblyInput): Result<TokenizerRecords> {
  const { tokens } = vocabulary;
  const idOf = (name: string): number | undefined => {
    const id = metadata.get(`tokenizer.ggml.${name}_token_id`);
    return typeof id === "number" && tokens[id] !== undefined ? id : undefined;
  };
  const [bos, eos] = [idOf("bos"), idOf("eos")];
  const ends = [eos, idOf("eot"), idOf("eom")].filter((id) => id !== undefined);
  const isSpm = metadata.get("tokenizer.ggml.model") === "llama";
  const addsBos = metadata.get("tokenizer.ggml.add_bos_token") ?? isSpm;
  if (typeof addsBos !== "boolean") return failure(invalid("`tokenizer.ggml.add_bos_token` must be true or false", at));
  return success({
    tokenizer: { version: "1.0", added_tokens: addedTokens(vocabulary), post_processor: null, ...parts },
    tokenizerConfig: {
      add_bos_token: addsBos,
      ...(bos === undefined ? {} : { bos_token: tokens[bos] }),
      ...(eos === undefined ? {} : { eos_token: tokens[eos] }),
    },
    generationConfig: { bos_token_id: bos ?? null, eos_token_id: [...new Set(ends)] },
  });
}

/** Control tokens are special; user-defined ones are cut out of a text first as well, but are text. */
function addedTokens({ tokens, kinds }: Vocabulary): readonly JsonObject[] {
  return tokens.flatMap((content, id) => {
    const kind = kinds[id];
    const isSpecial = kind === tokenKinds.control || kind === tokenKinds.unknown;
    if (content === "" || (!isSpecial && kind !== tokenKinds.userDefined)) return [];
    const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false };
    return [{ id, content, ...flags, special: isSpecial }];
  });
}

/* ---- Byte-level BPE ---- */

function byteLevelTokenizer(
  vocabulary: Vocabulary,
  { patterns, ignoresMerges }: { readonly patterns: readonly string[]; readonly ignoresMerges: boolean },
  merges: readonly string[],
): JsonObject {
  const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false };
  const splits = patterns.map((Regex) => ({ type: "Split", pattern: { Regex }, behavior: "Isolated", invert: false }));
  return {
    normalizer: null,
    pre_tokenizer: { type: "Sequence", pretokenizers: [...splits, byteLevel] },
    decoder: byteLevel,
    model: {
      type: "BPE",
      unk_token: null,
      ignore_merges: ignoresMerges,
      vocab: idsByToken(vocabulary),
      merges,
    },
  };
}

/** The first id of a token that occurs twice: some files fill up their table with empty ones. */
function idsByToken({ tokens }: Vocabulary): ReadonlyMap<string, number> {
  const ids = new Map<string, number>();
  tokens.forEach((token, id) => {
    if (!ids.has(token)) ids.set(token, id);
  });
  return ids;
}

/* ---- SentencePiece ---- */

function spmTokenizer(vocabulary: Vocabulary, metadata: Metadata): JsonObject {
  const { tokens, kinds } = vocabulary;
  const prefixes = metadata.get("tokenizer.ggml.add_space_prefix") !== false;
  const prepend = prefixes ? [{ type: "Prepend", prepend: "▁" }] : [];
  const strip = prefixes ? [{ type: "Strip", content: " ", start: 1, stop: 0 }] : [];
  const replace = { type: "Replace", pattern: { String: " " }, content: "▁" };
  const restore = { type: "Replace", pattern: { String: "▁" }, content: " " };
  const unknown = metadata.get("tokenizer.ggml.unknown_token_id");
  const unknownId = typeof unknown === "number" ? unknown : kinds.indexOf(tokenKinds.unknown);
  return {
    normalizer: { type: "Sequence", normalizers: [...prepend, replace] },
    pre_tokenizer: null,
    decoder: { type: "Sequence", decoders: [restore, { type: "ByteFallback" }, { type: "Fuse" }, ...strip] },
    model: {
      type: "BPE",
      unk_token: tokens[unknownId] ?? null,
      fuse_unk: true,
      byte_fallback: kinds.includes(tokenKinds.byte),
      vocab: idsByToken(vocabulary),
      merges: mergesOfScores(vocabulary),
    },
  };
}

/** Pairs of tokens whose text is a token, by falling score of what they make. */
export function mergesOfScores(vocabulary: Vocabulary): readonly (readonly [string, string])[] {
  const { tokens, kinds, scores } = vocabulary;
  const mergeable = new Map<string, number>();
  tokens.forEach((token, id) => {
    if (kinds[id] === tokenKinds.normal && !mergeable.has(token)) mergeable.set(token, id);
  });
  const ranked = [...mergeable].sort(([, a], [, b]) => (scores[b] ?? 0) - (scores[a] ?? 0) || a - b);
  return ranked.flatMap(([token]) => splitsOf(token, mergeable));
}

/** Between characters, not halves of surrogate pairs. */
function splitsOf(token: string, known: ReadonlyMap<string, number>): readonly (readonly [string, string])[] {
  const splits: (readonly [string, string])[] = [];
  let end = 0;
  for (const character of token) {
    end += character.length;
    const [left, right] = [token.slice(0, end), token.slice(end)];
    if (right !== "" && known.has(left) && known.has(right)) splits.push([left, right]);
  }
  const idOf = (text: string): number => known.get(text) ?? 0;
  return splits.sort(([a, c], [b, d]) => idOf(a) - idOf(b) || idOf(c) - idOf(d));
}
