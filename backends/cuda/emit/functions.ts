/**
 * The step and layer functions: every value by its name, then one launch after another on the step's stream,
 * so that a reader can follow the plan line by line.
 */

import { assertNever, invariant, type TextWriter } from "../../../src/base/index.js";
import { cComment, cElementType, cIdentifier, printList, shapeText } from "../../../src/codegen/index.js";
import type { Dim, DType, ValueType } from "../../../src/ir/index.js";
import { dtypeBytes } from "../../../src/ir/index.js";
import type {
  Call, CopyCall, FunctionPlan, KernelCall, PlannedValue, ProgramPlan, RuleReference, Storage,
} from "../../../src/plan/index.js";
import type { CudaArgument } from "../kernel-row.js";
import type { ProgramKernels, ResolvedKernel } from "./program-kernels.js";
import { bufferOwner, stepDimText } from "./program-kernels.js";
import { weightAccessor } from "./weights.js";

/** What a function's text refers to. */
interface FunctionScope {
  readonly plan: ProgramPlan;
  readonly kernels: ProgramKernels;
  readonly role: FunctionPlan["role"];
  /** The C++ name of each value that lives in the arena. */
  readonly locals: ReadonlyMap<string, string>;
}

export function printFunction(
  func: FunctionPlan,
  plan: ProgramPlan,
  kernels: ProgramKernels,
  out: TextWriter,
): void {
  const arena = arenaValues(func);
  const scope: FunctionScope = { plan, kernels, role: func.role, locals: localNames(arena, kernels, plan) };
  const layer = func.role === "layer" ? ", int32_t layer" : "";
  out.line(`static void ${cIdentifier(func.name)}(const Step *s${layer}) {`);
  out.indented(() => {
    for (const value of arena) out.line(declaration(value, scope));
    for (const call of func.calls) printCall(call, scope, out);
  });
  out.line("}");
}

/* ---- Values ---- */

/** Values of the arena in the order of their first use, one for each name. */
function arenaValues({ calls }: FunctionPlan): readonly PlannedValue[] {
  const found = new Map<string, PlannedValue>();
  for (const value of calls.flatMap(valuesOf)) {
    if (value.storage.kind === "arena" && !found.has(value.name)) found.set(value.name, value);
  }
  return [...found.values()];
}

function valuesOf(call: Call): readonly PlannedValue[] {
  switch (call.kind) {
    case "kernel":
      return [...call.operands, call.result];
    case "copy":
      return [call.from];
    case "layers":
      return [];
    default:
      return assertNever(call);
  }
}

/** Identifiers that hide neither a function nor each other. */
function localNames(
  values: readonly PlannedValue[],
  { instances, printed }: ProgramKernels,
  { functions }: ProgramPlan,
): ReadonlyMap<string, string> {
  const taken = new Set(["s", "layer", "copy_value"]);
  for (const { name } of [...instances, ...printed, ...functions]) taken.add(cIdentifier(name));
  const names = new Map<string, string>();
  for (const { name } of values) {
    let unique = cIdentifier(name);
    while (taken.has(unique) || unique.startsWith("weight_")) unique += "_";
    taken.add(unique);
    names.set(name, unique);
  }
  return names;
}

function declaration({ name, type, storage }: PlannedValue, { locals }: FunctionScope): string {
  invariant(storage.kind === "arena" && type.kind === "tensor", `${name} is a tensor in the arena`);
  const element = cElementType(type.dtype);
  return `${element} *const ${locals.get(name) ?? ""} = (${element} *)(s->arena + ${storage.offsetBytes}); /* ${shapeText(type)} */`;
}

/** A pointer to a value's first element; `part` tells keys from values and codes from scales. */
function pointerText(value: PlannedValue, scope: FunctionScope, part = 0): string {
  const { storage, type } = value;
  switch (storage.kind) {
    case "arena":
      return scope.locals.get(value.name) ?? "";
    case "weight":
      return weightText(storage, type, scope, part);
    case "input":
      return `s->${storage.name}`;
    case "layer":
      return "s->layer_numbers + layer";
    case "cache":
      return cacheText(type, part);
    case "output":
      return "s->logits";
    default:
      return assertNever(storage);
  }
}

/** C++ does not turn untyped pointers into typed ones by itself. */
function cacheText(type: ValueType, part: number): string {
  invariant(type.kind === "kv_cache", "the cache has its own type");
  return `(${cElementType(type.dtype)} *)s->${part === 0 ? "keys" : "values"}`;
}

function weightText(
  { index }: Extract<Storage, { kind: "weight" }>,
  type: ValueType,
  { plan, role }: FunctionScope,
  part: number,
): string {
  const entry = plan.weights.entries[index];
  invariant(entry !== undefined, `the plan has a weight ${index}`);
  invariant(entry.scope === "step" || role === "layer", `${entry.name} is read in a layer`);
  const base = `${weightAccessor(plan, index)}(s${entry.scope === "layer" ? ", layer" : ""})`;
  if (type.kind !== "quantized" || part === 0) return base;
  const codes = type.shape[0] * type.shape[1];
  return `(const ${cElementType(type.scaleDtype)} *)(${base} + ${codes})`;
}

function argumentOf(value: PlannedValue, scope: FunctionScope): CudaArgument {
  return { text: pointerText(value, scope), type: value.type };
}

/* ---- Calls ---- */

function printCall(call: Call, scope: FunctionScope, out: TextWriter): void {
  switch (call.kind) {
    case "kernel":
      printKernelCall(call, scope, out);
      return;
    case "layers": {
      const end = call.first + call.count;
      out.gap();
      out.line(`for (int32_t layer = ${call.first}; layer < ${end}; layer++) ${cIdentifier(call.body)}(s, layer);`);
      return;
    }
    case "copy":
      printCopy(call, scope, out);
      return;
    default:
      return assertNever(call);
  }
}

function printKernelCall(call: KernelCall, scope: FunctionScope, out: TextWriter): void {
  const resolved = scope.kernels.forCall(call);
  const { name } = resolved.kind === "instance" ? resolved.instance : resolved.kernel;
  out.gap();
  printWhy(call, out);
  printList(`${name}(`, ["s", ...argumentTexts(call, resolved, scope)], ");", out);
}

function argumentTexts(call: KernelCall, resolved: ResolvedKernel, scope: FunctionScope): readonly string[] {
  if (resolved.kind === "instance") {
    const operands = call.operands.map((value) => argumentOf(value, scope));
    return resolved.instance.call(operands, argumentOf(call.result, scope), stepDimText);
  }
  const { dims, buffers } = resolved.kernel.loops;
  const pointers = buffers.map((buffer) => {
    const { value, part } = bufferOwner(buffer.name, resolved.record, call);
    return pointerText(value, scope, part);
  });
  return [...dims.map(stepDimText), ...pointers];
}

/** What a call makes, and the rules behind it, oldest first, with their places. */
function printWhy({ result, rules }: KernelCall, out: TextWriter): void {
  const value = cComment(`${result.name} ${shapeText(result.type)}`);
  if (rules.length === 0) out.line(`/* ${value} */`);
  else printList(`/* ${value}; by `, rules.map((rule) => cComment(ruleText(rule))), " */", out);
}

function ruleText({ name, file, line }: RuleReference): string {
  if (file === undefined) return name;
  return `${name} (${file}${line === undefined ? "" : `:${line}`})`;
}

function printCopy({ from, to }: CopyCall, scope: FunctionScope, out: TextWriter): void {
  const { type } = from;
  invariant(type.kind === "tensor", "only tensors are copied");
  out.gap();
  out.line(`/* ${cComment(`${from.name} ${shapeText(type)} to the place of the next value`)} */`);
  out.line(`copy_value(s, ${placeText(to, scope)}, ${pointerText(from, scope)}, ${byteCount(type.dtype, type.shape)});`);
}

/** Where a copy goes: the place has no name of its own in this function. */
function placeText(to: PlannedValue, scope: FunctionScope): string {
  return to.storage.kind === "arena" ? `s->arena + ${to.storage.offsetBytes}` : pointerText(to, scope);
}

function byteCount(dtype: DType, shape: readonly Dim[]): string {
  const factors = [String(dtypeBytes(dtype)), ...shape.map(stepDimText)];
  return ["(int64_t)1", ...factors.filter((factor) => factor !== "1")].join(" * ");
}
