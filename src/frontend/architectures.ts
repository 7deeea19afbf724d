/** The table of model architectures: an open family. A new one is a file with its record, and a row here. */

import { diagnostic, DiagnosticError, didYouMean } from "../diagnostics/index.js";
import type { Architecture } from "./architecture.js";
import type { JsonObject } from "./json.js";
import { describeJson } from "./json.js";
import { llama } from "./llama.js";
import { mistral } from "./mistral.js";
import { qwen2, qwen3 } from "./qwen.js";

export const architectures: readonly Architecture[] = [llama, mistral, qwen2, qwen3];

/**
 * The architecture that a configuration names. Some configurations lack `architectures`; then
 * `model_type` decides. Throws `DiagnosticError` with the names that are known.
 */
export function findArchitecture(config: JsonObject, at: string): Architecture {
  const listed = config["architectures"];
  if (Array.isArray(listed) && listed.length > 0) {
    const found = architectures.find((each) => listed.includes(each.name));
    return found ?? unknown("architectures", listed[0], { at, known: architectures.map((each) => each.name) });
  }
  const type = config["model_type"];
  const found = architectures.find((each) => each.modelType === type);
  return found ?? unknown("model_type", type, { at, known: architectures.map((each) => each.modelType) });
}

/** The architecture of a GGUF file. Throws `DiagnosticError` with the names that are known. */
export function findGgufArchitecture(name: unknown, at: string): Architecture {
  const known = [...new Set(architectures.map((each) => each.ggufName))];
  const found = architectures.find((each) => each.ggufName === name);
  return found ?? unknown("general.architecture", name, { at, known });
}

function unknown(
  field: string,
  value: unknown,
  { at, known }: { readonly at: string; readonly known: readonly string[] },
): never {
  const list = known.map((each) => `\`${each}\``).join(", ");
  const suggestion = typeof value === "string" ? didYouMean(value, known) : undefined;
  throw new DiagnosticError(
    diagnostic("model/unknown-architecture", `\`${field}\` names ${describeJson(value)}; known: ${list}`, {
      at,
      ...(suggestion === undefined ? {} : { hint: suggestion }),
    }),
  );
}
