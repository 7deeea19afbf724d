/**
 * Parses a text that is being written: an item in error is blanked out and told, so that the others keep
 * their meaning and every offset stays what it was.
 */

import type { Diagnostic, Source, Span } from "../../diagnostics/index.js";
import { parseRuleFile } from "../parse.js";
import type { FileSyntax } from "../syntax.js";

export interface TolerantParse {
  /** Undefined when nothing is left to parse, or the text is no rule file at all. */
  readonly syntax: FileSyntax | undefined;
  /** The text that `syntax` was read from: as long as the original, with blanks for what is in error. */
  readonly source: Source;
  readonly diagnostics: readonly Diagnostic[];
}

/** Items in error that are told in one go. */
const maxErrors = 10;

export function parseTolerantly(original: Source): TolerantParse {
  const diagnostics: Diagnostic[] = [];
  let source = original;
  for (let i = 0; i < maxErrors; i++) {
    const parsed = parseRuleFile(source);
    if (parsed.ok) return { syntax: parsed.value, source, diagnostics };
    const [error] = parsed.diagnostics;
    diagnostics.push(...parsed.diagnostics.map((each) => inOriginal(each, original)));
    const at = error?.code === "rule/syntax" ? error.place?.span.start : undefined;
    const item = at === undefined ? undefined : itemAround(source.text, at);
    if (item === undefined) break;
    source = { ...source, text: blanked(source.text, item) };
  }
  return { syntax: undefined, source, diagnostics };
}

function inOriginal(each: Diagnostic, source: Source): Diagnostic {
  return each.place === undefined ? each : { ...each, place: { ...each.place, source } };
}

/** Where an item may start: at the left margin, as everybody writes it. */
const itemStart = /^(?:[A-Za-z_]+[ \t]+)?(?:rule|test|given|import|schedule)\b/gm;

/** The item that holds an offset, with the comments above it, up to those above the next one. */
function itemAround(text: string, offset: number): Span | undefined {
  let start: number | undefined;
  for (const { index } of text.matchAll(itemStart)) {
    if (index > offset) return start === undefined ? undefined : { start, end: withComments(text, index) };
    start = withComments(text, index);
  }
  return start === undefined ? undefined : { start, end: text.length };
}

/** Where the comment lines start that stand right above an item. */
function withComments(text: string, item: number): number {
  let start = item;
  while (start > 0) {
    const above = text.lastIndexOf("\n", start - 2) + 1;
    if (!/^\/\/(?!!)/.test(text.slice(above, above + 3))) break;
    start = above;
  }
  return start;
}

function blanked(text: string, { start, end }: Span): string {
  return text.slice(0, start) + text.slice(start, end).replace(/[^\n]/g, " ") + text.slice(end);
}
