/** Reads the shipped rules for a target: the schedule, its families, and the target's lowering. */

import type { Files } from "../base/index.js";
import type { Backend } from "../codegen/index.js";
import type { Result, Source } from "../diagnostics/index.js";
import type { RuleProgram, Settings } from "../rules/index.js";
import { loadRules } from "../rules/index.js";
import { targetRegistry } from "./targets.js";

export interface RuleRequest {
  readonly folder: string;
  readonly files: Files;
  readonly backend: Backend;
  readonly without: readonly string[];
  readonly settings: Settings;
}

export function loadTargetRules({
  folder,
  files,
  backend,
  without,
  settings,
}: RuleRequest): Result<RuleProgram> {
  const read = (path: string): Source | undefined => {
    const full = files.join(folder, path);
    return files.exists(full) ? { name: path, text: files.readText(full) } : undefined;
  };
  return loadRules(read, targetRegistry(backend), {
    without,
    settings,
    lower: backend.ruleFiles,
    // Drawing operands for every rule takes longer than compiling; `rules check` does it. A right side of
    // another type is refused where it would be applied.
    checkTypes: false,
  });
}
