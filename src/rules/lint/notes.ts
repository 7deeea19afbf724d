/**
 * Notes in a rule's own comments, which say why a finding is right as it is:
 *
 *     // lint ok: rule/grows, because `unit_gain` takes the ones away again
 *     // mutant ok: without `rank(?x) == 2`, because the product's own types ask for it
 */

import type { Span } from "../../diagnostics/index.js";
import type { CompiledRule } from "../rule.js";

export interface Note {
  readonly kind: "lint" | "mutant";
  /** A code, or a mutant's title. */
  readonly about: string;
  readonly reason: string;
  readonly span: Span;
}

const form = /\/\/ (lint|mutant) ok: (.+?), because (.+?)[ \t]*$/gm;

/** The notes between the first doc line of a rule and its closing brace. */
export function notesOf({ ast, place }: CompiledRule): readonly Note[] {
  const { start, end } = ast.span;
  const text = place.source.text.slice(start, end).replaceAll("\r\n", " \n");
  return [...text.matchAll(form)].map((match) => {
    const [whole, kind, about = "", reason = ""] = match;
    const from = start + match.index;
    return { kind: kind === "lint" ? "lint" : "mutant", about, reason, span: { start: from, end: from + whole.length } };
  });
}
