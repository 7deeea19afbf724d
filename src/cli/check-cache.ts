/**
 * Verdicts of `rules check`, kept by content: a rule whose text, ops and checker have not changed since it
 * was found sound is not checked again. A rule with any finding is never kept, so that it is always shown in
 * full.
 */

import type { Host } from "../base/index.js";
import type { CheckReport, CompiledRule } from "../rules/index.js";
import { toolRegistry } from "./rule-sources.js";

/** What is kept of a report. */
export type KeptReport = Pick<CheckReport, "cases" | "evaluations" | "relativeError">;

/** Entries of the file; the oldest go first. */
const maxEntries = 20_000;

/** Invariant: `#kept` holds reports of rules of which there was nothing to say. */
export class CheckCache {
  readonly #host: Host;
  readonly #path: string;
  readonly #kept: Map<string, KeptReport>;
  readonly #base: string;
  #changed = false;

  /** `options` are those of the check: other draws, another verdict. */
  constructor(host: Host, options: object) {
    this.#host = host;
    this.#path = host.files.join(host.cacheRoot, "rule-checks.json");
    this.#kept = read(host, this.#path);
    this.#base = host.sha256(programIdentity(host), registryText(), JSON.stringify(options));
  }

  find(rule: CompiledRule): KeptReport | undefined {
    return this.#kept.get(this.#key(rule));
  }

  /** Only of a rule without findings. */
  keep(rule: CompiledRule, { cases, evaluations, relativeError }: CheckReport): void {
    const error = relativeError === undefined ? {} : { relativeError };
    this.#kept.set(this.#key(rule), { cases, evaluations, ...error });
    this.#changed = true;
  }

  /** Writes what is new. */
  save(): void {
    if (!this.#changed) return;
    const entries = [...this.#kept].slice(-maxEntries);
    this.#host.files.makeFolder(this.#host.cacheRoot);
    this.#host.files.write(this.#path, JSON.stringify(Object.fromEntries(entries)));
  }

  #key({ place, purpose }: CompiledRule): string {
    const { source, span } = place;
    return this.#host.sha256(this.#base, purpose, source.text.slice(span.start, span.end));
  }
}

/** Our own file, but it may be cut short: anything unexpected means that rules are checked again. */
function read(host: Host, path: string): Map<string, KeptReport> {
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

/** The version, and in a checkout the stamp of the compiled program. */
function programIdentity({ files, assetRoot }: Host): string {
  const stamp = files.join(assetRoot, "dist", ".stamp");
  return files.readText(files.join(assetRoot, "package.json")) + (files.exists(stamp) ? files.readText(stamp) : "");
}

/** Names, attributes and functions of every op: meanings change with the text of what evaluates them. */
function registryText(): string {
  return [...toolRegistry.ops.values()]
    .map((record) => `${record.name} ${JSON.stringify(record.attrs)} ${record.evaluate.toString()} ${record.infer.toString()}`)
    .join("\n");
}
