/**
 * Collects the diagnostics of one text. A hostile text can hold a million mistakes, so only the first
 * hundred are worked out in full; the rest are counted.
 */

import type { Code, Diagnostic, Source, Span } from "../diagnostics/index.js";
import { diagnostic } from "../diagnostics/index.js";

const limit = 100;

/** UTF-16 units of a message: a name in it may be as long as the text. */
const messageLength = 500;

export interface FindingDetails {
  /** Worked out only for a diagnostic that is kept. */
  readonly hint?: () => string | undefined;
  readonly related?: { readonly message: string; readonly span: Span };
}

/** Invariant: `#kept` never holds more than `limit` diagnostics; `#dropped` counts the others. */
export class Findings {
  readonly #source: Source;
  readonly #kept: Diagnostic[] = [];
  #dropped = 0;

  constructor(source: Source) {
    this.#source = source;
  }

  /** How many were reported so far. */
  get count(): number {
    return this.#kept.length + this.#dropped;
  }

  report(code: Code, span: Span, message: string, details: FindingDetails = {}): void {
    if (this.#kept.length === limit) {
      this.#dropped += 1;
      return;
    }
    const hint = details.hint?.();
    const related = details.related;
    this.#kept.push(
      diagnostic(code, clipped(message), {
        place: { source: this.#source, span },
        ...(hint === undefined ? {} : { hint: clipped(hint) }),
        ...(related && {
          related: [{ message: related.message, place: { source: this.#source, span: related.span } }],
        }),
      }),
    );
  }

  /** In the order of the text. */
  list(): readonly Diagnostic[] {
    const sorted = [...this.#kept].sort((a, b) => startOf(a) - startOf(b));
    if (this.#dropped === 0) return sorted;
    const noun = this.#dropped === 1 ? "error" : "errors";
    return [...sorted, diagnostic("ir/more-errors", `${this.#dropped} more ${noun} not shown`, { at: this.#source.name })];
  }
}

function clipped(message: string): string {
  return message.length > messageLength ? `${message.slice(0, messageLength)}…` : message;
}

function startOf(each: Diagnostic): number {
  return each.place?.span.start ?? 0;
}
