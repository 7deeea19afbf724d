/**
 * Reads the schedule and the families it names, and compiles their rules. Everything that can be found wrong
 * is reported in one go. A family without a file is a warning: without it the program is slower, never wrong.
 */

import type { Diagnostic, Place, Result, Source, Span } from "../diagnostics/index.js";
import { diagnostic, didYouMean, failure, locate, success } from "../diagnostics/index.js";
import type { Registry } from "../ir/index.js";
import { compileForm } from "./compile.js";
import { Findings } from "./findings.js";
import { compileFusion } from "./fusion.js";
import { parseRuleFile } from "./parse.js";
import { resolveRule } from "./resolve.js";
import type { CompiledFusion, CompiledRule, Purpose, RuleFamily, RulePhase, RuleProgram, Settings } from "./rule.js";
import { purposes } from "./rule.js";
import type { Schedule, SchedulePhase } from "./schedule.js";
import { readSchedule } from "./schedule.js";
import type { FileSyntax, ImportSyntax, RuleSyntax } from "./syntax.js";
import { checkTypes } from "./types-agree.js";

/** Rule files, or a function that finds one by its path below the folder of rules. */
export type RuleSources = readonly Source[] | ((path: string) => Source | undefined);

export interface LoadOptions {
  /** The file with the schedule. */
  readonly entry: string;
  /** Families that are not even read. */
  readonly without: readonly string[];
  /** Rule files of the target; they form the last phase, `lower`. */
  readonly lower: readonly string[];
  /**
   * Families besides those of the schedule: one that lowers joins the phase `lower`, one that replaces the
   * phase before it, another the last phase in which nothing is replaced, after all that is there.
   */
  readonly own: readonly string[];
  /** Compile options that guards may ask for. */
  readonly settings: Settings;
  /** Draw operands to see whether the sides of each rule can have one type; costs milliseconds a rule. */
  readonly checkTypes: boolean;
}

export const DEFAULT_LOAD_OPTIONS: LoadOptions = {
  entry: "main.rules",
  without: [],
  lower: [],
  own: [],
  settings: {},
  checkTypes: true,
};

/** Of one file; the largest shipped family has a few dozen. */
const maxRules = 1000;

/** The more severe mistakes of any file make the whole fail; warnings come with the program. */
export function loadRules(
  sources: RuleSources,
  registry: Registry,
  options: Partial<LoadOptions> = {},
): Result<RuleProgram> {
  return new Loader(sources, registry, { ...DEFAULT_LOAD_OPTIONS, ...options }).load();
}

/** The rules of one file alone, without its imports; for tools and tests. */
export function loadRuleFile(
  source: Source,
  registry: Registry,
  settings: Settings = {},
  checkTypes = true,
): Result<RuleFamily> {
  const path = source.name;
  const loader = new Loader([source], registry, { ...DEFAULT_LOAD_OPTIONS, settings, checkTypes });
  return loader.loadAlone(familyOf(path), source);
}

/** `lower/c.rules` holds the family `lower/c`. */
function familyOf(path: string): string {
  return path.replace(/\.rules$/, "");
}

/** Who asked for a family: the place to point at when it is missing. */
interface Asking {
  readonly source: Source;
  readonly span: Span;
}

/** Invariant: `#families` holds each family that was asked for once, undefined when it could not be had. */
class Loader {
  readonly #sources: RuleSources;
  readonly #registry: Registry;
  readonly #options: LoadOptions;
  readonly #families = new Map<string, RuleFamily | undefined>();
  /** Every family that was mentioned, those left out included. */
  readonly #mentioned = new Set<string>();
  readonly #diagnostics: Diagnostic[] = [];
  /** Families that are being read: those that lead from the schedule to the current import. */
  readonly #open: string[] = [];

  constructor(sources: RuleSources, registry: Registry, options: LoadOptions) {
    this.#sources = sources;
    this.#registry = registry;
    this.#options = options;
  }

  load(): Result<RuleProgram> {
    const { entry } = this.#options;
    const source = this.#find(entry);
    if (source === undefined) {
      return failure(diagnostic("rule/missing-entry", `there is no \`${entry}\``, { hint: "it holds the schedule" }));
    }
    const schedule = this.#take(readSchedule(source, this.#options.lower));
    if (schedule === undefined) return failure(...this.#diagnostics);
    for (const phase of schedule.phases) {
      for (const { name, span } of phase.families) this.#family(name, { source, span });
    }
    for (const name of this.#options.own) this.#family(name, { source, span: { start: 0, end: 1 } });
    this.#checkWithout();
    const phases = this.#withOwn(schedule).map((phase) => this.#phase(phase));
    const families = [...this.#families.values()].filter((each) => each !== undefined);
    this.#checkNamesAcross(families);
    const rules = families.flatMap((each) => each.rules);
    const fusions = families.flatMap((each) => each.fusions);
    return this.#finish({ rules, fusions, families, phases });
  }

  loadAlone(name: string, source: Source): Result<RuleFamily> {
    const family = this.#read(name, source, false);
    return family === undefined ? failure(...this.#diagnostics) : this.#finish(family);
  }

  #finish<T>(value: T): Result<T> {
    const failed = this.#diagnostics.some((each) => each.severity === "error");
    return failed ? failure(...this.#diagnostics) : success(value, this.#diagnostics);
  }

  #take<T>(result: Result<T>): T | undefined {
    this.#diagnostics.push(...result.diagnostics);
    return result.ok ? result.value : undefined;
  }

  #find(path: string): Source | undefined {
    if (typeof this.#sources === "function") return this.#sources(path);
    return this.#sources.find((each) => each.name === path);
  }

  #family(name: string, asking: Asking): void {
    this.#mentioned.add(name);
    if (this.#families.has(name) || this.#options.without.includes(name)) return;
    const file = `${name}.rules`;
    const source = this.#find(file);
    if (source === undefined) {
      this.#families.set(name, undefined);
      const message = `the family \`${name}\` has no file, so the program is compiled without it`;
      this.#diagnostics.push(
        diagnostic("rule/missing-file", message, { place: asking, hint: `write \`${file}\`, or take it out of the schedule` }),
      );
      return;
    }
    this.#open.push(name);
    const family = this.#read(name, source, true);
    this.#open.pop();
    // After its imports, which come first in every phase.
    this.#families.set(name, family);
  }

  #read(name: string, source: Source, followImports: boolean): RuleFamily | undefined {
    const syntax = this.#take(parseRuleFile(source));
    if (syntax === undefined) return undefined;
    const findings = new Findings(source);
    const purpose = checkHeader(name, syntax, findings);
    const imports = this.#imports(syntax, findings, followImports);
    const rules = this.#rules({ name, purpose: purpose ?? "simplify" }, syntax, findings);
    const fusions = this.#fusions(name, syntax, findings);
    this.#diagnostics.push(...findings.list());
    if (purpose === undefined || findings.errorCount > 0) return undefined;
    return { name, file: source.name, purpose, doc: syntax.doc, imports, rules, fusions, source, syntax };
  }

  #imports(syntax: FileSyntax, findings: Findings, follow: boolean): readonly string[] {
    const names: string[] = [];
    for (const item of syntax.items) {
      if (item.kind !== "import" || !checkImportPath(item, findings) || !follow) continue;
      const name = this.#import(item, findings);
      if (name !== undefined) names.push(name);
    }
    return names;
  }

  #import({ path }: ImportSyntax, findings: Findings): string | undefined {
    const name = familyOf(path.text);
    if (this.#open.includes(name)) {
      const cycle = [...this.#open.slice(this.#open.indexOf(name)), name].join(" → ");
      findings.report("rule/import-cycle", path.span, `the imports run in a circle: ${cycle}`);
      return undefined;
    }
    this.#family(name, { source: findings.source, span: path.span });
    return name;
  }

  #rules(
    family: Pick<RuleFamily, "name" | "purpose">,
    syntax: FileSyntax,
    findings: Findings,
  ): readonly CompiledRule[] {
    const rules = syntax.items.flatMap((item) => (item.kind === "rule" ? [item] : []));
    checkNames(rules, findings);
    for (const item of syntax.items) {
      if (item.kind === "schedule") findings.report("rule/misplaced-item", item.span, "a family has no schedule of its own");
    }
    const excess = rules[maxRules];
    if (excess !== undefined) {
      findings.report(
        "rule/too-large",
        excess.span,
        `a file has at most ${maxRules} rules`,
        { hint: "make two families" },
      );
    }
    const context: CompileContext = { registry: this.#registry, findings, options: this.#options };
    return rules.slice(0, maxRules).flatMap((rule) => compileRule(rule, family, context));
  }

  #fusions(name: string, syntax: FileSyntax, findings: Findings): readonly CompiledFusion[] {
    const context = { registry: this.#registry, findings };
    return syntax.items.flatMap((item) => (item.kind === "fusion" ? compileFusion(item, { name }, context) : []));
  }

  #checkWithout(): void {
    const known = this.#mentioned;
    for (const name of this.#options.without) {
      if (known.has(name)) continue;
      const hint = didYouMean(name, known) ?? `the families are ${[...known].sort().join(", ")}`;
      this.#diagnostics.push(diagnostic("rule/unknown-family", `there is no family \`${name}\` to leave out`, { hint }));
    }
  }

  /** Explanations call a rule by its name, so a name is one rule of the whole program. */
  #checkNamesAcross(families: readonly RuleFamily[]): void {
    const seen = new Map<string, CompiledRule>();
    for (const rule of families.flatMap((each) => each.rules)) {
      const earlier = seen.get(rule.name);
      if (earlier === undefined) {
        seen.set(rule.name, rule);
        continue;
      }
      const message = `there is a rule \`${rule.name}\` in \`${earlier.file}\` as well`;
      const related = [{ message: "the other one is here", place: namePlace(earlier) }];
      this.#diagnostics.push(diagnostic("rule/duplicate-name", message, { place: namePlace(rule), related }));
    }
  }

  #withOwn({ phases }: Schedule): Schedule["phases"] {
    const lower = phases.findIndex(({ name }) => name === "lower");
    const last = phases.findLastIndex(({ name }) => name !== "lower");
    const replaces = (name: string): boolean => this.#families.get(name)?.purpose === "replace";
    const isReplacing = ({ families }: SchedulePhase): boolean => families.some(({ name }) => replaces(name));
    const open = phases.findLastIndex((phase) => phase.name !== "lower" && !isReplacing(phase));
    const own = this.#options.own.map((name) => {
      const isLower = this.#families.get(name)?.purpose === "lower";
      const wanted = replaces(name) || open === -1 ? last : open;
      return { name, span: { start: 0, end: 1 }, phase: isLower || wanted === -1 ? lower : wanted };
    });
    return phases.map((phase, i) => {
      return { ...phase, families: [...phase.families, ...own.filter((each) => each.phase === i)] };
    });
  }

  #phase({ name, families, limits }: Schedule["phases"][number]): RulePhase {
    const members = new Set<RuleFamily>();
    const add = (family: RuleFamily | undefined): void => {
      if (family === undefined || members.has(family)) return;
      for (const each of family.imports) add(this.#families.get(each));
      members.add(family);
    };
    for (const each of families) add(this.#families.get(each.name));
    const found = [...members];
    const rules = found.flatMap((each) => each.rules);
    return { name, families: found.map((each) => each.name), rules, limits };
  }
}

/** Relative, with `/`, below the folder of rules. */
function checkImportPath({ path }: ImportSyntax, findings: Findings): boolean {
  if (/^[A-Za-z0-9_-]+(\/[A-Za-z0-9_-]+)*\.rules$/.test(path.text)) return true;
  const hint = 'for example `import "algebra.rules"`; the path starts at the folder of rules';
  findings.report("rule/import-path", path.span, "an import stays inside the folder of rules", { hint });
  return false;
}

function checkHeader(name: string, { header }: FileSyntax, findings: Findings): Purpose | undefined {
  if (header === null) {
    const hint = `start the file with \`rules ${name} simplify\``;
    findings.report(
      "rule/missing-header",
      { start: 0, end: 1 },
      "the file does not say which family it holds",
      { hint },
    );
    return undefined;
  }
  const { family, purpose } = header;
  if (underscored(family.text) !== underscored(name)) {
    const message = `the family in \`${name}.rules\` is \`${name}\`, not \`${family.text}\``;
    findings.report("rule/family-name", family.span, message);
  }
  const found = purposes.find((each) => each === purpose.text);
  if (found === undefined) {
    const hint = didYouMean(purpose.text, purposes) ?? `write ${purposes.join(", ")}`;
    findings.report("rule/unknown-purpose", purpose.span, `\`${purpose.text}\` is not a purpose`, { hint });
  }
  return found;
}

function underscored(name: string): string {
  return name.replaceAll("/", "_");
}

function checkNames(rules: readonly RuleSyntax[], findings: Findings): void {
  const seen = new Map<string, Span>();
  for (const { name } of rules) {
    const earlier = seen.get(name.text);
    if (earlier === undefined) {
      seen.set(name.text, name.span);
      continue;
    }
    const related = { message: "the first one is here", span: earlier };
    findings.report("rule/duplicate-name", name.span, `there are two rules \`${name.text}\``, { related });
  }
}

function namePlace({ place, ast }: CompiledRule): Place {
  return { source: place.source, span: ast.name.span };
}

export interface CompileContext {
  readonly registry: Registry;
  readonly findings: Findings;
  readonly options: LoadOptions;
}

/** One rule, or none after an error, which is among the findings. */
export function compileRule(
  ast: RuleSyntax,
  family: Pick<RuleFamily, "name" | "purpose">,
  { registry, findings, options }: CompileContext,
): readonly CompiledRule[] {
  const resolved = resolveRule(ast, registry, findings);
  if (resolved === undefined) return [];
  if (options.checkTypes) for (const form of resolved.forms) checkTypes(form, findings);
  const { source } = findings;
  return [
    {
      name: ast.name.text,
      family: family.name,
      purpose: family.purpose,
      numerics: resolved.numerics,
      doc: ast.doc,
      file: source.name,
      line: locate(source.text, ast.name.span.start).line,
      place: { source, span: { start: ast.numerics?.span.start ?? ast.span.start, end: ast.span.end } },
      engineRules: resolved.forms.map((form) => {
        const rule = compileForm(form, options.settings);
        return family.purpose === "replace" ? { ...rule, subsumes: true } : rule;
      }),
      forms: resolved.forms,
      ast,
    },
  ];
}
