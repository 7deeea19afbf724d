/**
 * Reads the rules of a compilation: the shipped schedule with its families, the target's lowering, and rule
 * files of the user's own.
 */

import type { Files, Host } from "../base/index.js";
import type { Backend } from "../codegen/index.js";
import type { Diagnostic, Result, Source } from "../diagnostics/index.js";
import { diagnostic, failure } from "../diagnostics/index.js";
import type { Registry } from "../ir/index.js";
import type { RuleProgram, Settings } from "../rules/index.js";
import { loadRules } from "../rules/index.js";
import { targetRegistry } from "./targets.js";

export interface RuleRequest {
  /** Of the shipped rules. */
  readonly folder: string;
  readonly files: Files;
  readonly backend: Backend;
  /** The ops of the program; the core ones when absent. */
  readonly ops?: Registry;
  /** Paths of the user's own rule files. */
  readonly own: readonly string[];
  readonly without: readonly string[];
  readonly settings: Settings;
}

export function loadTargetRules(request: RuleRequest): Result<RuleProgram> {
  const { folder, files, backend, without, settings } = request;
  const own = request.own.map((path) => ({ path, name: familyName(path) }));
  const faults = own.flatMap(({ path, name }) => faultOf(request, path, name));
  if (faults.length > 0) return failure(...faults);
  const owned = new Map(own.map(({ path, name }) => [`${name}.rules`, path]));
  const find = createFinder(files, folder, request.own);
  const read = (path: string): Source | undefined => {
    const given = owned.get(path);
    return given === undefined ? find(path) : { name: given, text: files.readText(given) };
  };
  return loadRules(read, targetRegistry(backend, request.ops), {
    without,
    settings,
    lower: [...backend.ruleFiles, "lower/loops.rules"],
    own: own.map(({ name }) => name),
    // Drawing operands for every rule takes longer than compiling; `rules check` does it. A right side of
    // another type is refused where it would be applied.
    checkTypes: false,
  });
}

/** What an import names: a shipped family, or a file beside one of the user's own. */
export function createFinder(
  files: Files,
  folder: string,
  own: readonly string[],
): (path: string) => Source | undefined {
  return (path) => {
    const shipped = files.join(folder, ...path.split("/"));
    if (files.exists(shipped)) return { name: path, text: files.readText(shipped) };
    const beside = own.map((each) => files.join(each, "..", path)).find((each) => files.exists(each));
    return beside === undefined ? undefined : { name: beside, text: files.readText(beside) };
  };
}

/** The family that a file of the user's own holds: its name without `.rules`. */
export function familyName(path: string): string {
  return path.replace(/^.*[/\\]/, "").replace(/\.rules$/, "");
}

function faultOf({ files, folder, own }: RuleRequest, path: string, name: string): readonly Diagnostic[] {
  if (!path.endsWith(".rules")) {
    return [diagnostic("rule/file-name", "the name of a rule file ends in `.rules`", { at: path })];
  }
  if (files.exists(files.join(folder, `${name}.rules`)) && files.resolve(path) !== files.resolve(files.join(folder, `${name}.rules`))) {
    const hint = "rename the file, and the family in its header";
    return [diagnostic("rule/family-taken", `there is a shipped family \`${name}\``, { at: path, hint })];
  }
  if (own.find((each) => familyName(each) === name) !== path) {
    return [diagnostic("rule/family-taken", `two files hold a family \`${name}\``, { at: path, hint: "rename one of them" })];
  }
  return [];
}

/** A file that comes with the program, by its path from the package's root. */
export function readAsset(host: Host, path: string): string {
  return host.files.readText(host.files.join(host.assetRoot, ...path.split("/")));
}
