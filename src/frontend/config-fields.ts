/**
 * Typed reading of a configuration's fields. A fault is recorded and a harmless value returned, so that
 * one pass reports every field that is wrong.
 */

import type { Diagnostic } from "../diagnostics/index.js";
import { didYouMean, diagnostic } from "../diagnostics/index.js";
import type { JsonObject } from "./json.js";
import { describeJson, isJsonObject } from "./json.js";

export interface Range {
  readonly min: number;
  readonly max: number;
  /** Taken when the field is absent or null; without it the field is required. */
  readonly fallback?: number;
}

export interface FieldReader {
  readonly faults: readonly Diagnostic[];
  integer(name: string, range: Range): number;
  float(name: string, range: Range): number;
  /** Absent and null are false. */
  flag(name: string): boolean;
  /** One of a few words; the fallback when absent or null. */
  word(name: string, known: readonly string[], fallback: string): string;
  /** A nested object, or undefined when it is absent or null. */
  nested(name: string): FieldReader | undefined;
  isPresent(name: string): boolean;
  /** Records that a value contradicts another. */
  invalidate(name: string, why: string): void;
  /** Records that the model asks for something that is not built. */
  refuse(name: string, why: string, hint?: string): void;
}

/** `at` is the file's name; `spelled` gives the words that the file has for a field, for messages. */
export function readFields(
  record: JsonObject,
  at: string,
  spelled: (name: string) => string = (name) => name,
): FieldReader {
  return createReader(record, { at, prefix: "", spelled, faults: [] });
}

interface Scope {
  readonly at: string;
  /** Stands before field names in messages of nested objects. */
  readonly prefix: string;
  readonly spelled: (name: string) => string;
  /** Shared by a reader and those nested in it. */
  readonly faults: Diagnostic[];
}

function createReader(record: JsonObject, scope: Scope): FieldReader {
  const { at, faults } = scope;
  const label = (name: string): string => scope.spelled(scope.prefix + name);
  // Null counts as absent, and so does what every object inherits.
  const valueOf = (name: string): unknown =>
    Object.hasOwn(record, name) ? (record[name] ?? undefined) : undefined;
  const invalid = (name: string, expected: string): void => {
    const message = `\`${label(name)}\` must be ${expected}, found ${describeJson(valueOf(name))}`;
    faults.push(diagnostic("model/invalid-config", message, { at }));
  };
  const numeric = (name: string, range: Range, whole: boolean): number => {
    const value = valueOf(name) ?? range.fallback;
    const fits = typeof value === "number" && value >= range.min && value <= range.max;
    if (fits && (!whole || Number.isSafeInteger(value))) return value;
    invalid(name, `a ${whole ? "whole number" : "number"} from ${range.min} to ${range.max}`);
    return range.fallback ?? range.min;
  };
  return {
    faults,
    integer: (name, range) => numeric(name, range, true),
    float: (name, range) => numeric(name, range, false),
    flag: (name) => {
      const value = valueOf(name) ?? false;
      if (typeof value !== "boolean") invalid(name, "true or false");
      return value === true;
    },
    word: (name, known, fallback) => {
      const value = valueOf(name) ?? fallback;
      if (typeof value === "string" && known.includes(value)) return value;
      faults.push(unknownWord({ name: label(name), value, known, at }));
      return fallback;
    },
    nested: (name) => {
      const value = valueOf(name);
      if (value === undefined) return undefined;
      if (isJsonObject(value)) return createReader(value, { ...scope, prefix: `${scope.prefix}${name}.` });
      invalid(name, "an object");
      return undefined;
    },
    isPresent: (name) => valueOf(name) !== undefined,
    invalidate: (name, why) => {
      faults.push(diagnostic("model/invalid-config", `\`${label(name)}\`: ${why}`, { at }));
    },
    refuse: (name, why, hint) => {
      const details = hint === undefined ? { at } : { at, hint };
      faults.push(diagnostic("model/unsupported-config", `\`${label(name)}\`: ${why}`, details));
    },
  };
}

interface UnknownWord {
  readonly name: string;
  readonly value: unknown;
  readonly known: readonly string[];
  readonly at: string;
}

function unknownWord({ name, value, known, at }: UnknownWord): Diagnostic {
  if (typeof value !== "string") {
    const message = `\`${name}\` must be a word, found ${describeJson(value)}`;
    return diagnostic("model/invalid-config", message, { at });
  }
  const list = known.map((each) => `\`${each}\``).join(", ");
  return diagnostic("model/unsupported-config", `\`${name}\` is ${describeJson(value)}; supported: ${list}`, {
    at,
    hint: didYouMean(value, known) ?? "use a model of a supported kind",
  });
}
