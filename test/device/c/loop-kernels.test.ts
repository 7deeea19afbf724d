// Every op's loop form as compiled C, against the op's meaning: what lets an op run before anyone tunes it.

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { createRandom } from "../../../src/base/index.js";
import type { DType, OpRecord, OpSample } from "../../../src/ir/index.js";
import { concreteType, coreOps, inferType, isFloat } from "../../../src/ir/index.js";
import { drawSample } from "../../support/sample-values.js";
import type { Tolerance } from "../../support/tolerances.js";
import { exact, firstDifference, softmaxTolerance, sumTolerance } from "../../support/tolerances.js";
import type { Harness, KernelCase } from "./kernel-harness.js";
import { buildHarness, findTestCompiler } from "./kernel-harness.js";

const compiler = findTestCompiler();
const random = createRandom(11);
const records: readonly OpRecord[] = coreOps;

/** Normal deviates of these tests stay below this. */
const LARGEST = 5;

/** Terms of the longest sum of any sample, and the roundings of functions that are made of several steps. */
const TERMS = 96;

const cases = records
  .filter((record) => record.lower !== undefined)
  .flatMap((record) => record.samples.map((sample) => caseOf(record, sample)));

function caseOf(record: OpRecord, sample: OpSample): KernelCase {
  const drawn = drawSample(random, record, sample);
  const result = inferType(record, sample.operands, sample.attrs, sample.result);
  const { operands, dims } = drawn;
  const title = `${record.name} ${JSON.stringify(sample.attrs)}`;
  return { title, record, operands, attrs: sample.attrs, operandTypes: sample.operands, result, dims };
}

function toleranceOf({ record, result }: KernelCase): Tolerance {
  const dtype: DType = result.kind === "tensor" || result.kind === "kv_cache" ? result.dtype : "f32";
  if (!isFloat(dtype)) return exact;
  const isSoft = record.name.includes("attention") || record.name === "softmax";
  return isSoft ? softmaxTolerance(dtype, TERMS, LARGEST) : sumTolerance(dtype, TERMS, LARGEST);
}

function differenceOf(each: KernelCase, found: Float32Array): string[] {
  const { record, operands, attrs, result, dims } = each;
  const value = record.evaluate(operands, attrs, concreteType(result, dims));
  if (value.kind !== "tensor" && value.kind !== "kv_cache") throw new Error("a loop form makes tensors and caches");
  const expected = value.kind === "tensor" ? value.data : Float32Array.from([...value.keys, ...value.values]);
  const difference = firstDifference(found, expected, toleranceOf(each));
  return difference === undefined ? [] : [`${each.title}: ${difference}`];
}

describe.skipIf(compiler === undefined)("loop forms compiled as C", () => {
  let harness: Harness | undefined;

  beforeAll(() => {
    harness = buildHarness(cases, { compiler: compiler ?? "", flags: ["-O2", "-march=native"] });
  }, 120_000);

  afterAll(() => harness?.close());

  test.each([1, 3])("agree with what the ops mean, with %i threads", (threads) => {
    const found = harness?.run(threads) ?? [];
    expect(found.length).toBe(cases.length);
    expect(cases.flatMap((each, i) => differenceOf(each, found[i]!))).toEqual([]);
  });
});
