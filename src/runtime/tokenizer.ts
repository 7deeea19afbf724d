/**
 * A model's tokenizer: text to ids through `@huggingface/tokenizers`, ids to text through our own tables,
 * so that a whole text and its pieces as they stream are the same. Files are untrusted and checked first.
 */

import type { Files } from "../base/index.js";
import { invariant } from "../base/index.js";
import type { Result } from "../diagnostics/index.js";
import { diagnostic, failure, success } from "../diagnostics/index.js";
import type { JsonObject } from "../frontend/index.js";
import { parseJson } from "../frontend/index.js";
import type { TextStreamOptions, TokenText } from "./text-stream.js";
import { TextStream } from "./text-stream.js";
import type { DecoderVocabulary } from "./tokenizer-bytes.js";
import { createTokenText, planDecoder } from "./tokenizer-bytes.js";
import { readGgufRecords } from "./tokenizer-gguf.js";
import { checkTokenizer, tokenContent, tokenIds } from "./tokenizer-checks.js";
import type { TokenizerLibrary } from "./tokenizer-library.js";
import { openLibrary } from "./tokenizer-library.js";

export interface Tokenizer {
  /** One more than the largest id. */
  readonly vocabulary: number;
  readonly bosId: number | undefined;
  /** Any of them ends a text. Sorted. */
  readonly eosIds: readonly number[];
  /** Whether the model expects the beginning-of-text token in front; the default of `encode`. */
  readonly addsBos: boolean;
  readonly text: TokenText;
  /** Ids of a text. Control tokens that are spelled out in it become their ids. */
  encode(text: string, options?: { readonly addBos?: boolean }): number[];
  /** The text of ids that start a text. Ids outside the vocabulary stand for nothing. */
  decode(ids: readonly number[], options?: TextStreamOptions): string;
  /**
   * A stream of what follows a prompt: a word after it keeps its space, and one that opens a text loses the
   * space that the tokenizer put there.
   */
  stream(prompt?: readonly number[], options?: TextStreamOptions): TextStream;
  /** The token as the vocabulary spells it, for people. */
  tokenName(id: number): string | undefined;
}

/** Parsed files of a model folder; only the first is required. */
export interface TokenizerFiles {
  readonly tokenizer: JsonObject;
  readonly tokenizerConfig?: JsonObject;
  readonly generationConfig?: JsonObject;
  readonly modelConfig?: JsonObject;
}

const fileNames = {
  tokenizer: "tokenizer.json",
  tokenizerConfig: "tokenizer_config.json",
  generationConfig: "generation_config.json",
  modelConfig: "config.json",
} as const satisfies Record<keyof TokenizerFiles, string>;

/** The tokenizer of a model folder, or of a GGUF file. */
export function loadTokenizer(path: string, files: Files): Result<Tokenizer> {
  return files.isDirectory(path) ? loadFolderTokenizer(path, files) : loadGgufTokenizer(path, files);
}

function loadFolderTokenizer(folder: string, files: Files): Result<Tokenizer> {
  const parsed = readTokenizerFiles(folder, files);
  return parsed.ok ? createTokenizer(parsed.value, files.join(folder, fileNames.tokenizer)) : parsed;
}

/** The parsed tokenizer files of a model folder. */
export function readTokenizerFiles(folder: string, files: Files): Result<TokenizerFiles> {
  const main = files.join(folder, fileNames.tokenizer);
  if (!files.exists(main)) {
    return failure(
      diagnostic("model/not-found", `the folder has no \`${fileNames.tokenizer}\``, {
        at: folder,
        hint: "other forms (`tokenizer.model`, `vocab.json`) must be converted to `tokenizer.json` first",
      }),
    );
  }
  const parsed: { -readonly [Key in keyof TokenizerFiles]?: JsonObject } = {};
  for (const key of Object.keys(fileNames) as readonly (keyof TokenizerFiles)[]) {
    const path = files.join(folder, fileNames[key]);
    if (!files.exists(path)) continue;
    const result = parseJson(files.readText(path), path);
    if (!result.ok) return result;
    parsed[key] = result.value;
  }
  const { tokenizer, ...rest } = parsed;
  invariant(tokenizer !== undefined, "tokenizer.json was found");
  return success({ tokenizer, ...rest });
}

function loadGgufTokenizer(path: string, files: Files): Result<Tokenizer> {
  const records = readGgufRecords(path, files);
  return records.ok ? createTokenizer(records.value, path) : records;
}

/** A tokenizer of parsed files; `at` names the first of them in diagnostics. */
export function createTokenizer(files: TokenizerFiles, at: string = fileNames.tokenizer): Result<Tokenizer> {
  const { tokenizer: record, tokenizerConfig = {} } = files;
  const vocabulary = checkTokenizer(record);
  if (typeof vocabulary === "string") return failure(diagnostic("model/invalid-tokenizer", vocabulary, { at }));
  const plan = planDecoder(record["decoder"]);
  if (typeof plan === "string") return failure(diagnostic("model/unsupported-tokenizer", plan, { at }));
  const library = createLibrary(record, tokenizerConfig);
  if (typeof library === "string") return failure(diagnostic("model/unsupported-tokenizer", library, { at }));
  return success(assemble(library, createTokenText(plan, vocabulary), vocabulary, files));
}

/** The library throws errors of its own kind, whatever is wrong. */
function createLibrary(record: JsonObject, config: JsonObject): TokenizerLibrary | string {
  const absent = { normalizer: null, pre_tokenizer: null, post_processor: null, added_tokens: [] };
  try {
    return openLibrary({ ...absent, ...record }, config);
  } catch (error) {
    return `the tokenizer cannot be built: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function assemble(
  library: TokenizerLibrary,
  text: TokenText,
  { tokens }: DecoderVocabulary,
  files: TokenizerFiles,
): Tokenizer {
  const { tokenizerConfig = {}, generationConfig = {}, modelConfig = {} } = files;
  const idOf = (field: string): readonly number[] => {
    const id = library.token_to_id(tokenContent(tokenizerConfig[field]) ?? "");
    return id === undefined ? [] : [id];
  };
  const listed = (field: string): readonly number[] =>
    [...tokenIds(generationConfig[field]), ...tokenIds(modelConfig[field])];
  const bosId = [...listed("bos_token_id"), ...idOf("bos_token")][0];
  const addsBos = bosId !== undefined && expectsBos(library, tokenizerConfig, bosId);
  return {
    vocabulary: tokens.length,
    bosId,
    eosIds: [...new Set([...listed("eos_token_id"), ...idOf("eos_token")])].sort((a, b) => a - b),
    addsBos,
    text,
    encode: (input, { addBos = addsBos } = {}) => {
      const ids = encodeText(library, input);
      return addBos && bosId !== undefined ? [bosId, ...ids] : ids;
    },
    decode: (ids, options) => {
      const stream = new TextStream(text, options);
      return ids.map((id) => stream.push(id)).join("") + stream.end();
    },
    stream: (prompt = [], options) => {
      const stream = new TextStream(text, options);
      for (const id of prompt) stream.push(id);
      return stream;
    },
    tokenName: (id) => tokens[id],
  };
}

function encodeText(library: TokenizerLibrary, text: string): number[] {
  return library.encode(text, { add_special_tokens: false }).ids.map((id) => {
    invariant(typeof id === "number", "every token of an encoded text has an id");
    return id;
  });
}

/** The configuration's word counts; without it, what the post-processor puts before an empty text. */
function expectsBos(library: TokenizerLibrary, config: JsonObject, bosId: number): boolean {
  const stated = config["add_bos_token"];
  if (typeof stated === "boolean") return stated;
  return library.encode("", { add_special_tokens: true }).ids[0] === bosId;
}
