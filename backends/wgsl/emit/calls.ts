/**
 * The calls of a plan's functions as `program.json` has them: which modules, where bound, how many
 * workgroups.
 */

import { assertNever, invariant } from "../../../src/base/index.js";
import { shapeText } from "../../../src/codegen/index.js";
import type { Dim, Registry } from "../../../src/ir/index.js";
import { dtypeBytes } from "../../../src/ir/index.js";
import type {
  Call, CopyCall, FunctionPlan, KernelCall, PlannedValue, ProgramPlan, RuleReference,
} from "../../../src/plan/index.js";
import type { KernelInstance, WgslKernelRow } from "../kernel-row.js";
import { integer } from "../kernel-row.js";
import { kernels } from "../kernels.js";
import type { CallRecord, DispatchRecord, FunctionRecord, Resource } from "../program.js";
import { placeOf } from "./places.js";
import { loopInstance } from "./loop-instances.js";
import type { ModuleUse, ProgramModules } from "./program-modules.js";
import { weightParts } from "./weight-parts.js";

/** How kernels that are printed from loops are called in a plan. */
const LOOPS_PREFIX = "loops.";

const rows = new Map<string, WgslKernelRow>(kernels.map((row) => [row.name, row]));

export function functionRecord(
  func: FunctionPlan,
  plan: ProgramPlan,
  modules: ProgramModules,
): FunctionRecord {
  const calls = func.calls.map((call) => callRecord(call, func, { plan, modules }));
  return { name: func.name, role: func.role, calls };
}

interface Emission {
  readonly plan: ProgramPlan;
  readonly modules: ProgramModules;
}

function callRecord(call: Call, func: FunctionPlan, emission: Emission): CallRecord {
  switch (call.kind) {
    case "layers":
      return { kind: "layers", body: call.body, first: call.first, count: call.count };
    case "copy":
      return copyRecord(call, func, emission);
    case "kernel": {
      const { operands, result, kernel } = call;
      const instances = instancesOf(call, emission.plan.ops);
      const rules = call.rules.map(ruleText);
      const made = { kernel, instances, values: { operands, result }, rules };
      return kernelRecord(made, func, emission);
    }
    default:
      return assertNever(call);
  }
}

/** The specialised kernels of a call: the first that takes the rows of a step runs. */
export function instancesOf(call: KernelCall, ops: Registry): readonly KernelInstance[] {
  const types = call.operands.map(({ type }) => type);
  if (call.kernel.startsWith(LOOPS_PREFIX)) {
    const record = ops.require(call.kernel.slice(LOOPS_PREFIX.length));
    return [loopInstance(record, types, call.attrs, call.result.type)];
  }
  const row = rows.get(call.kernel);
  invariant(row?.instances !== undefined, `the WGSL target has a kernel ${call.kernel} that runs`);
  return row.instances(types, call.attrs, call.result.type);
}

interface Made {
  readonly kernel: string;
  readonly instances: readonly KernelInstance[];
  readonly values: { readonly operands: readonly PlannedValue[]; readonly result: PlannedValue };
  readonly rules: readonly string[];
}

function kernelRecord(made: Made, func: FunctionPlan, emission: Emission): CallRecord {
  const { kernel, instances, values, rules } = made;
  const result = `${values.result.name} ${shapeText(values.result.type)}`;
  const use = `${func.name}: ${result}${rules.length === 0 ? "" : `; by ${rules.join(", ")}`}`;
  const choices = instances.map((instance) => {
    const accesses = instance.accesses.map((access) => {
      const value = access.value === "result" ? values.result : values.operands[access.value];
      invariant(value !== undefined, `the kernel ${kernel} has an operand ${access.value}`);
      return { access, place: placeOf(value, access, emission.plan) };
    });
    const moduleUse = emission.modules.use(instance, accesses, use);
    return {
      upToRows: instance.upToRows ?? null,
      rows: instance.rows,
      dispatches: dispatchesOf(instance, moduleUse, values.operands),
    };
  });
  return { kind: "kernel", result, kernel, rules, choices };
}

/** One dispatch, or one for each part of a weight that is too large to be seen as a whole. */
function dispatchesOf(
  instance: KernelInstance,
  use: ModuleUse,
  operands: readonly PlannedValue[],
): readonly DispatchRecord[] {
  const { split } = instance;
  const storage = split === undefined ? undefined : operands[split.operand]?.storage;
  const groups = instance.groups.map(({ factors, per }) => ({ factors, per }));
  if (split === undefined || storage?.kind !== "weight") return [{ ...use, groups }];
  const parts = weightParts(split);
  if (parts.length === 1) return [{ ...use, groups }];
  return parts.map(({ firstUnit, units }, part) => {
    const resources = use.resources.map((each): Resource => {
      return typeof each === "object" && each.weight === storage.index ? { weight: storage.index, part } : each;
    });
    const count = split.count === undefined ? {} : { [split.count]: units };
    const constants = { ...use.constants, [split.first]: firstUnit, ...count };
    const own = split.dispatchesUnits ? [{ factors: [units], per: 1 }, ...groups.slice(1)] : groups;
    return { module: use.module, constants, groups: own, resources };
  });
}

/** The rules behind a kernel, with their places. */
function ruleText({ name, file, line }: RuleReference): string {
  if (file === undefined) return name;
  return `${name} (${file}${line === undefined ? "" : `:${line}`})`;
}

function copyRecord({ from, to }: CopyCall, func: FunctionPlan, emission: Emission): CallRecord {
  const { type } = from;
  invariant(type.kind === "tensor", "only tensors are copied");
  const numbers = type.shape.filter((dim): dim is number => typeof dim === "number");
  const bytes = numbers.reduce((product, dim) => product * dim, dtypeBytes(type.dtype));
  const symbols = type.shape.filter((dim): dim is Dim & string => typeof dim === "string");
  const words = Math.ceil(bytes / 4);
  const instance: KernelInstance = {
    name: `copy_${words}`,
    comment: `moves ${[...symbols, words].join(" x ")} words to the place of the next value`,
    constants: [integer("WORDS", words)],
    rows: symbols,
    files: ["kernels/copy.wgsl"],
    accesses: [
      { name: "x", value: 0, part: 0, element: "f32", reads: true, writes: false },
      { name: "result", value: "result", part: 0, element: "f32", reads: false, writes: true },
    ],
    groups: [{ factors: [...symbols, words], per: 64 }],
  };
  const values = { operands: [from], result: to };
  return kernelRecord({ kernel: "copy", instances: [instance], values, rules: [] }, func, emission);
}
