// The TextMate grammar of the editor extension: every shipped rule file gets the scopes that its words mean.

import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

import { beforeAll, describe, expect, test } from "vitest";
import { createOnigScanner, createOnigString, loadWASM } from "vscode-oniguruma";
import type { IGrammar } from "vscode-textmate";
import { INITIAL, parseRawGrammar, Registry } from "vscode-textmate";

import { everyTargetRegistry } from "../../../src/compiler/index.js";
import { parseRuleFile, prelude, symbolsOf } from "../../../src/rules/index.js";

const path = "editors/vscode/syntaxes/llmir-rules.tmLanguage.json";
let grammar: IGrammar | undefined;

beforeAll(async () => {
  await loadWASM(readFileSync(createRequire(import.meta.url).resolve("vscode-oniguruma/release/onig.wasm")));
  const registry = new Registry({
    onigLib: Promise.resolve({ createOnigScanner, createOnigString }),
    loadGrammar: () => Promise.resolve(parseRawGrammar(readFileSync(path, "utf8"), path)),
  });
  grammar = (await registry.loadGrammar("source.llmir-rules")) ?? undefined;
});

interface Token {
  readonly start: number;
  readonly end: number;
  readonly text: string;
  /** The innermost scope, without the language. */
  readonly scope: string;
}

function tokensOf(text: string): readonly Token[] {
  if (grammar === undefined) throw new Error("the grammar is not loaded");
  const tokens: Token[] = [];
  let [stack, offset] = [INITIAL, 0];
  for (const line of text.split("\n")) {
    const { tokens: found, ruleStack } = grammar.tokenizeLine(line, stack);
    for (const { startIndex, endIndex, scopes } of found) {
      const scope = (scopes.at(-1) ?? "").replace(/\.llmir-rules$/, "");
      const [start, end] = [offset + startIndex, offset + Math.min(endIndex, line.length)];
      tokens.push({ start, end, text: text.slice(start, end), scope });
    }
    stack = ruleStack;
    offset += line.length + 1;
  }
  return tokens;
}

const files = (readdirSync("rules", { recursive: true, encoding: "utf8" }) as string[])
  .filter((name) => name.endsWith(".rules"))
  .map((name) => join("rules", name));

/** What the parser says a name is, and the scope that it then has. */
const scopes = {
  op: "support.function",
  function: "support.function",
  attribute: "entity.other.attribute-name",
  variable: "variable.parameter",
  dtype: "support.type.dtype",
  rule: "entity.name.function",
  class: "storage.modifier",
  purpose: "storage.modifier",
} as const;

describe.each(files)("%s", (file) => {
  const text = readFileSync(file, "utf8");
  const parsed = parseRuleFile({ name: file, text });
  const symbols = parsed.ok ? symbolsOf(parsed.value) : [];

  test("each name has the scope of what the parser takes it for", () => {
    const tokens = new Map(tokensOf(text).map((token) => [token.start, token]));
    const wrong: string[] = [];
    for (const symbol of symbols) {
      if (symbol.kind === "family" || symbol.kind === "import") continue;
      const literal = symbol.kind === "dtype" && /^(?:true|false)$/.test(symbol.text);
      const wanted = literal ? "constant.language" : scopes[symbol.kind];
      const token = tokens.get(symbol.span.start);
      const name = symbol.kind === "variable" ? `?${symbol.text}` : symbol.text;
      if (token?.scope !== wanted || token.text !== name) wrong.push(`${symbol.kind} ${name}: ${token?.scope} ${token?.text}`);
    }
    expect(parsed.ok).toBe(true);
    expect(wrong).toEqual([]);
  });

  test("comments and strings are all of the line and of the quotes", () => {
    const tokens = tokensOf(text);
    for (const { index, 0: line } of text.matchAll(/^[ \t]*\/\/.*$/gm)) {
      const start = index + line.indexOf("//");
      const token = tokens.find((each) => each.start === start);
      expect(token?.end).toBe(index + line.length);
      const kind = /^\/\/[!/]/.test(line.trim()) ? "documentation" : "double-slash";
      expect(token?.scope).toBe(`comment.line.${kind}`);
    }
    const strings = tokens.filter(({ scope }) => scope === "string.quoted.double").map((token) => token.text);
    const written = [...text.replace(/\/\/.*$/gm, "").matchAll(/"(?:[^"\\\n]|\\.)*"/g)];
    expect(strings.filter((each) => each === "\"").length).toBe(2 * written.length);
  });

  test("nothing but white space is without a scope", () => {
    const bare = tokensOf(text).filter(({ scope, text: word }) => scope === "source" && word.trim() !== "");
    expect(bare.map(({ text: word }) => word)).toEqual([]);
  });
});

describe("words", () => {
  const scopeOf = (line: string, word: string): string | undefined =>
    tokensOf(line).find(({ text }) => text.trim() === word)?.scope;

  test.each([
    ["rules norms simplify", "rules", "keyword.control"],
    ["rules lower/c lower", "lower/c", "entity.name.namespace"],
    ["import \"algebra.rules\"", "import", "keyword.control"],
    ["schedule {", "schedule", "keyword.control"],
    ["given ?x: const f32[T, 8]", "given", "keyword.control"],
    ["given ?x: const f32[T, 8]", "const", "storage.modifier.const"],
    ["test \"a\" {", "test", "keyword.control"],
    ["  with norms", "with", "keyword.control"],
    ["  option quantize: \"q8\"", "option", "keyword.control"],
    ["exact rule let_go { neg(?x) => ?x }", "rule", "keyword.control"],
    ["exact rule let_go { neg(?x) => ?x }", "let_go", "entity.name.function"],
    ["  => let ?p = neg(?x)", "let", "keyword.other"],
    ["  where rank(?x) == 2 or not constant(?x)", "where", "keyword.other"],
    ["  where rank(?x) == 2 or not constant(?x)", "or", "keyword.other"],
    ["  where rank(?x) == 2 or not constant(?x)", "not", "keyword.other"],
    ["  a(?x) <=> b(?x)", "<=>", "keyword.operator.arrow"],
    ["  a(?x) ~> b(?x)", "~>", "keyword.operator.arrow"],
    ["  a(?x) !=> b(?x)", "!=>", "keyword.operator.arrow"],
    ["  where ?a != 1", "!=", "keyword.operator"],
    ["  reshape(_, shape: _)", "_", "variable.language.wildcard"],
    ["  a(x: 1.5e-5)", "1.5e-5", "constant.numeric"],
    ["  a(x: inf)", "inf", "constant.language"],
    ["  a(x: \"\\q\")", "\\q", "invalid.illegal.escape"],
    ["  a(x: \"\\\\\")", "\\\\", "constant.character.escape"],
  ])("%s: %s is %s", (line, word, scope) => {
    expect(scopeOf(line, word)).toBe(scope);
  });

  test("a string that is not closed ends with its line", () => {
    expect(scopeOf("test \"a\nexact rule b {", "rule")).toBe("keyword.control");
  });

  test("every op and function of the language is one token", () => {
    for (const name of [...everyTargetRegistry.ops.keys(), ...prelude.keys()]) {
      expect(scopeOf(`  ${name}(?x)`, name), name).toBe("support.function");
    }
  });
});

test("the extension's files name each other", () => {
  const folder = "editors/vscode";
  const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const [language] = manifest.contributes.languages;
  const [colours] = manifest.contributes.grammars;
  expect(colours.language).toBe(language.id);
  expect(JSON.parse(readFileSync(join(folder, colours.path), "utf8")).scopeName).toBe(colours.scopeName);
  expect(() => JSON.parse(readFileSync(join(folder, language.configuration), "utf8"))).not.toThrow();
  const client = readFileSync(join(folder, manifest.main), "utf8");
  for (const { command } of manifest.contributes.commands) expect(client).toContain(`"${command}"`);
  expect(client).toContain('"rules", "lsp", "--stdio"');
});
