/**
 * The distinct kernels of a plan. Every kernel with equal parameters is one, whatever the number of calls,
 * layers and scenarios; a kernel without a source file is printed from its op's loop form.
 */

import { invariant } from "../../../src/base/index.js";
import type { PrintedLoops } from "../../../src/codegen/index.js";
import { cIdentifier, printLoopKernelCuda } from "../../../src/codegen/index.js";
import type { Dim, OpRecord } from "../../../src/ir/index.js";
import { coreRegistry, operandName, printType } from "../../../src/ir/index.js";
import { loopKernel, valueBuffers } from "../../../src/loops/index.js";
import type { KernelCall, PlannedValue, ProgramPlan } from "../../../src/plan/index.js";
import type { CudaKernelRow, KernelInstance } from "../kernel-row.js";

/** How kernels that are printed from loops are called in a plan. */
const LOOPS_PREFIX = "loops.";

export interface PrintedKernel {
  readonly name: string;
  readonly loops: PrintedLoops;
  /** The op, with the types of the first use. */
  readonly comment: string;
}

export interface ProgramKernels {
  /** In the order of their first call. */
  readonly instances: readonly KernelInstance[];
  readonly printed: readonly PrintedKernel[];
  forCall(call: KernelCall): ResolvedKernel;
}

export type ResolvedKernel =
  | { readonly kind: "instance"; readonly instance: KernelInstance }
  | { readonly kind: "printed"; readonly kernel: PrintedKernel; readonly record: OpRecord };

export function collectKernels(plan: ProgramPlan, rows: readonly CudaKernelRow[]): ProgramKernels {
  const table = new Map(rows.map((row) => [row.name, row]));
  const instances = new Map<string, KernelInstance>();
  const printed = new Map<string, PrintedKernel>();
  const resolve = (call: KernelCall): ResolvedKernel => {
    if (call.kernel.startsWith(LOOPS_PREFIX)) return resolvePrinted(call, printed);
    const made = makeInstance(call, table.get(call.kernel));
    const key = JSON.stringify([made.file, made.name, made.defines]);
    const instance = instances.get(key) ?? { ...made, name: freeName(made.name, [...instances.values()]) };
    instances.set(key, instance);
    return { kind: "instance", instance };
  };
  for (const { calls } of plan.functions) calls.filter((call) => call.kind === "kernel").forEach(resolve);
  return { instances: [...instances.values()], printed: [...printed.values()], forCall: resolve };
}

function makeInstance(call: KernelCall, row: CudaKernelRow | undefined): KernelInstance {
  invariant(row?.instance !== undefined, `the CUDA target has a kernel ${call.kernel} that runs`);
  return row.instance(call.operands.map(({ type }) => type), call.attrs, call.result.type);
}

function freeName(wanted: string, taken: readonly KernelInstance[]): string {
  let name = wanted;
  for (let i = 2; taken.some((each) => each.name === name); i++) name = `${wanted}_${i}`;
  return name;
}

/** Kernels with the same text under the same name are one; others of the same op are numbered. */
function resolvePrinted(call: KernelCall, printed: Map<string, PrintedKernel>): ResolvedKernel {
  const op = call.kernel.slice(LOOPS_PREFIX.length);
  const record = coreRegistry.require(op);
  const kernel = loopKernel(record, call.operands.map(({ type }) => type), call.attrs, call.result.type);
  const key = `${op}\n${printLoopKernelCuda(kernel, "kernel").text}`;
  const known = printed.get(key);
  if (known !== undefined) return { kind: "printed", kernel: known, record };
  const count = [...printed.keys()].filter((each) => each.startsWith(`${op}\n`)).length;
  const name = `loop_${cIdentifier(op)}${count === 0 ? "" : `_${count + 1}`}`;
  const types = call.operands.map(({ type }) => printType(type)).join(", ");
  const made = { name, loops: printLoopKernelCuda(kernel, name), comment: `${op}(${types})` };
  printed.set(key, made);
  return { kind: "printed", kernel: made, record };
}

/** The value that a buffer of a printed kernel is part of, and which part. */
export function bufferOwner(
  buffer: string,
  record: OpRecord,
  { operands, result }: KernelCall,
): { readonly value: PlannedValue; readonly part: number } {
  const named = operands.map((value, i) => ({ name: operandName(record, i), value }));
  for (const { name, value } of [...named, { name: "result", value: result }]) {
    const part = valueBuffers(name, value.type, "read").findIndex((each) => each.name === buffer);
    if (part >= 0) return { value, part };
  }
  return invariant(false, `the op ${record.name} has a buffer ${buffer}`), { value: result, part: 0 };
}

const known = new Set(["T", "S", "R", "C", "B", "P"]);

/** A dimension of the step as a C++ expression. */
export function stepDimText(dim: Dim): string {
  if (typeof dim === "number") return String(dim);
  invariant(known.has(dim), `the step has a dimension ${dim}`);
  return `s->${dim}`;
}
