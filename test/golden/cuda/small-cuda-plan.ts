// The small plan of test/support for the CUDA target: the same calls of the kernels of the same names, and
// weights in this target's layout, in formats that it can pack at these sizes.

import { rowLayout } from "../../../backends/cuda/row-weights.js";
import type { WeightFormat } from "../../../src/codegen/index.js";
import type { ValueType } from "../../../src/ir/index.js";
import { typeBytes } from "../../../src/ir/index.js";
import type { Call, PlannedValue, ProgramPlan, WeightEntry } from "../../../src/plan/index.js";
import { smallPlan } from "../../support/small-plan.js";

const formats: Readonly<Record<string, WeightFormat>> = {
  head: { kind: "float", dtype: "f16" },
  layer_qkv: { kind: "float", dtype: "f32" },
  layer_out: { kind: "float", dtype: "bf16" },
  layer_gate_up: { kind: "quantized", bits: 8, group: 16 },
  layer_down: { kind: "float", dtype: "f16" },
};

export function smallCudaPlan(model?: string): ProgramPlan {
  const plan = smallPlan(model);
  return {
    ...plan,
    target: "cuda",
    functions: plan.functions.map((each) => ({ ...each, calls: each.calls.map(ofCuda) })),
    weights: layOut(plan.weights.entries),
  };
}

function ofCuda(call: Call): Call {
  if (call.kind !== "kernel") return call;
  const rules = call.rules.map((each) => ({ ...each, file: "lower/cuda.rules" }));
  return { ...call, kernel: call.kernel.replace(/^c\./, "cuda."), rules, operands: call.operands.map(repacked) };
}

function repacked(value: PlannedValue): PlannedValue {
  return { ...value, type: packedFor(value.name, value.type) };
}

function packedFor(name: string, type: ValueType): ValueType {
  if (type.kind !== "packed") return type;
  const format = formats[name];
  if (format === undefined) throw new Error(`the weight ${name} has a format`);
  return rowLayout.packedType(format, [type.shape[0]!, type.shape[1]!]);
}

const aligned = (bytes: number): number => Math.ceil(bytes / 64) * 64;

function layOut(entries: readonly WeightEntry[]): ProgramPlan["weights"] {
  const types = entries.map(({ name, type }) => packedFor(name, type));
  const strideBytes = entries.reduce((sum, { scope }, i) => sum + (scope === "layer" ? aligned(typeBytes(types[i]!)) : 0), 0);
  let end = 4096;
  const placed = entries.map((entry, i): WeightEntry => {
    const [type, offsetBytes] = [types[i]!, end];
    end += aligned(typeBytes(type));
    return { ...entry, type, offsetBytes, sizeBytes: typeBytes(type), strideBytes: entry.scope === "layer" ? strideBytes : 0 };
  });
  const layers = entries.find(({ scope }) => scope === "layer")?.layers?.count ?? 1;
  return { entries: placed, sizeBytes: end + strideBytes * (layers - 1) };
}
