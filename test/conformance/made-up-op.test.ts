// An op that nobody has heard of: its record below is all that is added, and a program that uses it compiles
// and runs on every target, with loops printed from the record and fused like any other's.

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { describe, expect, test } from "vitest";

import { cudaBackend } from "../../backends/cuda/index.js";
import { createNodeHost } from "../../src/host/index.js";
import {
  binary, coreRegistry, defineOp, index, load, loop, number, store, tensor, tensorValue, unary,
} from "../../src/ir/index.js";
import { StepRunner } from "../../src/runtime/index.js";
import { findTestTargets } from "../support/all-targets.js";
import { largest, logitsOf } from "../support/compare-executors.js";
import { inTemporaryFolder } from "../support/models.js";
import { compileSmall, openSmall, referenceOf, smallProgram } from "../support/small-program.js";
import { firstDifference, modelTolerance } from "../support/tolerances.js";
import { findCudaMachine } from "../device/cuda/toolchains.js";

/** x / (1 + |x|) */
const softsign = defineOp({
  name: "softsign",
  doc: "x / (1 + |x|)",
  operands: ["x"],
  attrs: {},
  traits: ["pure", "elementwise"],
  infer: ([x]) => x ?? tensor("f32"),
  evaluate: ([x]) => {
    if (x?.kind !== "tensor") throw new TypeError("softsign takes a tensor");
    return tensorValue("f32", x.shape, Array.from(x.data, (each) => each / (1 + Math.abs(each))));
  },
  work: ([x]) => ({ flops: 3 * (x?.kind === "tensor" ? x.shape.reduce<number>((n, dim) => n * Number(dim), 1) : 0) }),
  lower: ({ result }) => {
    const shape = result.kind === "tensor" ? result.shape : [];
    const at = shape.map((_, i) => index(`i${i}`));
    const x = load("x", ...at);
    const value = binary("div", x, binary("add", number(1), unary("abs", x)));
    return shape.reduceRight((body, extent, i) => [loop(`i${i}`, extent, "parallel", body)], [store("result", at, value)]);
  },
  samples: [{ operands: [tensor("f32", "T", 5)], attrs: {}, dims: { T: 3 } }],
});

const program = smallProgram(coreRegistry.extend([softsign]), 3, 12, ({ builder, weight }, x) => {
  const inner = builder.op("softsign", [builder.op("matmul", [x, weight(12, 20)])]);
  return builder.op("softsign", [builder.op("matmul", [inner, weight(20, 12)])]);
});

const targets = await findTestTargets();
const { nvcc } = await findCudaMachine();

describe("a made-up elementwise op", () => {
  test.for(targets)("runs on $title", { timeout: 120_000 }, async ({ missing, hostFor, target }, { skip }) => {
    skip(missing !== undefined, missing);
    await inTemporaryFolder(async (folder) => {
      const host = hostFor(folder);
      const compilation = compileSmall(program, host, folder, { target });
      expect(compilation.files.some(({ text }) => text.includes("softsign"))).toBe(true);
      const executor = await openSmall(host, compilation);
      const steps = [[3, 1], [1, 4]];
      const actual = await logitsOf(new StepRunner(executor), steps, 5);
      await executor.close();
      const expected = await logitsOf(new StepRunner(referenceOf(program, folder)), steps, 5);
      expect(actual.length).toBe(9);
      const tolerance = modelTolerance(1, 20, largest(expected));
      actual.forEach((each, i) => expect(firstDifference(each, expected[i]!, tolerance)).toBeUndefined());
    });
  });

  test.skipIf(nvcc === undefined)("is compiled by nvcc", { timeout: 120_000 }, async () => {
    await inTemporaryFolder(async (folder) => {
      const host = createNodeHost();
      for (const { path, text } of compileSmall(program, host, folder, { target: "cuda" }).files) {
        mkdirSync(dirname(join(folder, path)), { recursive: true });
        writeFileSync(join(folder, path), text);
      }
      const { compiler } = await cudaBackend.build(host, folder, { arch: "sm_80" });
      expect(compiler).toContain("nvcc");
    });
  });
});
