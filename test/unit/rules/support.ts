// What the tests of the rule language share: one-file programs, and expectations marked in the text itself.

import type { Diagnostic, Result, Source } from "../../../src/diagnostics/index.js";
import { renderDiagnostics } from "../../../src/diagnostics/index.js";
import { coreRegistry } from "../../../src/ir/index.js";
import type { CompiledRule, RuleFamily } from "../../../src/rules/index.js";
import { loadRuleFile } from "../../../src/rules/index.js";

export function sample(text: string): Source {
  return { name: "sample.rules", text };
}

/** Loads rules without a header as the family `sample`. */
export function loadSample(rules: string, settings: Record<string, string> = {}): Result<RuleFamily> {
  return loadRuleFile(sample(`rules sample simplify\n${rules}`), coreRegistry, settings);
}

/** The rules of a text that must be right. */
export function compileSample(rules: string, settings: Record<string, string> = {}): readonly CompiledRule[] {
  return valueOf(loadSample(rules, settings)).rules;
}

export function onlyRule(rules: string, settings: Record<string, string> = {}): CompiledRule {
  return compileSample(rules, settings)[0]!;
}

export function valueOf<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(renderDiagnostics(result.diagnostics));
  return result.value;
}

/** One line for each diagnostic: code, and the marked text up to the end of its line. */
export function codesAndPlaces(diagnostics: readonly Diagnostic[]): readonly string[] {
  return diagnostics.map(({ code, place }) => `${code} at ${place ? describePlace(place.source.text, place.span) : "?"}`);
}

function describePlace(
  text: string,
  { start, end }: { readonly start: number; readonly end: number },
): string {
  const line = text.slice(0, start).split("\n").length;
  return `${line}: ${text.slice(start, end).split("\n")[0]!}`;
}

/**
 * The same from marks in the text: a comment line `// ^^^ code` below the line it is about. Several marks may
 * follow one line.
 */
export function expectedByMarks(text: string): readonly string[] {
  const lines = text.split("\n");
  const expected: string[] = [];
  let about = 0;
  lines.forEach((line, i) => {
    const mark = /^( *\/\/ *)(\^+) (rule\/[a-z-]+)$/.exec(line);
    if (mark === null) {
      about = i;
      return;
    }
    const start = mark[1]!.length;
    expected.push(`${mark[3]!} at ${about + 1}: ${lines[about]!.slice(start, start + mark[2]!.length)}`);
  });
  return expected;
}
