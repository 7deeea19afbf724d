// Every kernel of the C target against its meaning, as compiled code: for this machine and for the plainest
// x86-64, with one thread and several, and under the sanitizers.

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { createRandom } from "../../../src/base/index.js";
import { concreteType, typeBytes } from "../../../src/ir/index.js";
import { differences, kernelTolerance } from "../../support/kernel-cases.js";
import type { BuildOptions, KernelCase, Harness } from "./kernel-harness.js";
import { buildHarness, findTestCompiler, findTool } from "./kernel-harness.js";
import { kernelCases, runningKernels } from "./kernel-cases.js";

const compiler = findTestCompiler();
const cases = kernelCases(createRandom(5));

/** The sanitizers make a product slow to compile: one of each format will do. */
const fewProducts = cases.filter(({ record, operandTypes: [, w] }) => {
  if (record.name === "c.matmul") return false;
  return record.name !== "c.matmul_add" || (w?.kind === "packed" && Number(w.shape[0]) > 1000);
});

const integerProducts = cases.filter(({ record }) => record.name.startsWith("c.integer_matmul"));

const cross = findTool("aarch64-linux-gnu-gcc", "integer products for AArch64");
const emulator = cross === undefined ? undefined : findTool("qemu-aarch64", "integer products for AArch64");

interface Build extends Omit<BuildOptions, "compiler"> {
  readonly name: string;
  readonly compiler: string | undefined;
  readonly cases: readonly KernelCase[];
}

const ofArm = { compiler: emulator === undefined ? undefined : cross, emulator, cases: integerProducts };

const builds: readonly Build[] = [
  { name: "for this machine", compiler, flags: ["-O3", "-march=native"], cases },
  ...(process.arch === "x64"
    ? [
        { name: "for AVX2", compiler, flags: ["-O2", "-march=x86-64-v3"], cases },
        { name: "for the plainest x86-64", compiler, flags: ["-O2", "-march=x86-64"], cases },
      ]
    : []),
  {
    name: "with sanitizers", compiler,
    flags: ["-O0", "-march=native", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
    cases: fewProducts,
  },
  ...["dotprod", "dotprod+i8mm"].map((parts): Build => {
    return { name: `for AArch64 with ${parts}`, flags: ["-O2", "-static", `-march=armv8.2-a+${parts}`], ...ofArm };
  }),
];

const possible = builds.flatMap(({ compiler, ...build }) =>
  compiler === undefined ? [] : [{ ...build, compiler }],
);

describe.each(possible)("kernels compiled $name", ({ cases, ...build }) => {
  let harness: Harness | undefined;

  beforeAll(() => {
    harness = buildHarness(cases, build);
  }, 300_000);

  afterAll(() => harness?.close());

  test("agree with what they mean", () => {
    expect(differences(cases, requireHarness(harness).run(1), kernelTolerance)).toEqual([]);
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
  expect(new Set(cases.map(({ record }) => record.name)).size).toBe(runningKernels.length);
});
