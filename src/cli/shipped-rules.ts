/** The rules that come with llmir, for the default target. */

import { DEFAULT_COMPILE_OPTIONS, findTarget, loadTargetRules } from "../compiler/index.js";
import { invariant } from "../base/index.js";
import type { Backend } from "../codegen/index.js";
import type { RuleProgram } from "../rules/index.js";
import { permissiveSettings } from "../rules/index.js";
import type { Door } from "./door.js";
import { unwrap } from "./door.js";

export function defaultTarget(): Backend {
  const backend = findTarget(DEFAULT_COMPILE_OPTIONS.target);
  invariant(backend !== undefined, "the default target is in the table");
  return backend;
}

export function shippedRules(door: Door): RuleProgram {
  const { files, assetRoot } = door.host;
  return unwrap(
    door,
    loadTargetRules({
      folder: files.join(assetRoot, "rules"),
      files,
      backend: defaultTarget(),
      own: [],
      without: [],
      // So that rules about small weights apply as well.
      settings: permissiveSettings,
    }),
  );
}
