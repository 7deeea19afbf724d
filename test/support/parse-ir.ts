// Short ways to read modules in tests.

import { renderDiagnostics } from "../../src/diagnostics/index.js";
import type { Module, Registry } from "../../src/ir/index.js";
import { parseModule } from "../../src/ir/index.js";
import { smallRegistry } from "./small-registry.js";

/** The module; the rendered diagnostics are the failure. */
export function mustParse(text: string, registry: Registry = smallRegistry): Module {
  const result = parseModule({ name: "test.mlir", text }, registry);
  if (!result.ok) throw new Error(renderDiagnostics(result.diagnostics));
  return result.value;
}

export function codesOf(text: string, registry: Registry = smallRegistry): string[] {
  return parseModule({ name: "test.mlir", text }, registry).diagnostics.map((each) => each.code);
}
