/**
 * From text to syntax. What is too large or too deep to be a rule file is refused first, which bounds the
 * time and the stack of the parser, so any text gets an answer.
 */

import type { Expectation, SyntaxError as GrammarSyntaxError } from "#grammars/rules";
import { parse, SyntaxError as GrammarError } from "#grammars/rules";

import type { Result, Source, Span } from "../diagnostics/index.js";
import { diagnostic, failure, success } from "../diagnostics/index.js";
import type { FileSyntax } from "./syntax.js";

/** UTF-16 units. */
const maxLength = 512 * 1024;

/** The deepest pattern of the shipped rules nests a dozen brackets. */
const maxDepth = 64;

export function parseRuleFile(source: Source): Result<FileSyntax> {
  if (source.text.length > maxLength) {
    const message = `the file has ${source.text.length} characters; a rule file has at most ${maxLength}`;
    return failure(diagnostic("rule/too-large", message, { at: source.name, hint: "split it into families" }));
  }
  const deep = findTooDeep(source.text);
  if (deep !== undefined) {
    const message = `brackets are nested more than ${maxDepth} deep`;
    return failure(diagnostic("rule/too-large", message, { place: { source, span: { start: deep, end: deep + 1 } } }));
  }
  try {
    return success(parse(source.text));
  } catch (error) {
    if (!(error instanceof GrammarError)) throw error;
    const { message, span } = describe(error, source.text);
    return failure(diagnostic("rule/syntax", message, { place: { source, span } }));
  }
}

/** The offset of the first bracket deeper than allowed. Strings and comments do not count. */
function findTooDeep(text: string): number | undefined {
  let depth = 0;
  for (const match of text.matchAll(/\/\/[^\r\n]*|"(?:[^"\\\r\n]|\\.)*"?|[([{]|[)\]}]/g)) {
    const [token] = match;
    if (token === "(" || token === "[" || token === "{") depth += 1;
    else if (token === ")" || token === "]" || token === "}") depth = Math.max(0, depth - 1);
    if (depth > maxDepth) return match.index;
  }
  return undefined;
}

function describe(
  error: GrammarSyntaxError,
  text: string,
): { readonly message: string; readonly span: Span } {
  const { start, end } = error.location;
  // The grammar's own words, for a string that is not closed or a chain that is too long.
  if (error.expected === null) {
    const span = { start: start.offset, end: Math.max(end.offset, start.offset + 1) };
    return { message: error.message, span };
  }
  const found = wordAt(text, start.offset);
  const expected = [...new Set(error.expected.map(describeExpectation))].filter((each) => each !== "white space");
  const message = `expected ${listOf(expected.sort())}, found ${found === "" ? "the end of the file" : `\`${found}\``}`;
  return { message, span: { start: start.offset, end: start.offset + Math.max(1, found.length) } };
}

/** The word at an offset, or the single character there; at most 40 characters. */
function wordAt(text: string, offset: number): string {
  const rest = text.slice(offset, offset + 40);
  return /^\??[A-Za-z0-9_]+/.exec(rest)?.[0] ?? rest.slice(0, 1);
}

function describeExpectation(each: Expectation): string {
  switch (each.type) {
    case "literal":
      return `\`${each.text}\``;
    case "other":
      return each.description;
    case "end":
      return "the end of the file";
    case "class":
    case "any":
      return "another character";
  }
}

function listOf(words: readonly string[]): string {
  const last = words.at(-1) ?? "nothing";
  return words.length < 2 ? last : `${words.slice(0, -1).join(", ")} or ${last}`;
}
