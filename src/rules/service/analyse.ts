/**
 * A rule file as an editor sees it: whatever its state, what is wrong with it and what its names are.
 * `analyse` is quick, so that it can run at each key; `checkSides` draws operands in the pause after it.
 */

import type { Diagnostic, Source } from "../../diagnostics/index.js";
import type { Registry } from "../../ir/index.js";
import { Findings } from "../findings.js";
import { checkImports } from "../imports.js";
import { lintAcross } from "../lint/lint-rules.js";
import { compileRule, DEFAULT_LOAD_OPTIONS, loadRuleFile } from "../load.js";
import type { CompiledRule, Settings } from "../rule.js";
import { readSchedule } from "../schedule.js";
import type { RuleTest } from "../test-blocks/resolve-tests.js";
import { resolveTests } from "../test-blocks/resolve-tests.js";
import { checkTypes } from "../types-agree.js";
import type { FileSyntax } from "../syntax.js";
import type { TolerantParse } from "./parse-tolerantly.js";
import { parseTolerantly } from "./parse-tolerantly.js";
import type { FileSymbol } from "./symbols.js";
import { symbolsOf } from "./symbols.js";

export interface AnalyseOptions {
  readonly registry: Registry;
  /** Compile options that guards may ask for. */
  readonly settings: Settings;
  /** A file by its path below the folder of rules. */
  readonly find: (path: string) => Source | undefined;
}

export interface RuleFileAnalysis {
  readonly source: Source;
  readonly diagnostics: readonly Diagnostic[];
  /** Of the items without mistakes in their syntax. */
  readonly symbols: readonly FileSymbol[];
  /** Rules that compile; the whole file need not. */
  readonly rules: readonly CompiledRule[];
  readonly tests: readonly RuleTest[];
}

export function analyse(source: Source, options: AnalyseOptions): RuleFileAnalysis {
  const parsed = parseTolerantly(source);
  if (parsed.syntax === undefined) {
    return { source, diagnostics: parsed.diagnostics, symbols: [], rules: [], tests: [] };
  }
  const { header, items } = parsed.syntax;
  const symbols = symbolsOf(parsed.syntax);
  const isSchedule = header === null && items.some(({ kind }) => kind === "schedule");
  if (isSchedule) {
    const { diagnostics } = readSchedule(parsed.source, []);
    return { source, diagnostics: [...parsed.diagnostics, ...diagnostics], symbols, rules: [], tests: [] };
  }
  return { source, symbols, ...analyseFamily({ ...parsed, syntax: parsed.syntax }, options) };
}

type FamilyAnalysis = Pick<RuleFileAnalysis, "diagnostics" | "rules" | "tests">;

function analyseFamily(
  { syntax, source, diagnostics }: TolerantParse & { readonly syntax: FileSyntax },
  { registry, settings, find }: AnalyseOptions,
): FamilyAnalysis {
  const loaded = loadRuleFile(source, registry, settings, false);
  const tests = resolveTests({ syntax, source }, registry);
  const rules = loaded.ok ? loaded.value.rules : rulesThatCompile(syntax, source, registry);
  return {
    diagnostics: [
      ...diagnostics,
      ...loaded.diagnostics,
      ...tests.diagnostics,
      ...checkImports({ syntax, source }, find),
      ...(loaded.ok ? lintAcross([loaded.value]) : []),
    ],
    rules,
    tests: tests.ok ? tests.value : [],
  };
}

/** One rule in error leaves the others their meaning. */
function rulesThatCompile(syntax: FileSyntax, source: Source, registry: Registry): readonly CompiledRule[] {
  const options = { ...DEFAULT_LOAD_OPTIONS, checkTypes: false };
  const context = { registry, findings: new Findings(source), options };
  const family = { name: syntax.header?.family.text ?? "", purpose: "simplify" as const };
  return syntax.items.flatMap((item) => (item.kind === "rule" ? compileRule(item, family, context) : []));
}

/** Whether the sides of a rule can have one type: draws operands, which takes milliseconds. */
export function checkSides({ forms, place }: CompiledRule): readonly Diagnostic[] {
  const findings = new Findings(place.source);
  for (const form of forms) checkTypes(form, findings);
  return findings.list();
}
