// Turns grammars into parsers: `grammars/<name>.peggy`, joined with `lexical.peggy`, becomes
// `grammars/generated/<name>.js` with its `.d.ts`, imported as `#grammars/<name>`.
//
// The first rule of a grammar is its start rule. What `parse` returns is `unknown` to TypeScript, unless the
// grammar says otherwise in a comment of its own line, with paths as seen from `grammars/generated`:
//
//     // @returns import("../../src/ir/syntax.js").ModuleSyntax

import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, relative } from "node:path";

import peggy from "peggy";

/**
 * Generates the parsers of `stale`, and returns what is wrong with the others, one text for each. A grammar
 * in error loses its old parser: nothing must go on working with a language that is no longer written down.
 */
export function generateParsers(root, stale) {
  const problems = [];
  for (const grammar of stale) {
    mkdirSync(dirname(grammar.output), { recursive: true });
    const sources = grammar.sources.map((file) => ({
      source: relative(root, file),
      text: readFileSync(file, "utf8"),
    }));
    try {
      writeParser(grammar, sources);
    } catch (error) {
      if (typeof error.format !== "function") throw error;
      problems.push(error.format(sources));
      for (const suffix of [".js", ".d.ts", ".stamp"]) rmSync(grammar.output + suffix, { force: true });
    }
  }
  return problems;
}

/** The stamp comes last: without it the parser counts as stale. */
function writeParser(grammar, sources) {
  const parser = peggy.generate(sources, { output: "source", format: "es" });
  replaceFile(`${grammar.output}.js`, parser);
  replaceFile(`${grammar.output}.d.ts`, declarations(sources[0]));
  replaceFile(`${grammar.output}.stamp`, `${grammar.fingerprint}\n`);
}

/** Peggy's own declarations type results as `any`; these say `unknown`, and only what we use. */
function declarations({ source, text }) {
  const result = /^\s*\/\/\s*@returns\s+(.+)$/m.exec(text)?.[1]?.trim() ?? "unknown";
  return `// Generated from ${source.replaceAll("\\", "/")}; do not edit.

/** Offsets count UTF-16 units from 0; lines and columns count from 1. */
export interface Location {
  readonly line: number;
  readonly column: number;
  readonly offset: number;
}

export interface LocationRange {
  readonly source: string | undefined;
  readonly start: Location;
  readonly end: Location;
}

export type Expectation =
  | { readonly type: "literal"; readonly text: string; readonly ignoreCase: boolean }
  | { readonly type: "class"; readonly inverted: boolean; readonly ignoreCase: boolean }
  | { readonly type: "any" }
  | { readonly type: "end" }
  | { readonly type: "other"; readonly description: string };

export declare class SyntaxError extends globalThis.SyntaxError {
  readonly expected: readonly Expectation[] | null;
  readonly found: string | null;
  readonly location: LocationRange;
}

export interface ParseOptions {
  /** Comes back as \`source\` of every location. */
  readonly grammarSource?: string;
}

/** Throws this module's \`SyntaxError\`. */
export declare function parse(input: string, options?: ParseOptions): ${result};
`;
}

function replaceFile(file, text) {
  const aside = `${file}.${process.pid}`;
  writeFileSync(aside, text);
  renameSync(aside, file);
}
