/**
 * What we tell a person about their text, model or options: a value that is collected, never thrown.
 * Rendering is a separate step (`render.ts`), so that the same diagnostic prints as text or JSON.
 */

import type { Code } from "./catalogue.js";
import { catalogue } from "./catalogue.js";

/** A text that positions refer to: a rule file, an IR file, a command line. */
export interface Source {
  readonly name: string;
  readonly text: string;
}

/** Offsets in UTF-16 code units; `end` is exclusive. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface Place {
  readonly source: Source;
  readonly span: Span;
}

export type Severity = "error" | "warning";

export interface Diagnostic {
  readonly code: Code;
  readonly severity: Severity;
  /** One sentence in the user's words. */
  readonly message: string;
  /** Where, in a text. */
  readonly place?: Place;
  /** Where, when there is no text: a file, a byte offset, a tensor's name. */
  readonly at?: string;
  readonly related: readonly { readonly message: string; readonly place: Place }[];
  /** What to write or do instead. */
  readonly hint?: string;
}

export interface DiagnosticDetails {
  readonly place?: Place;
  readonly at?: string;
  readonly related?: Diagnostic["related"];
  readonly hint?: string;
}

/** Makes a diagnostic; severity comes from the catalogue. */
export function diagnostic(code: Code, message: string, details: DiagnosticDetails = {}): Diagnostic {
  const { related = [], ...rest } = details;
  return { code, severity: catalogue[code].severity, message, related, ...rest };
}

export type Result<T> =
  | { readonly ok: true; readonly value: T; readonly diagnostics: readonly Diagnostic[] }
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] };

export function success<T>(value: T, diagnostics: readonly Diagnostic[] = []): Result<T> {
  return { ok: true, value, diagnostics };
}

export function failure(...diagnostics: readonly Diagnostic[]): {
  ok: false;
  diagnostics: readonly Diagnostic[];
} {
  return { ok: false, diagnostics };
}

/**
 * Carries diagnostics out of deep code inside one stage. The stage's public function catches it
 * and returns a `Result`; it never crosses a room's face.
 */
export class DiagnosticError extends Error {
  override readonly name = "DiagnosticError";
  readonly diagnostics: readonly Diagnostic[];

  constructor(...diagnostics: readonly Diagnostic[]) {
    super(diagnostics.map((each) => each.message).join("\n"));
    this.diagnostics = diagnostics;
  }
}

/** Runs a stage: what it throws as `DiagnosticError` becomes a failure, everything else passes. */
export function collect<T>(stage: () => T): Result<T> {
  try {
    return success(stage());
  } catch (error) {
    if (error instanceof DiagnosticError) return failure(...error.diagnostics);
    throw error;
  }
}
