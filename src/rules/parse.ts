/**
 * From text to syntax. What is too large or too deep to be a rule file is refused first, which bounds the
 * time and the stack of the parser, so any text gets an answer.
 */

import { parse, SyntaxError as GrammarError } from "#grammars/rules";

import { describeSyntaxError, findTooDeep } from "../base/index.js";
import type { Result, Source } from "../diagnostics/index.js";
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
  const deep = findTooDeep(source.text, maxDepth, "()[]{}");
  if (deep !== undefined) {
    const message = `brackets are nested more than ${maxDepth} deep`;
    return failure(diagnostic("rule/too-large", message, { place: { source, span: { start: deep, end: deep + 1 } } }));
  }
  try {
    return success(parse(source.text));
  } catch (error) {
    if (!(error instanceof GrammarError)) throw error;
    const { message, span } = describeSyntaxError(error, source.text, { noun: "file", word: /^\??[A-Za-z0-9_]+/ });
    return failure(diagnostic("rule/syntax", message, { place: { source, span } }));
  }
}
