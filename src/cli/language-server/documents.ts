/**
 * The open rule files and what is known of each. A change is analysed at once; in the pause after it, rule by
 * rule, whether sides have one type, and when a file was opened or saved, whether its rules hold.
 */

import { fileURLToPath, pathToFileURL } from "node:url";

import type { TextDocument } from "vscode-languageserver-textdocument";

import type { Host } from "../../base/index.js";
import { createFinder, RULE_CHECK, RuleVerdicts } from "../../compiler/index.js";
import type { Diagnostic, Source } from "../../diagnostics/index.js";
import type { CompiledRule, RuleFileAnalysis } from "../../rules/index.js";
import { analyse, checkRule, checkSides, lintRule, permissiveSettings } from "../../rules/index.js";
import { toolRegistry } from "../rule-sources.js";

/** Longer rules are left to `llmir rules check`, so that an editor never waits. */
const maxCheckedCharacters = 4000;
/** Quiet time after a key before operands are drawn. */
const pauseMs = 150;

export type Publish = (document: TextDocument, diagnostics: readonly Diagnostic[]) => void;

interface Open {
  readonly version: number;
  readonly analysis: RuleFileAnalysis;
}

/** Invariant: `#open` holds the analysis of the latest version that was asked about. */
export class RuleDocuments {
  readonly #host: Host;
  readonly #publish: Publish;
  readonly #open = new Map<string, Open>();

  constructor(host: Host, publish: Publish) {
    this.#host = host;
    this.#publish = publish;
  }

  analysisOf(document: TextDocument): RuleFileAnalysis {
    const known = this.#open.get(document.uri);
    if (known?.version === document.version) return known.analysis;
    const analysis = analyse(sourceOf(this.#host, document), {
      registry: toolRegistry,
      settings: permissiveSettings,
      find: finderOf(this.#host, document.uri),
    });
    this.#open.set(document.uri, { version: document.version, analysis });
    return analysis;
  }

  close({ uri }: TextDocument): void {
    this.#open.delete(uri);
  }

  /** Tells what is wrong, at once what the text shows, then what drawn operands show. */
  async diagnose(document: TextDocument, check: boolean): Promise<void> {
    const { version } = document;
    const analysis = this.analysisOf(document);
    const found: Diagnostic[] = [...analysis.diagnostics];
    this.#publish(document, found);
    const isStale = (): boolean => document.version !== version || !this.#open.has(document.uri);
    await pause(pauseMs);
    const before = found.length;
    for (const rule of analysis.rules) {
      if (isStale()) return;
      found.push(...checkSides(rule));
      await pause(0);
    }
    if (found.length > before) this.#publish(document, found);
    if (check && !found.some(({ severity }) => severity === "error")) await this.#check(document, { analysis, found, isStale });
  }

  async #check(
    document: TextDocument,
    { analysis, found, isStale }: { analysis: RuleFileAnalysis; found: Diagnostic[]; isStale: () => boolean },
  ): Promise<void> {
    const verdicts = new RuleVerdicts(this.#host);
    for (const rule of analysis.rules) {
      if (isStale()) return;
      if (lengthOf(rule) > maxCheckedCharacters) continue;
      const notes = await checkOnce(rule, verdicts);
      await pause(0);
      if (notes.length === 0) continue;
      found.push(...notes);
      this.#publish(document, found);
    }
    verdicts.save();
  }
}

async function checkOnce(rule: CompiledRule, verdicts: RuleVerdicts): Promise<readonly Diagnostic[]> {
  const kept = verdicts.find(rule);
  if (kept !== undefined && kept.noted !== true) return [];
  const notes = lintRule(rule);
  if (kept !== undefined) return notes;
  const report = await checkRule(rule, RULE_CHECK);
  if (report.diagnostics.length === 0) verdicts.keep(rule, report, notes.length > 0);
  return [...report.diagnostics, ...notes];
}

function lengthOf({ place: { span } }: CompiledRule): number {
  return span.end - span.start;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms));
}

/** The path of a document on this machine; what is not saved yet, or lies elsewhere, has none. */
export function pathOf(uri: string): string | undefined {
  try {
    return uri.startsWith("file:") ? fileURLToPath(uri) : undefined;
  } catch {
    return undefined;
  }
}

/** A family is named for its path below the folder of rules, or for its file where there is none. */
function sourceOf({ files, assetRoot }: Host, document: TextDocument): Source {
  const path = pathOf(document.uri) ?? document.uri;
  const shipped = files.join(assetRoot, "rules", "x").slice(0, -1);
  const name = path.startsWith(shipped) ? path.slice(shipped.length).replaceAll("\\", "/") : path.replace(/^.*[/\\:]/, "");
  return { name, text: document.getText() };
}

function finderOf({ files, assetRoot }: Host, uri: string): (path: string) => Source | undefined {
  const path = pathOf(uri);
  return createFinder(files, files.join(assetRoot, "rules"), path === undefined ? [] : [path]);
}

/** Where a family or an import leads: a shipped file, or one beside the document. */
export function uriOfFamily({ files, assetRoot }: Host, uri: string, family: string): string | undefined {
  const name = `${family.replace(/\.rules$/, "")}.rules`;
  if (!/^[A-Za-z0-9_-]+(\/[A-Za-z0-9_-]+)*\.rules$/.test(name)) return undefined;
  const own = pathOf(uri);
  const places = [
    files.join(assetRoot, "rules", ...name.split("/")),
    ...(own === undefined ? [] : [files.join(own, "..", name)]),
  ];
  const found = places.find((path) => files.exists(path));
  return found === undefined ? undefined : pathToFileURL(found).href;
}
