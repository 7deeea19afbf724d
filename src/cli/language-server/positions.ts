/** Offsets of a text as the lines and columns of the protocol, both from 0, in UTF-16 units. */

import type { DiagnosticRelatedInformation, Diagnostic as LspDiagnostic, Range } from "vscode-languageserver/node";
import type { TextDocument } from "vscode-languageserver-textdocument";

import type { Diagnostic, Span } from "../../diagnostics/index.js";
import { printable } from "../../diagnostics/index.js";

export function rangeOf(document: TextDocument, { start, end }: Span): Range {
  return { start: document.positionAt(start), end: document.positionAt(end) };
}

const severities = { error: 1, warning: 2 } as const;

/** What has no place, or its place in another file, is told at the first character. */
export function toLspDiagnostic(document: TextDocument, each: Diagnostic): LspDiagnostic {
  const { code, severity, message, hint, place, related } = each;
  const notes = related.map(
    (note): DiagnosticRelatedInformation => ({
      message: printableText(note.message),
      location: { uri: document.uri, range: rangeOf(document, note.place.span) },
    }),
  );
  return {
    range: rangeOf(document, place?.span ?? { start: 0, end: 1 }),
    severity: severities[severity],
    code,
    source: "llmir",
    message: printableText(hint === undefined ? message : `${message}\n${hint}`),
    ...(notes.length > 0 && { relatedInformation: notes }),
  };
}

/** A hostile name cannot drive the reader's screen. */
function printableText(text: string): string {
  return text.split("\n").map(printable).join("\n");
}
