// Every kernel of the CUDA target, and every op's loop form as a CUDA kernel, against what they mean: on the
// CPU through the emulator with sanitizers, with threads in both orders; on a GPU where there is one.

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { createRandom } from "../../../src/base/index.js";
import { differences, kernelTolerance, loopCases, loopTolerance } from "../../support/kernel-cases.js";
import type { Tolerance } from "../../support/tolerances.js";
import type { KernelCase } from "./kernel-cases.js";
import { kernelCases, runningKernels } from "./kernel-cases.js";
import type { Harness, Toolchain } from "./kernel-harness.js";
import { buildHarness } from "./kernel-harness.js";
import { emulator, findCudaMachine, hasEmulator } from "./toolchains.js";

const cases = [...kernelCases(createRandom(5)), ...loopCases(createRandom(11))];
const { nvcc, gpu } = await findCudaMachine();

function toleranceOf(each: KernelCase): Tolerance {
  return each.record.name.startsWith("cuda.") ? kernelTolerance(each) : loopTolerance(each);
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
      expect(differences(cases, harness?.run(environment) ?? [], toleranceOf)).toEqual([]);
    }
  });
});

test("every running kernel has cases", () => {
  const names = new Set(cases.map(({ record }) => record.name));
  expect(runningKernels.filter(({ name }) => !names.has(name))).toEqual([]);
});
