/**
 * `tokenizer.json` as GGUF metadata: byte-level BPE whose cuts have a name there, and SentencePiece BPE
 * whose merges follow from scores. What has no faithful form is refused, never approximated.
 */

import type { Diagnostic, Result } from "../../diagnostics/index.js";
import { diagnostic, failure, success } from "../../diagnostics/index.js";
import type { JsonObject } from "../json.js";
import { describeJson, isJsonObject } from "../json.js";
import type { PreTokenizer } from "./pre-tokenizers.js";
import { gpt2Pattern, preTokenizers } from "./pre-tokenizers.js";
import { mergesOfScores, tokenKinds } from "./read-tokenizer.js";
import type { MetadataEntry } from "./write-gguf.js";

export interface TokenizerExport {
  /** `tokenizer.json`, checked. */
  readonly tokenizer: JsonObject;
  /** Tokens that the model has rows for; the rest of the table is filled up. */
  readonly vocabulary: number;
  readonly bosId: number | undefined;
  /** The first is the end of a text, others end a turn. */
  readonly eosIds: readonly number[];
  readonly addsBos: boolean;
  /** A Jinja template, if the folder has one. */
  readonly chatTemplate: string | undefined;
}

export function exportTokenizer(input: TokenizerExport, at: string): Result<readonly MetadataEntry[]> {
  const { tokenizer } = input;
  const model = tokenizer["model"];
  if (!isJsonObject(model)) return failure(notConvertible("it has no `model`", at));
  const table = readTable(input, model);
  if (typeof table === "string") return failure(notConvertible(table, at));
  const own = describeModel(tokenizer, model, table);
  return typeof own === "string" ? failure(notConvertible(own, at)) : success([...own, ...commonEntries(input, table)]);
}

function notConvertible(why: string, at: string): Diagnostic {
  return diagnostic("model/not-convertible", `the tokenizer cannot be written as GGUF: ${why}`, { at });
}

interface Table {
  /** By id, without holes. */
  readonly tokens: readonly string[];
  readonly kinds: readonly number[];
}

/** All tokens by id, or why they do not fit. */
function readTable({ tokenizer, vocabulary }: TokenizerExport, model: JsonObject): Table | string {
  if (!isJsonObject(model["vocab"])) return `\`model.type\` is ${describeJson(model["type"])}; only BPE has a form there`;
  const tokens: string[] = [];
  const kinds: number[] = [];
  for (const [token, id] of Object.entries(model["vocab"])) {
    tokens[Number(id)] = token;
    const isByte = model["byte_fallback"] === true && /^<0x[0-9A-Fa-f]{2}>$/.test(token);
    kinds[Number(id)] = isByte ? tokenKinds.byte : tokenKinds.normal;
  }
  const added = Array.isArray(tokenizer["added_tokens"]) ? (tokenizer["added_tokens"] as readonly unknown[]) : [];
  for (const each of added.filter(isJsonObject)) {
    const id = Number(each["id"]);
    tokens[id] = String(each["content"]);
    kinds[id] = each["special"] === true ? tokenKinds.control : tokenKinds.userDefined;
  }
  const unknown = tokens.indexOf(String(model["unk_token"]));
  if (unknown !== -1) kinds[unknown] = tokenKinds.unknown;
  if (tokens.length > vocabulary) return `it has ${tokens.length} tokens, the model only ${vocabulary}`;
  return {
    tokens: Array.from({ length: vocabulary }, (_, id) => tokens[id] ?? `[PAD${id}]`),
    kinds: Array.from({ length: vocabulary }, (_, id) => kinds[id] ?? tokenKinds.unused),
  };
}

/** The entries, or why there are none. */
function describeModel(
  tokenizer: JsonObject,
  model: JsonObject,
  table: Table,
): readonly MetadataEntry[] | string {
  const merges = readMerges(model["merges"], table);
  const patterns = readPatterns(tokenizer["pre_tokenizer"]);
  if (patterns === undefined) return describeSpm(tokenizer, merges, table);
  if (typeof patterns === "string") return patterns;
  const ignoresMerges = model["ignore_merges"] === true;
  const key = preTokenizerKey({ patterns, ignoresMerges });
  const [name] = [...preTokenizers].find(([, each]) => preTokenizerKey(each) === key) ?? [];
  if (name === undefined) return "the way it cuts a text before merging has no name there";
  const normalizer = tokenizer["normalizer"] ?? undefined;
  const isPlain = normalizer === undefined || (isJsonObject(normalizer) && normalizer["type"] === "NFC");
  if (!isPlain) return "it rewrites a text before cutting it";
  return [
    { key: "tokenizer.ggml.model", stored: { kind: "string", value: "gpt2" } },
    { key: "tokenizer.ggml.pre", stored: { kind: "string", value: name } },
    { key: "tokenizer.ggml.merges", stored: { kind: "strings", value: merges.map((pair) => pair.join(" ")) } },
  ];
}

function preTokenizerKey({ patterns, ignoresMerges }: PreTokenizer): string {
  return JSON.stringify({ patterns, ignoresMerges });
}

type Merge = readonly [left: string, right: string];

/** Texts are cut at the space that leaves two tokens: tokens may hold spaces themselves. */
function readMerges(merges: unknown, { tokens }: Table): readonly Merge[] {
  if (!Array.isArray(merges)) return [];
  const known = new Set(tokens);
  const isWhole = ([left, right]: Merge): boolean =>
    known.has(left) && known.has(right) && known.has(left + right);
  return (merges as readonly unknown[]).map((each) => {
    if (Array.isArray(each)) return [String(each[0]), String(each[1])];
    const text = String(each);
    const cutAt = (index: number): Merge => [text.slice(0, index), text.slice(index + 1)];
    const cuts = Array.from(text.matchAll(/ /g), ({ index }) => cutAt(index));
    return cuts.find(isWhole) ?? cuts[0] ?? [text, ""];
  });
}

/** The regular expressions of byte-level BPE; undefined for SentencePiece; or what has no name. */
function readPatterns(step: unknown): readonly string[] | string | undefined {
  if (!isJsonObject(step)) return undefined;
  const steps = step["type"] === "Sequence" ? ((step["pretokenizers"] ?? []) as readonly unknown[]) : [step];
  const known = steps.filter(isJsonObject);
  if (!known.some((each) => each["type"] === "ByteLevel")) return undefined;
  const patterns: string[] = [];
  for (const each of known) {
    const pattern = patternOf(each);
    if (pattern === undefined) return `its step \`${String(each["type"])}\` has no name there`;
    if (pattern !== "") patterns.push(pattern);
  }
  return patterns;
}

/** Empty for a step that cuts nothing. */
function patternOf(step: JsonObject): string | undefined {
  switch (step["type"]) {
    case "ByteLevel":
      return step["add_prefix_space"] === true ? undefined : step["use_regex"] === false ? "" : gpt2Pattern;
    case "Digits":
      return step["individual_digits"] === true ? "\\p{N}" : undefined;
    case "Split": {
      const pattern = isJsonObject(step["pattern"]) ? step["pattern"]["Regex"] : undefined;
      const stays = step["behavior"] === "Isolated" && step["invert"] !== true;
      return stays && typeof pattern === "string" ? pattern : undefined;
    }
    default:
      return undefined;
  }
}

/* ---- SentencePiece ---- */

/** More tokens of one score than this are no accident. */
const maxTied = 64;

/** Scores by rank of the merges that make a token; refused where the same merges would not follow. */
function describeSpm(
  tokenizer: JsonObject,
  merges: readonly Merge[],
  { tokens, kinds }: Table,
): readonly MetadataEntry[] | string {
  const { ranks, mostTied } = rankTokens(merges);
  const scores = tokens.map((token, id) =>
    kinds[id] === tokenKinds.normal ? -(ranks.get(token) ?? ranks.size + id) : 0,
  );
  const implied = mergesOfScores({ tokens, kinds, scores });
  if (mostTied > maxTied || !sameLists(sortedPairs(implied), sortedPairs(merges))) {
    return "its merges do not follow from scores of tokens";
  }
  return [
    { key: "tokenizer.ggml.model", stored: { kind: "string", value: "llama" } },
    { key: "tokenizer.ggml.pre", stored: { kind: "string", value: "default" } },
    { key: "tokenizer.ggml.scores", stored: { kind: "f32s", value: scores } },
    { key: "tokenizer.ggml.add_space_prefix", stored: { kind: "bool", value: addsSpace(tokenizer) } },
  ];
}

/**
 * Tokens in the order in which merges make them. Tokens whose merges alternate had one score, as the runs of
 * spaces of Llama 2 do, and share a rank.
 */
function rankTokens(merges: readonly Merge[]): { ranks: ReadonlyMap<string, number>; mostTied: number } {
  const lastMerge = new Map(merges.map(([left, right], i) => [left + right, i]));
  const ranks = new Map<string, number>();
  let [rank, end, tied, mostTied] = [-1, -1, 0, 0];
  merges.forEach(([left, right], i) => {
    const token = left + right;
    if (ranks.has(token)) return;
    if (i > end) [rank, tied] = [rank + 1, 0];
    ranks.set(token, rank);
    end = Math.max(end, lastMerge.get(token) ?? i);
    tied += 1;
    mostTied = Math.max(mostTied, tied);
  });
  return { ranks, mostTied };
}

function sortedPairs(pairs: readonly Merge[]): readonly string[] {
  return pairs.map((each) => each.join("\0")).sort();
}

function sameLists(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((each, i) => each === b[i]);
}

/** A text gets a space in front: a `Prepend` of the normalizer, or a `Metaspace` that does not say never. */
function addsSpace(tokenizer: JsonObject): boolean {
  const text = JSON.stringify([tokenizer["normalizer"] ?? null, tokenizer["pre_tokenizer"] ?? null]);
  return text.includes('"Prepend"') || (text.includes('"Metaspace"') && !text.includes('"never"'));
}

function commonEntries(input: TokenizerExport, { tokens, kinds }: Table): readonly MetadataEntry[] {
  const id = (name: string, value: number | undefined): readonly MetadataEntry[] =>
    value === undefined ? [] : [{ key: `tokenizer.ggml.${name}_token_id`, stored: { kind: "u32", value } }];
  const unknown = kinds.indexOf(tokenKinds.unknown);
  const [eos, eot, eom] = input.eosIds;
  return [
    { key: "tokenizer.ggml.tokens", stored: { kind: "strings", value: tokens } },
    { key: "tokenizer.ggml.token_type", stored: { kind: "i32s", value: kinds } },
    ...id("bos", input.bosId),
    ...id("eos", eos),
    ...id("eot", eot),
    ...id("eom", eom),
    ...id("unknown", unknown === -1 ? undefined : unknown),
    { key: "tokenizer.ggml.add_bos_token", stored: { kind: "bool", value: input.addsBos } },
    ...(input.chatTemplate === undefined
      ? []
      : [{ key: "tokenizer.chat_template", stored: { kind: "string", value: input.chatTemplate } } as const]),
  ];
}
