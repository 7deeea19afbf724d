/**
 * The step and layer functions: every value by its name, then one call after another, so that a reader can
 * follow the plan line by line.
 */

import { assertNever, at, invariant, type TextWriter } from "../../base/index.js";
import type { Dim, DType, ValueType } from "../../ir/index.js";
import { cacheParts, dtypeBytes, partOffset, quantizedParts } from "../../ir/index.js";
import type {
  Call, CopyCall, FunctionPlan, KernelCall, PlannedValue, ProgramPlan, RuleReference, Storage,
} from "../../plan/index.js";
import { printList } from "../c-lists.js";
import { cComment, cIdentifier } from "../c-names.js";
import { cElementType } from "../loops-to-c.js";
import { shapeText } from "../type-text.js";
import type { CDialect } from "./dialect.js";
import type { CArgument } from "./kernel-row.js";
import type { ProgramKernels, ResolvedKernel } from "./program-kernels.js";
import { bufferOwner, stepDimText } from "./program-kernels.js";
import { weightAccessor } from "./weights.js";

/** What the functions of a program have in common. */
export interface ProgramScope {
  readonly plan: ProgramPlan;
  readonly kernels: ProgramKernels;
  readonly dialect: CDialect;
}

/** What a function's text refers to. */
interface FunctionScope extends ProgramScope {
  readonly role: FunctionPlan["role"];
  /** The C name of each value that lives in the arena. */
  readonly locals: ReadonlyMap<string, string>;
}

export function printFunction(func: FunctionPlan, program: ProgramScope, out: TextWriter): void {
  const arena = arenaValues(func);
  const scope: FunctionScope = { ...program, role: func.role, locals: localNames(arena, program) };
  const context = program.dialect.context.map(({ type, name }) => `${type}${name}`);
  const parameters = func.role === "layer" ? [...context, "int32_t layer"] : context;
  out.line(`static void ${cIdentifier(func.name)}(${parameters.join(", ")}) {`);
  out.indented(() => {
    for (const value of arena) out.line(declaration(value, scope));
    for (const call of func.calls) printCall(call, scope, out);
  });
  out.line("}");
}

/** The call of a function of the plan; `layer` is the number of the layer it is for. */
export function functionCall(name: string, { context }: CDialect, ...layer: readonly string[]): string {
  return `${cIdentifier(name)}(${[...context.map((each) => each.name), ...layer].join(", ")});`;
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
  { plan: { functions }, kernels: { instances, printed }, dialect }: ProgramScope,
): ReadonlyMap<string, string> {
  const taken = new Set([...dialect.context.map(({ name }) => name), "layer", "copy_value", ...dialect.reserved]);
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
      return scope.dialect.layerPointer;
    case "cache":
      return cacheText(type, scope, part);
    case "output":
      return "s->logits";
    default:
      return assertNever(storage);
  }
}

function cacheText(type: ValueType, { dialect }: FunctionScope, part: number): string {
  invariant(type.kind === "kv_cache", "the cache has its own type");
  const { name, dtype } = at(cacheParts(type), part);
  return dialect.cache(name, cElementType(dtype));
}

function weightText(
  { index }: Extract<Storage, { kind: "weight" }>,
  type: ValueType,
  { plan, role, dialect }: FunctionScope,
  part: number,
): string {
  const entry = plan.weights.entries[index];
  invariant(entry !== undefined, `the plan has a weight ${index}`);
  invariant(entry.scope === "step" || role === "layer", `${entry.name} is read in a layer`);
  const base = `${weightAccessor(plan, index)}(s${entry.scope === "layer" ? ", layer" : ""})`;
  if (type.kind !== "quantized" || part === 0) return base;
  const { dtype } = at(quantizedParts(type), part);
  return dialect.elementsAt(`${base} + ${partOffset(type, part)}`, cElementType(dtype));
}

function argumentOf(value: PlannedValue, scope: FunctionScope): CArgument {
  const text = pointerText(value, scope);
  return { text, scalar: value.storage.kind === "layer" ? "layer" : scope.dialect.scalar(text), type: value.type };
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
      const body = functionCall(call.body, scope.dialect, "layer");
      out.line(`for (int32_t layer = ${call.first}; layer < ${end}; layer++) ${body}`);
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
  printList(`${name}(`, [scope.dialect.runner, ...argumentTexts(call, resolved, scope)], ");", out);
  printAfterCall(scope, out);
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
  const [runner, bytes] = [scope.dialect.runner, byteCount(type.dtype, type.shape)];
  out.line(`copy_value(${runner}, ${placeText(to, scope)}, ${pointerText(from, scope)}, ${bytes});`);
  printAfterCall(scope, out);
}

function printAfterCall({ dialect: { afterCall } }: FunctionScope, out: TextWriter): void {
  if (afterCall !== undefined) out.line(afterCall);
}

/** Where a copy goes: the place has no name of its own in this function. */
function placeText(to: PlannedValue, scope: FunctionScope): string {
  return to.storage.kind === "arena" ? `s->arena + ${to.storage.offsetBytes}` : pointerText(to, scope);
}

function byteCount(dtype: DType, shape: readonly Dim[]): string {
  const factors = [String(dtypeBytes(dtype)), ...shape.map(stepDimText)];
  return ["(int64_t)1", ...factors.filter((factor) => factor !== "1")].join(" * ");
}
