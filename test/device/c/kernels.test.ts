// Every kernel of the C target against its meaning, as compiled code: for this machine and for the plainest
// x86-64, with one thread and several, and under the sanitizers.

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { createRandom } from "../../../src/base/index.js";
import { concreteType, typeBytes } from "../../../src/ir/index.js";
import type { Tolerance } from "../../support/tolerances.js";
import { firstDifference, softmaxTolerance, sumTolerance } from "../../support/tolerances.js";
import type { KernelCase, Harness } from "./kernel-harness.js";
import { buildHarness, findTestCompiler } from "./kernel-harness.js";
import { kernelCases } from "./kernel-cases.js";

const compiler = findTestCompiler();
const cases = kernelCases(createRandom(5));

/** Normal deviates of these tests stay below this. */
const LARGEST = 6;

/** By the longest sum of the kernel, over operands whose size the draw bounds. */
function toleranceOf({ record, operandTypes, operands, dims }: KernelCase): Tolerance {
  const [x, w] = operandTypes;
  switch (record.name) {
    case "c.matmul":
    case "c.matmul_add":
    case "c.integer_matmul":
    case "c.integer_matmul_add":
      return sumTolerance("f32", w?.kind === "packed" ? (w.shape[0] ?? 1) : 1, LARGEST);
    case "c.paged_attention": {
      const cache = operands.find((value) => value.kind === "kv_cache");
      const slots = (dims["B"] ?? 1) * (cache?.kind === "kv_cache" ? cache.type.blockSize : 1);
      const dim = x?.kind === "tensor" ? Number(x.shape.at(-1)) : 1;
      return softmaxTolerance("f32", Math.max(slots, dim), LARGEST);
    }
    case "c.quantize_rows":
      // Codes and scales are the same bit for bit.
      return sumTolerance("f32", 1, 0);
    case "c.rms_norm":
      return sumTolerance("f32", x?.kind === "tensor" ? Number(x.shape.at(-1)) : 1, 1);
    default:
      // A handful of roundings, of products of two numbers that are added.
      return sumTolerance("f32", 4, LARGEST);
  }
}

function expectedOf({ record, operands, attrs, result, dims }: KernelCase): Float32Array {
  const value = record.evaluate(operands, attrs, concreteType(result, dims));
  if (value.kind === "kv_cache") return Float32Array.from([...value.keys, ...value.values]);
  if (value.kind !== "tensor") throw new Error("kernels make tensors and caches");
  return Float32Array.from(value.data);
}

/** Differences over all cases, as sentences. */
function differences(cases: readonly KernelCase[], found: readonly Float32Array[]): string[] {
  return cases.flatMap((each, i) => {
    const difference = firstDifference(found[i]!, expectedOf(each), toleranceOf(each));
    return difference === undefined ? [] : [`${each.title}: ${difference}`];
  });
}

/** The sanitizers make a product slow to compile: one of each format will do. */
const fewProducts = cases.filter(({ record, operandTypes: [, w] }) => {
  if (record.name === "c.matmul") return false;
  return record.name !== "c.matmul_add" || (w?.kind === "packed" && Number(w.shape[0]) > 1000);
});

const builds: readonly { name: string; flags: readonly string[]; cases: readonly KernelCase[] }[] = [
  { name: "for this machine", flags: ["-O3", "-march=native"], cases },
  ...(process.arch === "x64"
    ? [
        { name: "for AVX2", flags: ["-O2", "-march=x86-64-v3"], cases },
        { name: "for the plainest x86-64", flags: ["-O2", "-march=x86-64"], cases },
      ]
    : []),
  {
    name: "with sanitizers",
    flags: ["-O0", "-march=native", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
    cases: fewProducts,
  },
];

describe.skipIf(compiler === undefined).each(builds)("kernels compiled $name", ({ flags, cases }) => {
  let harness: Harness | undefined;

  beforeAll(() => {
    harness = buildHarness(cases, { compiler: compiler ?? "", flags });
  }, 300_000);

  afterAll(() => harness?.close());

  test("agree with what they mean", () => {
    expect(differences(cases, requireHarness(harness).run(1))).toEqual([]);
  });

  test("give the same bits with one, two and three threads", () => {
    const [one = [], ...more] = [1, 2, 3].map((threads) => requireHarness(harness).run(threads));
    const changed = more.flatMap((other) =>
      other.flatMap((each, i) => (bytesOf(each).equals(bytesOf(one[i]!)) ? [] : [cases[i]!.title])),
    );
    expect(changed).toEqual([]);
  });
});

function requireHarness(harness: Harness | undefined): Harness {
  if (harness === undefined) throw new Error("the harness was not built");
  return harness;
}

function bytesOf(numbers: Float32Array): Buffer {
  return Buffer.from(numbers.buffer, numbers.byteOffset, numbers.byteLength);
}

test("every running kernel has samples, and every case makes something", () => {
  expect(cases.every(({ result, dims }) => result.kind === "kv_cache" || typeBytes(concreteType(result, dims)) > 0)).toBe(true);
  expect(new Set(cases.map(({ record }) => record.name)).size).toBe(10);
});
