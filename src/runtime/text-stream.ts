/**
 * Token ids to text, one token at a time. A character whose bytes are spread over several tokens is held
 * back until it is complete, so that every piece is valid text and the pieces together are the text.
 */

/** What a tokenizer states about the text of its tokens. */
export interface TokenText {
  /** The bytes that a token stands for; nothing for ids that the vocabulary does not know. */
  bytesOf(id: number): Uint8Array;
  /** Control tokens, such as the end of a turn. */
  isSpecial(id: number): boolean;
  /** Spaces at the start of a text that the tokenizer put there itself, and that are not part of it. */
  readonly leadingSpaces: number;
}

export interface TextStreamOptions {
  /** Leaves control tokens out. Default: true. */
  readonly skipSpecial?: boolean;
}

/** Invariant: what was returned so far is a prefix of the text, and `#decoder` holds the rest's bytes. */
export class TextStream {
  readonly #text: TokenText;
  readonly #skipSpecial: boolean;
  // A byte-order mark is part of the text like any character.
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  /** Spaces that may still be dropped: only before the first other character. */
  #spacesToDrop: number;

  constructor(text: TokenText, options: TextStreamOptions = {}) {
    this.#text = text;
    this.#skipSpecial = options.skipSpecial ?? true;
    this.#spacesToDrop = text.leadingSpaces;
  }

  /** The text that this token completes; often a word, sometimes nothing. */
  push(id: number): string {
    if (this.#skipSpecial && this.#text.isSpecial(id)) return "";
    return this.#dropSpaces(this.#decoder.decode(this.#text.bytesOf(id), { stream: true }));
  }

  /** What is left when no token follows: a replacement character for an incomplete one. */
  end(): string {
    return this.#dropSpaces(this.#decoder.decode());
  }

  #dropSpaces(piece: string): string {
    let start = 0;
    while (this.#spacesToDrop > 0 && start < piece.length) {
      if (piece[start] === " ") {
        start += 1;
        this.#spacesToDrop -= 1;
      } else {
        this.#spacesToDrop = 0;
      }
    }
    return piece.slice(start);
  }
}
