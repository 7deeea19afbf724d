/**
 * JSON of untrusted files. Syntax errors become diagnostics with a place, and keys that occur twice in
 * one object are found: `JSON.parse` keeps the last one silently, another reader may keep the first.
 */

import type { Diagnostic, Result } from "../diagnostics/index.js";
import { collect, diagnostic, DiagnosticError } from "../diagnostics/index.js";

export type JsonObject = Readonly<Record<string, unknown>>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Parses a file that must hold one object. */
export function parseJson(text: string, name: string): Result<JsonObject> {
  return collect(() => parseJsonObject(text, name));
}

/** The same inside a stage: throws `DiagnosticError` with `model/invalid-json`. */
export function parseJsonObject(text: string, name: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new DiagnosticError(syntaxDiagnostic(text, name, error));
  }
  if (isJsonObject(value)) return value;
  throw new DiagnosticError(
    diagnostic("model/invalid-json", `\`${name}\` must hold a JSON object, found ${describeJson(value)}`, {
      at: name,
    }),
  );
}

function syntaxDiagnostic(text: string, name: string, error: unknown): Diagnostic {
  const reason = error instanceof Error ? error.message : String(error);
  const position = / at position (\d+)/.exec(reason)?.[1];
  // V8 names no position when the text ends too early.
  const start = position === undefined ? text.length : Number(position);
  return diagnostic("model/invalid-json", `\`${name}\` is not valid JSON`, {
    place: { source: { name, text }, span: { start, end: start + 1 } },
    hint: "the file may be cut short, or be a placeholder of a large-file store; fetch it again",
  });
}

/** A value in the user's words: `null`, `a list`, `the text "abc"`, `12`. */
export function describeJson(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "string") return `the text ${JSON.stringify(value.slice(0, 40))}`;
  if (typeof value === "object" && value !== null) return "an object";
  return JSON.stringify(value);
}

/**
 * The first key that occurs twice in one object of a valid JSON text, or undefined. Strings are compared
 * after their escapes are resolved.
 */
export function findRepeatedKey(text: string): string | undefined {
  const open: (Set<string> | undefined)[] = [];
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (character === "{") open.push(new Set());
    else if (character === "[") open.push(undefined);
    else if (character === "}" || character === "]") open.pop();
    else if (character === '"') {
      const end = stringEnd(text, i);
      const keys = open.at(-1);
      if (keys !== undefined && isKey(text, end)) {
        const key = String(JSON.parse(text.slice(i, end)));
        if (keys.has(key)) return key;
        keys.add(key);
      }
      i = end - 1;
    }
  }
  return undefined;
}

/** The offset behind the closing quote of the string that opens at `start`. */
function stringEnd(text: string, start: number): number {
  let i = start + 1;
  while (text[i] !== '"') i += text[i] === "\\" ? 2 : 1;
  return i + 1;
}

/** In valid JSON only a key is followed by a colon. */
function isKey(text: string, end: number): boolean {
  let i = end;
  while (/\s/.test(text[i] ?? "")) i += 1;
  return text[i] === ":";
}
