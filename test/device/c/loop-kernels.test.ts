// Every op's loop form as compiled C, against the op's meaning: what lets an op run before anyone tunes it.

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { createRandom } from "../../../src/base/index.js";
import { coreOps } from "../../../src/ir/index.js";
import type { KernelCase } from "../../support/kernel-cases.js";
import { differences, drawCase, loopCases, loopTolerance } from "../../support/kernel-cases.js";
import type { Harness } from "./kernel-harness.js";
import { buildHarness, findTestCompiler } from "./kernel-harness.js";

const compiler = findTestCompiler();
const random = createRandom(11);

/** Ops of the cache with one of codes, which this target alone keeps. */
function codedCases(): readonly KernelCase[] {
  return coreOps.flatMap((record) => record.samples.flatMap((sample) => {
    const operands = sample.operands.map((type) => (type.kind === "kv_cache" ? { ...type, dtype: "i8" as const } : type));
    const hasCache = operands.some(({ kind }) => kind === "kv_cache");
    return hasCache && record.lower !== undefined ? [drawCase(random, record, { ...sample, operands })] : [];
  }));
}

const cases = [...loopCases(random), ...codedCases()];

describe.skipIf(compiler === undefined)("loop forms compiled as C", () => {
  let harness: Harness | undefined;

  beforeAll(() => {
    harness = buildHarness(cases, { compiler: compiler ?? "", flags: ["-O2", "-march=native"] });
  }, 120_000);

  afterAll(() => harness?.close());

  test.each([1, 3])("agree with what the ops mean, with %i threads", (threads) => {
    expect(differences(cases, harness?.run(threads) ?? [], loopTolerance)).toEqual([]);
  });
});
