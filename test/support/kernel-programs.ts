// Parts of the programs that run single kernels of C or C++.

import type { TextWriter } from "../../src/base/index.js";
import type { CKernelInstance } from "../../src/codegen/index.js";
import { operandName } from "../../src/ir/index.js";
import { valueBuffers } from "../../src/loops/index.js";
import type { KernelCase } from "./kernel-cases.js";

/** Functions that a program has already, by file and parameters. */
export type PrintedKernels = Map<string, string>;

/** Includes a kernel's source with its parameters, once for each set of them; the function's name. */
export function includeKernel(instance: CKernelInstance, printed: PrintedKernels, out: TextWriter): string {
  const key = JSON.stringify([instance.file, instance.defines]);
  const known = printed.get(key);
  if (known !== undefined) return known;
  const name = `${instance.name}_${printed.size}`;
  printed.set(key, name);
  out.line(`#define NAME ${name}`);
  for (const [parameter, value] of instance.defines) out.line(`#define ${parameter} ${value}`);
  out.line(`#include "kernels/${instance.file}"`);
  return name;
}

/**
 * The operand that a buffer of a loop kernel is part of, and which part: of a quantized one the codes, then
 * the scales. Undefined for the result's.
 */
export function operandOfBuffer(
  { record, operandTypes }: KernelCase,
  buffer: string,
): { readonly operand: number; readonly part: number } | undefined {
  for (const [operand, type] of operandTypes.entries()) {
    const buffers = valueBuffers(operandName(record, operand), type, "read");
    const part = buffers.findIndex(({ name }) => name === buffer);
    if (part >= 0) return { operand, part };
  }
  return undefined;
}
