/**
 * Prints text with indentation. Every printer and emitter writes through it, so that no output
 * is made by search-and-replace on strings.
 */

import { invariant } from "./assertions.js";

/** Invariant: `#depth` is never negative, and every line but an empty one carries the indentation. */
export class TextWriter {
  readonly #lines: string[] = [];
  readonly #unit: string;
  #depth = 0;

  constructor(options: { readonly indent?: string } = {}) {
    this.#unit = options.indent ?? "  ";
  }

  /** Writes one line, or several when `text` contains line breaks; each is indented. */
  line(text = ""): this {
    for (const part of text.split("\n")) {
      this.#lines.push(part === "" ? "" : this.#unit.repeat(this.#depth) + part);
    }
    return this;
  }

  /** Writes a line without indentation: preprocessor directives, labels. */
  flush(text: string): this {
    for (const part of text.split("\n")) this.#lines.push(part);
    return this;
  }

  /** One empty line, never two in a row. */
  gap(): this {
    if (this.#lines.length > 0 && this.#lines[this.#lines.length - 1] !== "") this.#lines.push("");
    return this;
  }

  indented(body: () => void): this {
    this.#depth += 1;
    body();
    this.#depth -= 1;
    invariant(this.#depth >= 0, "indentation is balanced");
    return this;
  }

  /** `open`, an indented body, `close`. */
  block(open: string, body: () => void, close = "}"): this {
    return this.line(open).indented(body).line(close);
  }

  toString(): string {
    return this.#lines.join("\n") + (this.#lines.length > 0 ? "\n" : "");
  }
}
