/**
 * The signature of the entry `step`: what the runtime passes to every model, and reads back. The number
 * of cache layers and the vocabulary are the model's own; names, order and other types are fixed.
 */

import type { Diagnostic } from "../diagnostics/index.js";
import { diagnostic } from "../diagnostics/index.js";
import type { Func, Module, ValueInfo } from "./graph.js";
import { entryName, findFunction } from "./graph.js";
import type { TensorType, ValueType } from "./types.js";
import { printType, sameType, tensor } from "./types.js";

/** The parameters before the cache, in order. */
export const stepParams = [
  { name: "tokens", type: tensor("i32", "T") },
  { name: "positions", type: tensor("i32", "T") },
  // Rows of the block table.
  { name: "sequences", type: tensor("i32", "T") },
  // The tokens whose logits are asked for.
  { name: "rows", type: tensor("i32", "R") },
  { name: "block_table", type: tensor("i32", "S", "B") },
  // Every cache slot that the step can see, sequence by sequence.
  { name: "context_sequences", type: tensor("i32", "C") },
  { name: "context_positions", type: tensor("i32", "C") },
] as const satisfies readonly { readonly name: string; readonly type: TensorType }[];

export function verifyEntry(module: Module): Diagnostic[] {
  const step = findFunction(module, entryName);
  if (step === undefined) {
    const message = `the module has no function \`@${entryName}\`, which the runtime calls`;
    return [diagnostic("ir/no-entry", message, { at: "module" })];
  }
  return [...paramProblems(step), ...resultProblems(step)].map((message) =>
    diagnostic("ir/entry-signature", message, { at: `@${entryName}` }),
  );
}

function paramProblems(step: Func): string[] {
  const fixed = stepParams.map(({ name, type }) => `%${name}: ${printType(type)}`);
  const wanted = [...fixed, "%cache: !llm.paged_kv_cache"];
  if (step.params.length !== wanted.length) {
    return [`\`@step\` has ${step.params.length} parameters; it takes ${wanted.length}: ${wanted.join(", ")}`];
  }
  return step.params.flatMap((value, i) => {
    const info = step.values[value];
    if (info === undefined || isStepParam(i, info)) return [];
    const found = `%${info.name}: ${printType(info.type)}`;
    return [`parameter ${i} of \`@step\` is \`${found}\`, not \`${wanted[i]!}\``];
  });
}

function isStepParam(index: number, { name, type }: ValueInfo): boolean {
  const fixed = stepParams[index];
  if (fixed === undefined) return name === "cache" && type.kind === "kv_cache";
  return name === fixed.name && sameType(type, fixed.type);
}

function resultProblems(step: Func): string[] {
  const types = step.results.flatMap((each) => step.values[each]?.type ?? []);
  const cache = step.params.map((each) => step.values[each]?.type).find((each) => each?.kind === "kv_cache");
  const [logits, last] = types;
  const isCache = last !== undefined && cache !== undefined && sameType(last, cache);
  if (types.length === 2 && isLogits(logits) && isCache) return [];
  const found = types.map(printType).join(", ");
  return [`\`@step\` returns (${found}); it returns logits f32[R, vocabulary] and the cache it was given`];
}

function isLogits(type: ValueType | undefined): boolean {
  if (type?.kind !== "tensor" || type.dtype !== "f32" || type.shape.length !== 2) return false;
  const [rows, vocabulary] = type.shape;
  return rows === "R" && typeof vocabulary === "number";
}
