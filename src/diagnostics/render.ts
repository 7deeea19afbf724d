/**
 * Renders diagnostics as text with the source line and a caret, or as JSON. Control characters from
 * files are escaped, so that a hostile name cannot drive the reader's terminal.
 */

import type { Diagnostic, Place } from "./diagnostic.js";

export interface RenderOptions {
  /** Wraps a piece of text in colour; the identity by default. */
  readonly paint?: (text: string, role: "error" | "warning" | "hint" | "place") => string;
}

export function renderDiagnostics(diagnostics: readonly Diagnostic[], options: RenderOptions = {}): string {
  return diagnostics.map((each) => renderDiagnostic(each, options)).join("\n\n");
}

function renderDiagnostic(each: Diagnostic, options: RenderOptions): string {
  const paint = options.paint ?? ((text: string): string => text);
  const lines = [`${paint(`${each.severity}[${each.code}]`, each.severity)}: ${printable(each.message)}`];
  if (each.at !== undefined) lines.push(`  ${paint("at", "place")} ${printable(each.at)}`);
  if (each.place) lines.push(...renderPlace(each.place, paint));
  for (const { message, place } of each.related) {
    lines.push(`  note: ${printable(message)}`, ...renderPlace(place, paint));
  }
  if (each.hint !== undefined) lines.push(`  ${paint("hint", "hint")}: ${printable(each.hint)}`);
  return lines.join("\n");
}

function renderPlace({ source, span }: Place, paint: NonNullable<RenderOptions["paint"]>): string[] {
  const { line, column, text } = locate(source.text, span.start);
  const number = String(line);
  const gutter = " ".repeat(number.length);
  const width = Math.max(1, Math.min(span.end - span.start, text.length - column + 1));
  return [
    `  ${paint("-->", "place")} ${printable(source.name)}:${number}:${column}`,
    `  ${gutter} |`,
    `  ${number} | ${printable(text.slice(0, 200))}`,
    `  ${gutter} | ${" ".repeat(Math.min(column - 1, 200))}${"^".repeat(Math.min(width, 80))}`,
  ];
}

/** Line and column, both from 1, and the text of that line. */
export function locate(text: string, offset: number): { line: number; column: number; text: string } {
  const before = text.slice(0, offset);
  const lineStart = before.lastIndexOf("\n") + 1;
  const lineEnd = text.indexOf("\n", offset);
  return {
    line: before.split("\n").length,
    column: offset - lineStart + 1,
    text: text.slice(lineStart, lineEnd === -1 ? text.length : lineEnd),
  };
}

/** Replaces control characters, tabs included, by something visible of the same width. */
export function printable(text: string): string {
  return text
    .replace(/\t/g, " ")
    .replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, "\ufffd");
}

/** The same facts for a program: line and column instead of offsets. */
export function diagnosticsToJson(diagnostics: readonly Diagnostic[]): readonly object[] {
  return diagnostics.map((each) => ({
    code: each.code,
    severity: each.severity,
    message: each.message,
    ...(each.at === undefined ? {} : { at: each.at }),
    ...(each.place ? { place: placeToJson(each.place) } : {}),
    ...(each.hint === undefined ? {} : { hint: each.hint }),
    related: each.related.map(({ message, place }) => ({ message, place: placeToJson(place) })),
  }));
}

function placeToJson({ source, span }: Place): object {
  const { line, column } = locate(source.text, span.start);
  return { file: source.name, line, column, length: span.end - span.start };
}
