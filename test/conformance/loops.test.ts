// Every op sample, two ways: the record's `evaluate`, and its loop form run statement by statement. What a
// target prints is the loop form, so this is what "every op runs on every target" rests on.

import { describe, expect, test } from "vitest";

import { createRandom } from "../../src/base/index.js";
import type { LoopKernel, OpRecord, OpSample, TensorData, Value, ValueType } from "../../src/ir/index.js";
import { concreteType, coreOps, inferType, newTensor, operandName } from "../../src/ir/index.js";
import { hasLoopForm, loopKernel, parseLoops, printLoops, runLoops, scheduleWorkgroups, verifyLoops } from "../../src/loops/index.js";
import { drawSample } from "../support/sample-values.js";
import { quantizedBuffers } from "../support/values.js";
import type { Tolerance } from "../support/tolerances.js";
import {
  exact,
  firstDifference,
  roundingTolerance,
  softmaxTolerance,
  sumTolerance,
} from "../support/tolerances.js";

const records: readonly OpRecord[] = coreOps;

/** Largest number that a sample's normal deviates reach, in a few thousand draws. */
const SIZE = 4;

/** Sums run in double here and in f32 there; everything else rounds once or twice. */
const sums: Readonly<Record<string, typeof sumTolerance>> = {
  matmul: sumTolerance,
  matmul_add: sumTolerance,
  quantized_matmul: sumTolerance,
  quantized_matmul_add: sumTolerance,
  reduce_sum: sumTolerance,
  reduce_mean: sumTolerance,
  rms_norm: sumTolerance,
  layer_norm: sumTolerance,
  // 1 + erf(x) cancels below 0.
  geglu: sumTolerance,
  geglu_tanh: sumTolerance,
  rms_norm_add: sumTolerance,
  expert_swiglu: sumTolerance,
  integer_matmul: sumTolerance,
  narrow_matmul: sumTolerance,
  narrow_matmul_add: sumTolerance,
  integer_matmul_add: sumTolerance,
  routed_sum: sumTolerance,
  hadamard_transform: sumTolerance,
  sink_softmax: softmaxTolerance,
  rope: (dtype) => sumTolerance(dtype, 2, SIZE),
  softmax: softmaxTolerance,
  attention: softmaxTolerance,
  paged_attention: softmaxTolerance,
  paged_window_attention: softmaxTolerance,
  capped_attention: softmaxTolerance,
  biased_attention: softmaxTolerance,
  sink_attention: softmaxTolerance,
  attention_log_sums: softmaxTolerance,
  merge_attention: softmaxTolerance,
};

function toleranceFor(record: OpRecord, operands: readonly ValueType[], result: ValueType): Tolerance {
  const dtype = result.kind === "tensor" || result.kind === "kv_cache" ? result.dtype : "f32";
  const rule = sums[record.name];
  if (rule === undefined) return roundingTolerance(dtype);
  const extents = operands.flatMap((type) => {
    if (type.kind === "tensor" || type.kind === "quantized") return type.shape.map(Number);
    // A sequence in the cache is at most a block table of 3 blocks long.
    return type.kind === "kv_cache" ? [3 * type.blockSize] : [];
  });
  return rule(dtype, Math.max(1, ...extents), SIZE);
}

/** A value's arrays under the names of its buffers; results start filled with NaN, so that a gap shows. */
function memoryOf(name: string, value: Value): Record<string, TensorData> {
  switch (value.kind) {
    case "tensor":
      return { [name]: value.data.slice() };
    case "kv_cache":
      return { [`${name}_keys`]: value.keys.slice(), [`${name}_values`]: value.values.slice() };
    case "quantized":
      return quantizedBuffers(name, value);
    case "packed":
      return { [name]: value.bytes };
  }
}

function runSample(
  record: OpRecord,
  sample: OpSample,
  change: (kernel: LoopKernel) => LoopKernel = (kernel) => kernel,
): string | undefined {
  const { operands, types, dims } = drawSample(createRandom(7), record, sample);
  const symbolic = inferType(record, sample.operands, sample.attrs, sample.result);
  const result = concreteType(symbolic, dims);
  const kernel = change(loopKernel(record, sample.operands, sample.attrs, symbolic));
  expect(verifyLoops(kernel)).toEqual([]);

  const memory: Record<string, TensorData> = {};
  operands.forEach((value, i) => Object.assign(memory, memoryOf(operandName(record, i), value)));
  if (result.kind === "tensor")
    memory["result"] = newTensor(result.dtype, result.shape.map(Number)).data.fill(NaN);
  runLoops(kernel, memory, dims);

  const expected = record.evaluate(operands, sample.attrs, result);
  const wanted = memoryOf(expected.kind === "kv_cache" ? "cache" : "result", expected);
  const tolerance = toleranceFor(record, types, result);
  return Object.entries(wanted)
    .map(([name, data]) => firstDifference(memory[name] ?? [], data, tolerance))
    .find((each) => each !== undefined);
}

describe("the loop form agrees with the meaning", () => {
  const cases = records
    .filter(hasLoopForm)
    .flatMap((record) =>
      record.samples.map((sample, i) => [`${record.name} sample ${i}`, record, sample] as const),
    );
  test.each(cases)("%s", (_name, record, sample) => {
    expect(runSample(record, sample)).toBeUndefined();
  });
});

describe.each([2, 4, 8])("shared by %i lanes, rows agree with the meaning", (lanes) => {
  const scheduled = new Set<string>();
  const cases = records
    .filter(hasLoopForm)
    .flatMap((record) => record.samples.map((sample, i) => [`${record.name} sample ${i}`, record, sample] as const));
  test.each(cases)("%s", (_name, record, sample) => {
    const difference = runSample(record, sample, (kernel) => {
      const made = scheduleWorkgroups(kernel, lanes);
      if (made !== kernel) scheduled.add(record.name);
      expect(parseLoops(printLoops(made))).toEqual(made);
      return made;
    });
    expect(difference).toBeUndefined();
  });

  test("ops that fold rows are scheduled", () => {
    for (const op of ["rms_norm", "layer_norm", "softmax", "reduce_sum", "reduce_max", "argmax"]) expect(scheduled).toContain(op);
    for (const op of ["matmul", "add", "append_kv"]) expect(scheduled).not.toContain(op);
  });
});

test("only constants and parameters have no loop form", () => {
  const without = records.filter((record) => !hasLoopForm(record)).map((record) => record.name);
  const leaves = ["weight", "constant", "param", "rope_frequencies"];
  const packed = ["hadamard", "quantize", "concat_quantized", "slice_quantized"];
  expect(without).toEqual([...leaves, ...packed]);
});

test("every op but those without a value of their own has samples", () => {
  const without = records.filter((record) => record.samples.length === 0).map((record) => record.name);
  expect(without).toEqual(["weight", "param"]);
});

test("the comparison finds one wrong element", () => {
  const right = Float32Array.of(1, 2, 3);
  expect(firstDifference(Float32Array.of(1, 2, 3.001), right, roundingTolerance("f32"))).toContain(
    "element 2",
  );
  expect(firstDifference(Float32Array.of(1, NaN, 3), right, sumTolerance("f32", 8, SIZE))).toContain(
    "element 1",
  );
  expect(firstDifference(right, right, exact)).toBeUndefined();
});
