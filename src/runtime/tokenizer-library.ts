/**
 * The part of `@huggingface/tokenizers` that is used, typed here: the declarations of version 0.2.0 import
 * each other without file extensions, so under `nodenext` all of its types are `any`.
 *
 * Its BPE model copies the vocabulary and writes every merge as JSON before anything is encoded, which takes
 * longer than the first token of a small model. So it is built empty and filled here: ids from a map that is
 * made once, ranks of merges when a text first asks for one.
 */

import { Tokenizer } from "@huggingface/tokenizers";

import type { JsonObject } from "../frontend/index.js";
import { isJsonObject } from "../frontend/index.js";

interface EncodeOptions {
  readonly add_special_tokens: boolean;
}

export interface TokenizerLibrary {
  /** Control tokens of the post-processor are added unless `add_special_tokens` is false. */
  encode(text: string, options: EncodeOptions): { readonly ids: readonly unknown[] };
  token_to_id(token: string): number | undefined;
}

type LibraryConstructor = new (tokenizer: object, config: object) => TokenizerLibrary & {
  readonly model: BpeModel;
};

/** What the library's BPE model looks up. */
interface BpeModel {
  /** Holds the added tokens once the library is built. */
  tokens_to_ids: Map<string, number>;
  unk_token_id: number | undefined;
  readonly unk_token: string | undefined;
  add_node(queue: { push(node: BpeNode): void }, node: BpeNode): void;
}

interface BpeNode {
  readonly token: string;
  /** Below 1, in the order of the text: breaks ties. */
  readonly bias: number;
  readonly next: BpeNode;
  score?: number;
}

/** Throws whatever the library throws for a file that it cannot use. The file was checked. */
export function openLibrary(tokenizer: JsonObject, config: object): TokenizerLibrary {
  const Library = Tokenizer as unknown as LibraryConstructor;
  const { model } = tokenizer;
  if (!isJsonObject(model) || (model["type"] ?? "BPE") !== "BPE") return new Library(tokenizer, config);
  const library = new Library({ ...tokenizer, model: { ...model, type: "BPE", vocab: {}, merges: [] } }, config);
  fill(library.model, model);
  return library;
}

function fill(bpe: BpeModel, { vocab, merges }: JsonObject): void {
  const ids = idsByToken(vocab);
  for (const [token, id] of bpe.tokens_to_ids) ids.set(token, id);
  bpe.tokens_to_ids = ids;
  bpe.unk_token_id = ids.get(bpe.unk_token ?? "");
  let ranks: MergeRanks | undefined;
  bpe.add_node = (queue, node) => {
    ranks ??= rankMerges(merges as readonly Merge[]);
    const rank = ranks(node.token, node.next.token);
    if (rank === undefined) return;
    node.score = rank + node.bias;
    queue.push(node);
  };
}

function idsByToken(vocab: unknown): Map<string, number> {
  if (vocab instanceof Map) return new Map(vocab as ReadonlyMap<string, number>);
  const ids = new Map<string, number>();
  const listed = vocab as Readonly<Record<string, number>>;
  for (const token in listed) ids.set(token, listed[token]!);
  return ids;
}

/** `a b`, or both apart; a file spells all of them alike. */
type Merge = string | readonly [string, string];

type MergeRanks = (left: string, right: string) => number | undefined;

function rankMerges(merges: readonly Merge[]): MergeRanks {
  const ranks = new Map<string, number>();
  if (Array.isArray(merges[0])) {
    // Tokens may hold any character: the length says where the first one ends.
    const keyOf = (left: string, right: string): string => `${left.length} ${left}${right}`;
    const pairs = merges as readonly (readonly [string, string])[];
    pairs.forEach(([left, right], i) => ranks.set(keyOf(left, right), i));
    return (left, right) => ranks.get(keyOf(left, right));
  }
  // As the library reads it: what stands behind a second space is no part of the merge.
  (merges as readonly string[]).forEach((merge, i) => {
    const second = merge.indexOf(" ", merge.indexOf(" ") + 1);
    ranks.set(second === -1 ? merge : merge.slice(0, second), i);
  });
  return (left, right) => (left.includes(" ") || right.includes(" ") ? undefined : ranks.get(`${left} ${right}`));
}
