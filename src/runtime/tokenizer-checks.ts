/**
 * Checks `tokenizer.json` before the library sees it: the library trusts its input, and answers a damaged
 * file with an error of its own, or with ids that are undefined. Also finds the ids of control tokens.
 */

import type { JsonObject } from "../frontend/index.js";
import { describeJson, isJsonObject } from "../frontend/index.js";
import type { DecoderVocabulary } from "./tokenizer-bytes.js";

/** Larger ids would let a small file ask for a huge table. */
const maxVocabulary = 1 << 22;

/** The tokens by id, or the first thing that is wrong, as one sentence. */
export function checkTokenizer(record: JsonObject): DecoderVocabulary | string {
  const model = record["model"];
  if (!isJsonObject(model)) return `\`model\` must be an object, found ${describeJson(model)}`;
  const tokens: (string | undefined)[] = [];
  const fault = addModelTokens(tokens, model) ?? checkMerges(model);
  if (fault !== undefined) return fault;
  const added = new Set<number>();
  const special = new Set<number>();
  const listed = record["added_tokens"] ?? [];
  if (!Array.isArray(listed)) return `\`added_tokens\` must be a list, found ${describeJson(listed)}`;
  for (const each of listed as readonly unknown[]) {
    const { id, content, special: isControl } = isJsonObject(each) ? each : {};
    if (!isId(id) || typeof content !== "string" || content === "") {
      return "an entry of `added_tokens` must have an `id` and a `content`";
    }
    tokens[id] = content;
    added.add(id);
    if (isControl === true) special.add(id);
  }
  return checkUnknownToken(model, tokens) ?? { tokens, added, special };
}

function isId(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 && value < maxVocabulary;
}

function addModelTokens(tokens: (string | undefined)[], model: JsonObject): string | undefined {
  const { type = "BPE", vocab } = model;
  if (type === "Unigram") return addScoredTokens(tokens, vocab);
  if (type !== "BPE") return `\`model.type\` is ${describeJson(type)}; supported: \`BPE\`, \`Unigram\``;
  if (!isJsonObject(vocab)) return `\`model.vocab\` must be an object, found ${describeJson(vocab)}`;
  // Every start passes here with all tokens: nothing is made for one that is right.
  if (vocab instanceof Map) {
    for (const [token, id] of vocab as ReadonlyMap<string, unknown>) {
      const fault = addToken(tokens, token, id);
      if (fault !== undefined) return fault;
    }
  } else {
    for (const token in vocab) {
      const fault = addToken(tokens, token, vocab[token]);
      if (fault !== undefined) return fault;
    }
  }
  return tokens.length === 0 ? "`model.vocab` is empty" : undefined;
}

function addToken(tokens: (string | undefined)[], token: string, id: unknown): string | undefined {
  const nameOf = (text: string): string => JSON.stringify(text.slice(0, 40));
  if (!isId(id)) {
    return `token ${nameOf(token)} has the id ${describeJson(id)}, which is not a number below ${maxVocabulary}`;
  }
  const other = tokens[id];
  if (other !== undefined) return `tokens ${nameOf(other)} and ${nameOf(token)} have the same id, ${id}`;
  tokens[id] = token;
  return undefined;
}

/** Unigram: a list of tokens with their scores, the id is the place. */
function addScoredTokens(tokens: (string | undefined)[], vocab: unknown): string | undefined {
  if (!Array.isArray(vocab) || vocab.length === 0 || vocab.length > maxVocabulary) {
    return "`model.vocab` must be a list of tokens with their scores";
  }
  for (const each of vocab as readonly unknown[]) {
    if (!Array.isArray(each) || typeof each[0] !== "string" || typeof each[1] !== "number") {
      return `entry ${tokens.length} of \`model.vocab\` must be a token and its score`;
    }
    tokens.push(each[0]);
  }
  return undefined;
}

function checkMerges({ type = "BPE", merges }: JsonObject): string | undefined {
  if (type !== "BPE") return undefined;
  if (!Array.isArray(merges)) return `\`model.merges\` must be a list, found ${describeJson(merges)}`;
  // Both spellings exist, but one file uses one: the library looks at the first entry only.
  const fits = Array.isArray(merges[0]) ? isPair : isSpacedPair;
  const wrong = (merges as readonly unknown[]).findIndex((each) => !fits(each));
  return wrong === -1 ? undefined : `entry ${wrong} of \`model.merges\` is not a pair of tokens`;
}

function isPair(value: unknown): boolean {
  return Array.isArray(value) && value.length === 2 && value.every((each) => typeof each === "string");
}

/** Tokens may themselves hold spaces: Llama 2 has a merge of nothing but three. */
function isSpacedPair(value: unknown): boolean {
  return typeof value === "string" && value.includes(" ");
}

/** What stands for characters outside the vocabulary must itself have an id. */
function checkUnknownToken(model: JsonObject, tokens: readonly (string | undefined)[]): string | undefined {
  if (model["type"] === "Unigram") {
    const id = model["unk_id"];
    return isId(id) && id < tokens.length ? undefined : "`model.unk_id` must be the id of a token";
  }
  const token = model["unk_token"] ?? undefined;
  if (token === undefined || (typeof token === "string" && tokens.includes(token))) return undefined;
  return `\`model.unk_token\`, ${describeJson(token)}, is not a token`;
}

/** A control token of a configuration: a text, or an object with its text. */
export function tokenContent(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  return isJsonObject(value) && typeof value["content"] === "string" ? value["content"] : undefined;
}

/** `eos_token_id` and the like: one id or several; what is not an id is left out. */
export function tokenIds(value: unknown): readonly number[] {
  return (Array.isArray(value) ? (value as readonly unknown[]) : [value]).filter(isId);
}
