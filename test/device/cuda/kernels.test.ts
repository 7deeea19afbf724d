// Every kernel of the CUDA target, and every op's loop form as a CUDA kernel, against what they mean: on the
// CPU through the emulator with sanitizers, with threads in both orders; on a GPU where there is one.

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { createRandom } from "../../../src/base/index.js";
import type { DType } from "../../../src/ir/index.js";
import { concreteType, isFloat } from "../../../src/ir/index.js";
import type { Tolerance } from "../../support/tolerances.js";
import { exact, firstDifference, softmaxTolerance, sumTolerance } from "../../support/tolerances.js";
import type { KernelCase } from "./kernel-cases.js";
import { kernelCases, loopCases, runningKernels } from "./kernel-cases.js";
import type { Harness, Toolchain } from "./kernel-harness.js";
import { buildHarness } from "./kernel-harness.js";
import { emulator, findCudaMachine, hasEmulator } from "./toolchains.js";

const cases = [...kernelCases(createRandom(5)), ...loopCases(createRandom(11))];
const { nvcc, gpu } = await findCudaMachine();

/** Normal deviates of these tests stay below this. */
const LARGEST = 6;

/**
 * Terms of the longest sum of any sample of an op, and the roundings of functions that are made of several
 * steps.
 */
const LOOP_TERMS = 96;

/** By the longest sum of the kernel, over operands whose size the draw bounds. */
function toleranceOf({ record, operandTypes, operands, dims, result }: KernelCase): Tolerance {
  const [x, w] = operandTypes;
  switch (record.name) {
    case "cuda.matmul":
    case "cuda.matmul_add":
      return sumTolerance("f32", w?.kind === "packed" ? (w.shape[0] ?? 1) : 1, LARGEST);
    case "cuda.paged_attention": {
      const cache = operands.find((value) => value.kind === "kv_cache");
      const slots = (dims["B"] ?? 1) * (cache?.kind === "kv_cache" ? cache.type.blockSize : 1);
      const dim = x?.kind === "tensor" ? Number(x.shape.at(-1)) : 1;
      return softmaxTolerance("f32", Math.max(slots, dim), LARGEST);
    }
    case "cuda.rms_norm":
      return sumTolerance("f32", x?.kind === "tensor" ? Number(x.shape.at(-1)) : 1, 1);
  }
  if (record.name.startsWith("cuda.")) return sumTolerance("f32", 4, LARGEST);
  const dtype: DType = result.kind === "tensor" || result.kind === "kv_cache" ? result.dtype : "f32";
  if (!isFloat(dtype)) return exact;
  const isSoft = record.name.includes("attention") || record.name === "softmax";
  return isSoft ? softmaxTolerance(dtype, LOOP_TERMS, LARGEST) : sumTolerance(dtype, LOOP_TERMS, LARGEST);
}

function expectedOf({ record, operands, attrs, result, dims }: KernelCase): Float32Array {
  const value = record.evaluate(operands, attrs, concreteType(result, dims));
  if (value.kind === "kv_cache") return Float32Array.from([...value.keys, ...value.values]);
  if (value.kind !== "tensor") throw new Error("kernels make tensors and caches");
  return Float32Array.from(value.data);
}

/** Differences over all cases, as sentences. */
function differences(cases: readonly KernelCase[], found: readonly Float32Array[]): string[] {
  expect(found.length).toBe(cases.length);
  return cases.flatMap((each, i) => {
    const difference = firstDifference(found[i]!, expectedOf(each), toleranceOf(each));
    return difference === undefined ? [] : [`${each.title}: ${difference}`];
  });
}

interface Run {
  readonly name: string;
  /** Undefined where it is missing here. */
  readonly toolchain: Toolchain | undefined;
  readonly cases: readonly KernelCase[];
  readonly environments: readonly Readonly<Record<string, string>>[];
}

const cpu = hasEmulator() ? emulator : undefined;
const device: Toolchain | undefined =
  nvcc === undefined || gpu === undefined
    ? undefined
    : { command: nvcc.command, args: [...nvcc.args, "-std=c++17", "-O3", `-arch=${gpu.arch}`] };

/** The sanitizers make everything slow: the tuned kernels, each way through them once. */
const oncePerWay = kernelCases(createRandom(6)).filter(({ record, dims }) => {
  return !record.name.startsWith("cuda.matmul") || dims["T"] === 5 || dims["T"] === 70;
});

const runs: readonly Run[] = [
  {
    name: "emulated on the CPU, threads in both orders",
    toolchain: cpu,
    cases,
    environments: [{}, { LLMIR_EMULATE_ORDER: "reverse" }],
  },
  {
    name: "emulated on the CPU with sanitizers",
    toolchain: cpu && { ...cpu, args: ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"] },
    cases: oncePerWay,
    // Threads of the emulator switch stacks, which leak checks do not follow.
    environments: [{ ASAN_OPTIONS: "detect_leaks=0" }],
  },
  { name: "on the GPU", toolchain: device, cases, environments: [{}] },
];

describe.each(runs)("CUDA kernels $name", ({ toolchain, cases, environments }) => {
  let harness: Harness | undefined;

  beforeAll(() => {
    if (toolchain !== undefined) harness = buildHarness(cases, toolchain);
  }, 300_000);

  afterAll(() => harness?.close());

  test.skipIf(toolchain === undefined)("agree with what they mean", { timeout: 120_000 }, () => {
    for (const environment of environments) {
      expect(differences(cases, harness?.run(environment) ?? [])).toEqual([]);
    }
  });
});

test("every running kernel has cases", () => {
  const names = new Set(cases.map(({ record }) => record.name));
  expect(runningKernels.filter(({ name }) => !names.has(name))).toEqual([]);
});
