/** Kernels without a source file: a use of an op as an instance that is printed from its loop form. */

import { invariant } from "../../../src/base/index.js";
import type { WgslLoops } from "../../../src/codegen/index.js";
import {
  printedUseText, printLoopKernelWgsl, shapeText, wgslIdentifier,
} from "../../../src/codegen/index.js";
import type { Attrs, DType, OpRecord, ValueType } from "../../../src/ir/index.js";
import { operandName } from "../../../src/ir/index.js";
import { loopKernel, valueBuffers } from "../../../src/loops/index.js";
import type { KernelAccess, KernelInstance } from "../kernel-row.js";

/** An instance whose source is the text itself, behind the files that it needs. */
export interface LoopInstance extends KernelInstance {
  readonly text: string;
}

/** Which file of `numbers/` defines a function, and the files that it builds on. */
const numbers: Readonly<Record<string, readonly string[]>> = {
  infinity: ["special"],
  not_a_number: ["special"],
  larger: ["special"],
  smaller: ["special"],
  to_i32: ["special"],
  round_away: ["special"],
  round_to_half: ["half"],
  half_bits: ["half"],
  round_to_brain: ["half"],
  brain_bits: ["half"],
  exponential: ["exponential"],
  exponential2: ["exponential"],
  hyperbolic_tangent: ["exponential"],
  logarithm: ["special", "logarithm"],
  power: ["special", "exponential", "logarithm", "power"],
  sine: ["trigonometry"],
  cosine: ["trigonometry"],
  error_function: ["exponential", "error-function"],
};

/** The order of files is fixed, so that equal kernels have equal text. */
const order = ["special", "half", "exponential", "logarithm", "power", "trigonometry", "error-function"];

export function loopInstance(
  record: OpRecord,
  operands: readonly ValueType[],
  attrs: Attrs,
  result: ValueType,
): LoopInstance {
  const kernel = loopKernel(record, operands, attrs, result);
  const caches = operands.flatMap((type, i) => {
    if (type.kind !== "kv_cache") return [];
    return valueBuffers(operandName(record, i), type, "read").map(({ name }) => name);
  });
  const loops = printLoopKernelWgsl(kernel, new Set(caches));
  return {
    name: `loop_${wgslIdentifier(record.name)}`,
    comment: `${shapeText(result)} = ${printedUseText(record.name, attrs, operands.map(shapeText))}`,
    constants: [],
    rows: [],
    files: numberFiles(loops, accessesOf(record, operands, result)),
    accesses: accessesOf(record, operands, result).flatMap((access) => narrowed(access, loops)),
    groups: [{ factors: loops.units, per: loops.unitsOfGroup }],
    text: loops.text,
  };
}

/** Every buffer that operands and result become. */
function accessesOf(
  record: OpRecord,
  operands: readonly ValueType[],
  result: ValueType,
): readonly KernelAccess[] {
  const named = operands.map((type, i) => ({ name: operandName(record, i), type, value: i }));
  const all = [...named, { name: "result", type: result, value: "result" as const }];
  return all.flatMap(({ name, type, value }) =>
    valueBuffers(name, type, "read").map((buffer, part) => {
      return { name: buffer.name, value, part, element: buffer.dtype, reads: true, writes: true };
    }),
  );
}

/** What the kernel does of it; nothing where it does not look at the operand. */
function narrowed(access: KernelAccess, { read, written }: WgslLoops): readonly KernelAccess[] {
  const use = { reads: read.has(access.name), writes: written.has(access.name) };
  return use.reads || use.writes ? [{ ...access, ...use }] : [];
}

function numberFiles(loops: WgslLoops, accesses: readonly KernelAccess[]): readonly string[] {
  const { functions, written } = loops;
  const storesHalves = accesses.some(({ name, element }) => written.has(name) && isHalf(element));
  const called = [...functions, ...(storesHalves ? ["half_bits"] : [])];
  const wanted = new Set(
    called.flatMap((name) => {
      const files = numbers[name];
      invariant(files !== undefined, `the library of numbers has a function ${name}`);
      return files;
    }),
  );
  return order.filter((name) => wanted.has(name)).map((name) => `numbers/${name}.wgsl`);
}

function isHalf(element: DType | "vector"): boolean {
  return element === "f16" || element === "bf16";
}
