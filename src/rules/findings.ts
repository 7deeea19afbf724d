/** Collects the diagnostics of one rule file, in the order of its text, and not without bound. */

import type { Code, Diagnostic, Source, Span } from "../diagnostics/index.js";
import { diagnostic } from "../diagnostics/index.js";

/** A hostile text can hold a million mistakes. */
const limit = 100;

export interface FindingDetails {
  readonly hint?: string | undefined;
  readonly related?: { readonly message: string; readonly span: Span };
}

/** Invariant: `#kept` holds at most `limit` diagnostics, no two of them with the same code and place. */
export class Findings {
  readonly source: Source;
  readonly #kept: Diagnostic[] = [];
  readonly #seen = new Set<string>();
  #errors = 0;

  constructor(source: Source) {
    this.source = source;
  }

  /** How many errors were reported so far, whether kept or not. */
  get errorCount(): number {
    return this.#errors;
  }

  /** Both directions of a rule find the same mistakes; each is told once. */
  report(code: Code, span: Span, message: string, details: FindingDetails = {}): void {
    const key = `${code} ${span.start} ${span.end}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    const { hint, related } = details;
    const found = diagnostic(code, message, {
      place: { source: this.source, span },
      ...(hint === undefined ? {} : { hint }),
      ...(related && {
        related: [{ message: related.message, place: { source: this.source, span: related.span } }],
      }),
    });
    if (found.severity === "error") this.#errors += 1;
    if (this.#kept.length < limit) this.#kept.push(found);
  }

  /** In the order of the text. */
  list(): readonly Diagnostic[] {
    return [...this.#kept].sort((a, b) => startOf(a) - startOf(b));
  }
}

function startOf(each: Diagnostic): number {
  return each.place?.span.start ?? 0;
}
