/**
 * The part of `@huggingface/tokenizers` that is used, typed here: the declarations of version 0.2.0 import
 * each other without file extensions, so under `nodenext` all of its types are `any`.
 */

import { Tokenizer } from "@huggingface/tokenizers";

interface EncodeOptions {
  readonly add_special_tokens: boolean;
}

export interface TokenizerLibrary {
  /** Control tokens of the post-processor are added unless `add_special_tokens` is false. */
  encode(text: string, options: EncodeOptions): { readonly ids: readonly unknown[] };
  token_to_id(token: string): number | undefined;
}

type LibraryConstructor = new (tokenizer: object, config: object) => TokenizerLibrary;

/** Throws whatever the library throws for a file that it cannot use. */
export function openLibrary(tokenizer: object, config: object): TokenizerLibrary {
  const Library = Tokenizer as unknown as LibraryConstructor;
  return new Library(tokenizer, config);
}
