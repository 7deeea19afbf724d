/**
 * The distinct kernels of a plan. Every kernel with equal parameters is one function, whatever the number of
 * calls, layers and scenarios; a kernel without a source file is printed from its op's loop form.
 */

import { invariant } from "../../base/index.js";
import type { Dim, OpRecord, Registry } from "../../ir/index.js";
import { operandName, printType } from "../../ir/index.js";
import { loopKernel, valueBuffers } from "../../loops/index.js";
import type { KernelCall, PlannedValue, ProgramPlan } from "../../plan/index.js";
import { cIdentifier } from "../c-names.js";
import { printedUseText } from "../type-text.js";
import type { PrintedLoops } from "../loops-to-c.js";
import type { CDialect } from "./dialect.js";
import type { CFamilyRow, CKernelInstance } from "./kernel-row.js";

/** How kernels that are printed from loops are called in a plan. */
const LOOPS_PREFIX = "loops.";

export interface PrintedKernel {
  readonly name: string;
  readonly loops: PrintedLoops;
  /** The op, with the types of the first use. */
  readonly comment: string;
}

/** `Instance`: what a target wants to know of its instances besides. */
export interface ProgramKernels<Instance extends CKernelInstance = CKernelInstance> {
  /** In the order of their first call. */
  readonly instances: readonly Instance[];
  readonly printed: readonly PrintedKernel[];
  forCall(call: KernelCall): ResolvedKernel<Instance>;
}

export type ResolvedKernel<Instance extends CKernelInstance = CKernelInstance> =
  | { readonly kind: "instance"; readonly instance: Instance }
  | { readonly kind: "printed"; readonly kernel: PrintedKernel; readonly record: OpRecord };

export function collectKernels<Instance extends CKernelInstance>(
  plan: ProgramPlan,
  rows: readonly CFamilyRow<Instance>[],
  dialect: CDialect,
): ProgramKernels<Instance> {
  const table = new Map(rows.map((row) => [row.name, row]));
  const instances = new Map<string, Instance>();
  const printed = new Map<string, PrintedKernel>();
  const resolve = (call: KernelCall): ResolvedKernel<Instance> => {
    if (call.kernel.startsWith(LOOPS_PREFIX)) return resolvePrinted(call, plan.ops, { dialect, printed });
    const row = table.get(call.kernel);
    invariant(row?.instance !== undefined, `the ${dialect.target} target has a kernel ${call.kernel} that runs`);
    const made = row.instance(call.operands.map(({ type }) => type), call.attrs, call.result.type);
    const key = JSON.stringify([made.file, made.name, made.defines]);
    const instance = instances.get(key) ?? { ...made, name: freeName(made.name, [...instances.values()]) };
    instances.set(key, instance);
    return { kind: "instance", instance };
  };
  for (const { calls } of plan.functions) calls.filter((call) => call.kind === "kernel").forEach(resolve);
  return { instances: [...instances.values()], printed: [...printed.values()], forCall: resolve };
}

function freeName(wanted: string, taken: readonly CKernelInstance[]): string {
  let name = wanted;
  for (let i = 2; taken.some((each) => each.name === name); i++) name = `${wanted}_${i}`;
  return name;
}

interface Printing {
  readonly dialect: CDialect;
  readonly printed: Map<string, PrintedKernel>;
}

/** Kernels with the same text under the same name are one; others of the same op are numbered. */
function resolvePrinted(
  call: KernelCall,
  ops: Registry,
  { dialect: { printLoops }, printed }: Printing,
): Extract<ResolvedKernel, { kind: "printed" }> {
  const op = call.kernel.slice(LOOPS_PREFIX.length);
  const record = ops.require(op);
  const kernel = loopKernel(record, call.operands.map(({ type }) => type), call.attrs, call.result.type);
  const key = `${op}\n${printLoops(kernel, "kernel").text}`;
  const known = printed.get(key);
  if (known !== undefined) return { kind: "printed", kernel: known, record };
  const count = [...printed.keys()].filter((each) => each.startsWith(`${op}\n`)).length;
  const name = `loop_${cIdentifier(op)}${count === 0 ? "" : `_${count + 1}`}`;
  const types = call.operands.map(({ type }) => printType(type));
  const made = { name, loops: printLoops(kernel, name), comment: printedUseText(op, call.attrs, types) };
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

/** A dimension of the step as an expression. */
export function stepDimText(dim: Dim): string {
  if (typeof dim === "number") return String(dim);
  invariant(known.has(dim), `the step has a dimension ${dim}`);
  return `s->${dim}`;
}
