// The formatter on every rule file there is, with comments, line breaks and spaces strewn between their
// words.

import { readdirSync, readFileSync } from "node:fs";

import fc from "fast-check";
import { expect, test } from "vitest";

import type { Random } from "../../../src/base/index.js";
import { createRandom } from "../../../src/base/index.js";
import { formatRuleFile, parseRuleFile } from "../../../src/rules/index.js";

const files = [
  ...readdirSync("rules", { recursive: true, encoding: "utf8" }).map((name) => `rules/${name}`),
  ...readdirSync("test/fixtures/rules/accept").map((name) => `test/fixtures/rules/accept/${name}`),
].filter((path) => path.endsWith(".rules"));

const texts = files.map((path) => readFileSync(path, "utf8"));

/** Words, strings, comments and signs, as far as space may stand between them. */
const token =
  // eslint-disable-next-line max-len -- one expression
  /"(?:[^"\\]|\\.)*"|\/\/[^\n]*\n?|\?\w+|\d[\d.]*e[-+]\d+|[A-Za-z_]\w*\/[A-Za-z_]\w*|[\w.]+|<=>|!=>|[=!<>]=|[=~]>|\S/g;

function tokensOf(text: string): readonly string[] {
  return [...text.matchAll(token)].map(([each]) => each);
}

/** A number keeps its sign and `!=>` its parts; doc lines stay whole lines. */
function mayPart(before: string, after: string): boolean {
  if (before === "-" || before === "?" || before.startsWith("//") || /^[=!<>~-]$/.test(before)) return false;
  // A call and a type are one word with their bracket: `dim(`, `f32[`.
  return after !== "(" && !(after === "[" && /^\w+$/.test(before));
}

const words = ["", "why", "?x, (", 'a "quote', "=> {"];

/**
 * What stands between two words: mostly a space, sometimes a comment behind a word or on lines of its own.
 */
function drawGap(random: Random): string {
  const comment = `// ${words[random.below(words.length)]!}\n`;
  const gaps = ["\n", "\r\n\n", ` ${comment}`, `\n\n ${comment}\n// again\n`];
  return random.below(24) === 0 ? gaps[random.below(gaps.length)]! : " ";
}

/** A file with other white space and more comments. */
function strew(text: string, seed: number): string {
  const random = createRandom(seed);
  const tokens = tokensOf(text);
  return tokens
    .map((each, i) => {
      if (each.startsWith("//")) return each.endsWith("\n") ? each : `${each}\n`;
      return mayPart(each, tokens[i + 1] ?? "") ? each + drawGap(random) : each;
    })
    .join("");
}

const drawn = fc.tuple(fc.constantFrom(...texts), fc.nat({ max: 2 ** 30 }));
const strewn = drawn.map(([text, seed]) => strew(text, seed));

/** Syntax without places. */
function meaning(text: string): string {
  const parsed = parseRuleFile({ name: "meaning.rules", text });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.diagnostics.map(({ message }) => message)));
  return JSON.stringify(parsed.value, (key, value: unknown) => {
    if (key === "span") return undefined;
    return typeof value === "number" ? String(value) : value;
  });
}

function format(text: string): string {
  const formatted = formatRuleFile({ name: "format.rules", text });
  if (!formatted.ok) throw new Error(JSON.stringify(formatted.diagnostics.map(({ message }) => message)));
  return formatted.value;
}

function commentsOf(text: string): readonly string[] {
  const found = [...text.matchAll(/"(?:[^"\\\r\n]|\\.)*"|\/\/[^\r\n]*/g)].map(([each]) => each.trimEnd());
  return found.filter((each) => each.startsWith("//")).sort();
}

const runs = { numRuns: 200, seed: 7 };

test("formatting twice is formatting once", () => {
  const holds = fc.property(strewn, (text) => {
    expect(format(format(text))).toBe(format(text));
  });
  fc.assert(holds, runs);
});

test("formatting changes no meaning", () => {
  const holds = fc.property(strewn, (text) => {
    expect(meaning(format(text))).toBe(meaning(text));
  });
  fc.assert(holds, runs);
});

test("formatting keeps every comment", () => {
  fc.assert(
    fc.property(strewn, (text) => {
      // A doc line's mark may be followed by no space.
      const normal = (list: readonly string[]): readonly string[] => list.map((each) => each.replace(/^\/\/([/!])(?=\S)/, "//$1 "));
      expect(normal(commentsOf(format(text))).join("\n")).toBe(normal(commentsOf(text)).join("\n"));
    }),
    runs,
  );
});

test("no line ends in white space, and every file ends with one line break", () => {
  fc.assert(
    fc.property(strewn, (text) => {
      const formatted = format(text);
      expect(formatted).not.toMatch(/[ \t]$/m);
      expect(formatted).toMatch(/[^\n]\n$/);
    }),
    runs,
  );
});
