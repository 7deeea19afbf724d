/**
 * Rule files for the tools of the workbench: those that were named, or every shipped one. Each file is read
 * alone, and may name the kernels of any target.
 */

import { createFinder, everyTargetRegistry, targets } from "../compiler/index.js";
import type { Diagnostic, Source } from "../diagnostics/index.js";
import type { Registry } from "../ir/index.js";
import type { CompiledRule, RuleFamily, RulesOfFamily } from "../rules/index.js";
import { checkImports, loadRuleFile, permissiveSettings } from "../rules/index.js";
import type { Door } from "./door.js";
import { CommandFailure } from "./door.js";

/** What rule files may name. */
export const toolRegistry: Registry = everyTargetRegistry;

/** A rule file as it was found, whether it can be read or not. */
export interface RuleFile {
  /** As it is named to a person and written back. */
  readonly path: string;
  readonly source: Source;
}

/** The named files, or all of the folder of rules; a folder stands for the files in it. */
export function findRuleFiles(door: Door, paths: readonly string[]): readonly RuleFile[] {
  const { files, assetRoot } = door.host;
  const found = paths.length === 0 ? shippedPaths(door) : paths.flatMap((path) => expand(door, path));
  const shipped = files.join(assetRoot, "rules", "x").slice(0, -1);
  return found.map((path) => {
    const full = files.resolve(path);
    // A family is named for its path below the folder of rules, or for its file where there is none.
    const below = full.startsWith(shipped) ? full.slice(shipped.length) : full.replace(/^.*[/\\]/, "");
    return { path, source: { name: below.replaceAll("\\", "/"), text: files.readText(path) } };
  });
}

/** The schedule and all families, those of targets that are not built in left out. */
function shippedPaths(door: Door): readonly string[] {
  const { files, assetRoot } = door.host;
  const folder = files.join(assetRoot, "rules");
  const lower = targets.flatMap(({ ruleFiles }) => ruleFiles).map((name) => files.join(folder, ...name.split("/")));
  return [...rulesIn(door, folder), ...lower.filter((path) => files.exists(path))];
}

function expand(door: Door, path: string): readonly string[] {
  return door.host.files.isDirectory(path) ? rulesIn(door, path) : [path];
}

function rulesIn(door: Door, folder: string): readonly string[] {
  const { files } = door.host;
  const names = files.list(folder).filter((name) => name.endsWith(".rules"));
  return names.map((name) => files.join(folder, name));
}

export interface FamiliesRead {
  readonly families: readonly RuleFamily[];
  /** What is wrong with files that could not be read, and warnings about the others. */
  readonly diagnostics: readonly Diagnostic[];
}

/** The families of the files; a file with a schedule is none. Rules about small weights apply as well. */
export function readFamilies(door: Door, paths: readonly string[]): FamiliesRead {
  const { files, assetRoot } = door.host;
  const results = findRuleFiles(door, paths)
    .filter(({ source }) => source.name !== "main.rules")
    .map(({ path, source }) => {
      const loaded = loadRuleFile(source, toolRegistry, permissiveSettings);
      const find = createFinder(files, files.join(assetRoot, "rules"), [path]);
      return { loaded, imports: loaded.ok ? checkImports(loaded.value, find) : [] };
    });
  return {
    families: results.flatMap(({ loaded }) => (loaded.ok ? [loaded.value] : [])),
    diagnostics: results.flatMap(({ loaded, imports }) => [...loaded.diagnostics, ...imports]),
  };
}

/**
 * Families for the `with` of tests: those at hand, else the shipped ones, each read when it is first asked
 * for.
 */
export function familyRules(door: Door, families: readonly RuleFamily[]): RulesOfFamily {
  const known = new Map<string, readonly CompiledRule[] | undefined>();
  for (const { name, rules } of families) known.set(name, rules);
  return (name) => {
    if (!known.has(name)) known.set(name, readShipped(door, name));
    return known.get(name);
  };
}

function readShipped(door: Door, name: string): readonly CompiledRule[] | undefined {
  const { files, assetRoot } = door.host;
  const path = files.join(assetRoot, "rules", ...`${name}.rules`.split("/"));
  if (!files.exists(path)) return undefined;
  const loaded = loadRuleFile({ name: `${name}.rules`, text: files.readText(path) }, toolRegistry);
  return loaded.ok ? loaded.value.rules : undefined;
}

/** Shows what was found, or ends the command when an error is among it. */
export function settle(door: Door, diagnostics: readonly Diagnostic[]): void {
  if (diagnostics.some(({ severity }) => severity === "error")) throw new CommandFailure(...diagnostics);
  door.report(diagnostics);
}
