/** Puts a grammar's syntax error into words: what was expected, and the whole word that was found instead. */

import type { Expectation, SyntaxError as GrammarError } from "#grammars/ir";

import type { Span } from "../diagnostics/index.js";

export interface SyntaxProblem {
  readonly message: string;
  readonly span: Span;
}

export function describeSyntaxError(error: GrammarError, text: string): SyntaxProblem {
  const { start, end } = error.location;
  // The grammar's own words, for a string that is not closed.
  if (error.expected === null) {
    return { message: error.message, span: { start: start.offset, end: end.offset } };
  }
  const found = wordAt(text, start.offset);
  const span = { start: start.offset, end: start.offset + Math.max(1, found.length) };
  const expected = [...new Set(error.expected.map(describeExpectation))].filter((each) => each !== "white space");
  return { message: `expected ${listOf(expected.sort())}, found ${found === "" ? "the end of the text" : `\`${found}\``}`, span };
}

/** The word at an offset, or the single character there; at most 40 characters. */
function wordAt(text: string, offset: number): string {
  const rest = text.slice(offset, offset + 40);
  return /^[%@!]?[A-Za-z0-9_.$]+/.exec(rest)?.[0] ?? rest.slice(0, 1);
}

function describeExpectation(each: Expectation): string {
  switch (each.type) {
    case "literal":
      return `\`${each.text}\``;
    case "other":
      return each.description;
    case "end":
      return "the end of the text";
    case "class":
    case "any":
      return "another character";
  }
}

function listOf(words: readonly string[]): string {
  const last = words.at(-1) ?? "nothing";
  return words.length < 2 ? last : `${words.slice(0, -1).join(", ")} or ${last}`;
}
