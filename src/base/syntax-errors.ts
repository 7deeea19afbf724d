/** Puts a grammar's syntax error into words: what was expected, and the whole word that was found instead. */

import { assertNever } from "./assertions.js";

/** What a generated parser throws; offsets count UTF-16 units. */
export interface GrammarError {
  readonly message: string;
  /** Null where the grammar says in its own words what is wrong. */
  readonly expected: readonly GrammarExpectation[] | null;
  readonly location: { readonly start: GrammarPlace; readonly end: GrammarPlace };
}

interface GrammarPlace {
  readonly offset: number;
}

export type GrammarExpectation =
  | { readonly type: "literal"; readonly text: string }
  | { readonly type: "other"; readonly description: string }
  | { readonly type: "class" | "any" | "end" };

export interface SyntaxProblem {
  readonly message: string;
  /** Never empty, though it may lie behind the text. */
  readonly span: { readonly start: number; readonly end: number };
}

/** How a language's texts are spoken of. */
export interface TextWords {
  /** "text", "file". */
  readonly noun: string;
  /** A word at the beginning of a string. */
  readonly word: RegExp;
}

export function describeSyntaxError(error: GrammarError, text: string, words: TextWords): SyntaxProblem {
  const start = error.location.start.offset;
  if (error.expected === null) {
    return { message: error.message, span: { start, end: Math.max(error.location.end.offset, start + 1) } };
  }
  const found = wordAt(text, start, words.word);
  const expectations = error.expected.map((each) => describeExpectation(each, words));
  const expected = [...new Set(expectations)].filter((each) => each !== "white space").sort();
  return {
    message: `expected ${listOf(expected)}, found ${found === "" ? `the end of the ${words.noun}` : `\`${found}\``}`,
    span: { start, end: start + Math.max(1, found.length) },
  };
}

/** The word at an offset, or the single character there; at most 40 characters. */
function wordAt(text: string, offset: number, word: RegExp): string {
  const rest = text.slice(offset, offset + 40);
  return word.exec(rest)?.[0] ?? rest.slice(0, 1);
}

function describeExpectation(each: GrammarExpectation, { noun }: TextWords): string {
  switch (each.type) {
    case "literal":
      return `\`${each.text}\``;
    case "other":
      return each.description;
    case "end":
      return `the end of the ${noun}`;
    case "class":
    case "any":
      return "another character";
    default:
      return assertNever(each);
  }
}

function listOf(words: readonly string[]): string {
  const last = words.at(-1) ?? "nothing";
  return words.length < 2 ? last : `${words.slice(0, -1).join(", ")} or ${last}`;
}
