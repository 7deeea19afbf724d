// Compiles a tiny random model up to emitted source, without a C compiler.

import { join } from "node:path";

import type { Compilation, CompileOptions } from "../../src/compiler/index.js";
import { compileModel } from "../../src/compiler/index.js";
import type { Result } from "../../src/diagnostics/index.js";
import { renderDiagnostics } from "../../src/diagnostics/index.js";
import { createNodeHost } from "../../src/host/index.js";
import type { RandomLlamaOptions } from "./models.js";
import { inTemporaryFolder, writeRandomLlama } from "./models.js";

export function tryCompileTiny(
  options: Partial<CompileOptions> = {},
  model: Partial<RandomLlamaOptions> = {},
): Promise<Result<Compilation>> {
  return inTemporaryFolder((folder) => {
    const compiled = compileModel(createNodeHost(), writeRandomLlama(join(folder, "model"), model), {
      // Whether the shipped rules are sound is another test's.
      uncheckedRules: true,
      ...options,
    });
    if (compiled.ok) compiled.value.model.weights?.close();
    return compiled;
  });
}

export async function compileTiny(
  options: Partial<CompileOptions> = {},
  model: Partial<RandomLlamaOptions> = {},
): Promise<Compilation> {
  const compiled = await tryCompileTiny(options, model);
  if (!compiled.ok) throw new Error(renderDiagnostics(compiled.diagnostics));
  return compiled.value;
}

/** Kernels of a scenario's plan, in order. */
export function kernelNames({ plan }: Compilation, scenario: "decode" | "prefill"): readonly string[] {
  return plan.functions
    .filter(({ name }) => name.endsWith(`_${scenario}`))
    .flatMap(({ calls }) => calls.flatMap((call) => (call.kind === "kernel" ? [call.kernel] : [])));
}
