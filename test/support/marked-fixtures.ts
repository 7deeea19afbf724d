// Fixtures that carry their own expectations. A reject fixture names the codes in a comment,
//
//     // expect: ir/unknown-op ir/bad-type
//
// and marks each place by carets in a comment line below it; codes and marks stand in the order of the text.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import type { Diagnostic, Source, Span } from "../../src/diagnostics/index.js";

export interface MarkedFixture {
  readonly name: string;
  readonly source: Source;
  readonly codes: readonly string[];
  readonly spans: readonly Span[];
}

/** The fixtures of a folder with a suffix, sorted by name. */
export function readFixtures(folder: string, suffix: string): MarkedFixture[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(suffix))
    .sort()
    .map((name) => markedFixture(name, readFileSync(join(folder, name), "utf8")));
}

function markedFixture(name: string, text: string): MarkedFixture {
  const codes = /^\/\/ expect:(.*)$/m.exec(text)?.[1]?.trim().split(/\s+/) ?? [];
  return { name, source: { name, text }, codes, spans: marks(text) };
}

/** Where the carets point: into the last line above that is no row of carets. */
function marks(text: string): Span[] {
  const spans: Span[] = [];
  let offset = 0;
  let target = 0;
  for (const line of text.split("\n")) {
    if (/^\s*\/\/\s*\^+$/.test(line)) {
      spans.push({ start: target + line.indexOf("^"), end: target + line.length });
    } else {
      target = offset;
    }
    offset += line.length + 1;
  }
  return spans;
}

/** What was found, in the form of what is expected: code and the marked text. */
export function found(diagnostics: readonly Diagnostic[]): string[] {
  return diagnostics.map(({ code, place }) => describe(code, place?.source, place?.span));
}

export function expected({ source, codes, spans }: MarkedFixture): string[] {
  return codes.map((code, i) => describe(code, source, spans[i]));
}

function describe(code: string, source: Source | undefined, span: Span | undefined): string {
  if (source === undefined || span === undefined) return `${code} nowhere`;
  const line = source.text.slice(0, span.start).split("\n").length;
  return `${code} at line ${line}: ${source.text.slice(span.start, span.end)}`;
}
