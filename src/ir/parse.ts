/**
 * Reads the text form of a module. Three steps: refuse what is too large or too deep to be a module,
 * parse the syntax, resolve names and types (`resolve-module.ts`). The first step bounds the time and
 * the stack of the second, so any text gets an answer.
 */

import { parse, SyntaxError as GrammarError } from "#grammars/ir";

import type { SyntaxProblem } from "../base/index.js";
import { describeSyntaxError, findTooDeep } from "../base/index.js";
import type { Code, Result, Source, Span } from "../diagnostics/index.js";
import { diagnostic, failure } from "../diagnostics/index.js";
import type { Module } from "./graph.js";
import type { Registry } from "./registry.js";
import { resolveModule } from "./resolve-module.js";
import type { ModuleSyntax } from "./syntax.js";

/** UTF-16 units. Layers are rolled, so that a real module has a few hundred lines, whatever its depth. */
const maxLength = 4 * 1024 * 1024;

/** The language itself nests five deep: module, function, attributes, a type, its brackets. */
const maxDepth = 32;

export function parseModule(source: Source, registry: Registry): Result<Module> {
  if (source.text.length > maxLength) {
    const message = `the text has ${source.text.length} characters; a module has at most ${maxLength}`;
    return refuse(source, "ir/too-large", { start: 0, end: 1 }, message);
  }
  const tooDeep = findTooDeep(source.text, maxDepth, "()[]{}<>");
  if (tooDeep !== undefined) {
    const message = `brackets are nested more than ${maxDepth} deep`;
    return refuse(source, "ir/too-deep", { start: tooDeep, end: tooDeep + 1 }, message);
  }
  const syntax = parseSyntax(source);
  if ("message" in syntax) return refuse(source, "ir/syntax", syntax.span, syntax.message);
  return resolveModule(syntax, source, registry);
}

function refuse(source: Source, code: Code, span: Span, message: string): Result<Module> {
  return failure(diagnostic(code, message, { place: { source, span } }));
}

function parseSyntax(source: Source): ModuleSyntax | SyntaxProblem {
  try {
    return parse(source.text);
  } catch (error) {
    if (!(error instanceof GrammarError)) throw error;
    return describeSyntaxError(error, source.text, { noun: "text", word: /^[%@!]?[A-Za-z0-9_.$]+/ });
  }
}
