// Every op's loop form as compiled C, against the op's meaning: what lets an op run before anyone tunes it.

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { createRandom } from "../../../src/base/index.js";
import { differences, loopCases, loopTolerance } from "../../support/kernel-cases.js";
import type { Harness } from "./kernel-harness.js";
import { buildHarness, findTestCompiler } from "./kernel-harness.js";

const compiler = findTestCompiler();
const cases = loopCases(createRandom(11));

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
