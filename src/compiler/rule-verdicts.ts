/**
 * Which rules were found sound, by content: those of the record that comes with llmir (`rules/checked.json`),
 * and those that were checked on this machine. A verdict holds for the rule's text and the purpose of its
 * family; one of this machine also for the program and the options of the check.
 */

import type { Host } from "../base/index.js";
import type { Diagnostic } from "../diagnostics/index.js";
import { diagnostic } from "../diagnostics/index.js";
import type { CheckOptions, CheckReport, CompiledRule, RuleProgram } from "../rules/index.js";
import type { CompileOptions } from "../artifacts/index.js";

/** The check that a rule must pass before it may change a program. */
export const RULE_CHECK = { seed: 1, cases: 40 } as const satisfies Partial<CheckOptions>;

/** What is kept of the report of a sound rule. */
export interface KeptReport extends Pick<CheckReport, "cases" | "evaluations" | "relativeError"> {
  /** The lint had something to say, so that `rules check` looks again. */
  readonly noted?: true;
}

/** Entries of the file; the oldest go first. */
const maxEntries = 20_000;

/** Invariant: `#kept` holds reports of rules that were found sound. */
export class RuleVerdicts {
  readonly #host: Host;
  readonly #options: object;
  #loaded: { readonly kept: Map<string, KeptReport>; readonly base: string } | undefined;
  #recorded: ReadonlySet<string> | undefined;
  #changed = false;

  /** `options` are those of the check: other draws, another verdict. */
  constructor(host: Host, options: object = RULE_CHECK) {
    this.#host = host;
    this.#options = options;
  }

  /** A verdict of this machine. */
  find(rule: CompiledRule): KeptReport | undefined {
    const { kept } = this.#file();
    return kept.get(this.#key(rule));
  }

  /** The record, which costs no more than a hash, is asked first. */
  isSound(rule: CompiledRule): boolean {
    this.#recorded ??= recordedRules(this.#host);
    return this.#recorded.has(ruleHash(this.#host, rule)) || this.find(rule) !== undefined;
  }

  /** Only of a rule that was found sound. */
  keep(rule: CompiledRule, { cases, evaluations, relativeError }: CheckReport, noted: boolean): void {
    const error = relativeError === undefined ? {} : { relativeError };
    this.#file().kept.set(this.#key(rule), { cases, evaluations, ...error, ...(noted && { noted }) });
    this.#changed = true;
  }

  /** Writes what is new. */
  save(): void {
    if (!this.#changed) return;
    const { files, cacheRoot } = this.#host;
    const entries = [...this.#file().kept].slice(-maxEntries);
    files.makeFolder(cacheRoot);
    files.write(verdictsPath(this.#host), JSON.stringify(Object.fromEntries(entries)));
    this.#changed = false;
  }

  /** Read when it is first asked: most builds find every rule in the record. */
  #file(): { readonly kept: Map<string, KeptReport>; readonly base: string } {
    const { sha256 } = this.#host;
    this.#loaded ??= {
      kept: readVerdicts(this.#host),
      base: sha256(programIdentity(this.#host), JSON.stringify(this.#options)),
    };
    return this.#loaded;
  }

  #key(rule: CompiledRule): string {
    return this.#host.sha256(this.#file().base, ruleHash(this.#host, rule));
  }
}

/** Of what a rule says: its text from its class to its closing brace, and what its family is for. */
export function ruleHash(host: Host, { place, purpose }: CompiledRule): string {
  const { source, span } = place;
  return host.sha256(purpose, "\n", source.text.slice(span.start, span.end)).slice(0, 32);
}

/** `rules/checked.json`: by name, the hash of each shipped rule when it was last found sound. */
export function checkedRecordPath({ files, assetRoot }: Host): string {
  return files.join(assetRoot, "rules", "checked.json");
}

function recordedRules(host: Host): ReadonlySet<string> {
  const path = checkedRecordPath(host);
  if (!host.files.exists(path)) return new Set();
  return new Set(Object.values(JSON.parse(host.files.readText(path)) as Record<string, string>));
}

function verdictsPath({ files, cacheRoot }: Host): string {
  return files.join(cacheRoot, "rule-checks.json");
}

/** Our own file, but it may be cut short: anything unexpected means that rules are checked again. */
function readVerdicts(host: Host): Map<string, KeptReport> {
  const path = verdictsPath(host);
  if (!host.files.exists(path)) return new Map();
  try {
    const parsed = JSON.parse(host.files.readText(path)) as Record<string, Partial<KeptReport> | null>;
    return new Map(Object.entries(parsed).filter((entry): entry is [string, KeptReport] => isKept(entry[1])));
  } catch {
    return new Map();
  }
}

function isKept(entry: Partial<KeptReport> | null): boolean {
  return typeof entry?.cases === "number" && typeof entry.evaluations === "number";
}

/** The version; in a checkout the stamp of its sources, which give ops and checker their meaning. */
function programIdentity({ files, assetRoot }: Host): string {
  const stamp = files.join(assetRoot, "dist", ".stamp");
  return files.readText(files.join(assetRoot, "package.json")) + (files.exists(stamp) ? files.readText(stamp) : "");
}

export function uncheckedRules(verdicts: RuleVerdicts, { rules }: RuleProgram): readonly CompiledRule[] {
  return rules.filter((rule) => !verdicts.isSound(rule));
}

/** Rules that are told one by one; a file of a thousand is one mistake. */
const maxTold = 5;

/** Errors for rules that nobody has found sound, or with `uncheckedRules` one warning that names them. */
export function judgeRules(host: Host, program: RuleProgram, options: CompileOptions): readonly Diagnostic[] {
  const waiting = uncheckedRules(new RuleVerdicts(host), program);
  if (waiting.length === 0) return [];
  return options.uncheckedRules ? [usedUnchecked(waiting)] : waiting.slice(0, maxTold).map(notChecked);
}

function notChecked(rule: CompiledRule): Diagnostic {
  const { place, ast, name, file } = rule;
  const message = `nobody has found the rule \`${name}\` sound, so it may not change a program`;
  const hint = `\`llmir rules check ${file}\` says what is in the way; \`--unchecked-rules\` uses it all the same`;
  return diagnostic("rule/not-checked", message, { place: { source: place.source, span: ast.name.span }, hint });
}

function usedUnchecked(rules: readonly CompiledRule[]): Diagnostic {
  const names = rules.slice(0, maxTold).map(({ name, file, line }) => `\`${name}\` (${file}:${line})`);
  const more = rules.length > maxTold ? ` and ${rules.length - maxTold} more` : "";
  const many = rules.length === 1 ? "a rule is" : `${rules.length} rules are`;
  return diagnostic("rule/used-unchecked", `${many} in use that nobody has found sound: ${names.join(", ")}${more}; the output may be wrong`, {
    hint: "leave `--unchecked-rules` out to have them checked",
  });
}
