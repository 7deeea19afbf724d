// Programs whose kernels are all printed from loops: neighbours become one where that is cheaper, the rules
// behind it are named, and the program computes the same on every target.

import { describe, expect, test } from "vitest";

import type { Compilation } from "../../src/compiler/index.js";
import { createNodeHost } from "../../src/host/index.js";
import { coreRegistry } from "../../src/ir/index.js";
import { explainKernels } from "../../src/optimizer/index.js";
import { StepRunner } from "../../src/runtime/index.js";
import { findTestTargets } from "../support/all-targets.js";
import { largest, logitsOf } from "../support/compare-executors.js";
import { inTemporaryFolder } from "../support/models.js";
import { compileSmall, openSmall, referenceOf, smallProgram } from "../support/small-program.js";
import { firstDifference, modelTolerance } from "../support/tolerances.js";

/** A gated block with biases, sums of rows, and a value with two readers. */
const program = smallProgram(coreRegistry, 5, 12, ({ builder, weight }, x) => {
  const up = builder.op("add", [builder.op("matmul", [x, weight(12, 18)]), weight(18)]);
  const gate = builder.op("gelu", [builder.op("matmul", [x, weight(12, 18)])]);
  const product = builder.op("mul", [up, builder.op("tanh", [gate])]);
  const down = builder.op("matmul", [product, weight(18, 12)]);
  const centred = builder.op("sub", [down, builder.op("reduce_mean", [down], { axis: 1, keep: true })]);
  return builder.op("add", [centred, builder.op("neg", [x])]);
});

const targets = await findTestTargets();

function kernelsOf({ plan }: Compilation): readonly string[] {
  return plan.functions.flatMap(({ calls }) => calls.flatMap((call) => (call.kind === "kernel" ? [call.kernel] : [])));
}

describe("a program of loop kernels", () => {
  test.for(targets)("computes the same when they are fused, on $title", { timeout: 180_000 }, async (row, { skip }) => {
    const { missing, hostFor, target } = row;
    skip(missing !== undefined, missing);
    await inTemporaryFolder(async (folder) => {
      const host = hostFor(folder);
      const without = [`lower/${target}`];
      const compilation = compileSmall(program, host, folder, { target, without });
      const apart = compileSmall(program, host, folder, { target, without: [...without, "lower/loops"] });
      expect(kernelsOf(apart)).not.toContain("loops.fused");
      expect(kernelsOf(compilation)).toContain("loops.fused");
      expect(kernelsOf(compilation).length).toBeLessThan(kernelsOf(apart).length);
      const steps = [[3, 1], [1, 4]];
      const executor = await openSmall(host, compilation);
      const actual = await logitsOf(new StepRunner(executor), steps, 5);
      await executor.close();
      const expected = await logitsOf(new StepRunner(referenceOf(program, folder)), steps, 5);
      const tolerance = modelTolerance(1, 18, largest(expected));
      actual.forEach((each, i) => expect(firstDifference(each, expected[i]!, tolerance)).toBeUndefined());
    });
  });

  test("names the fusions behind each kernel, and what it computes", async () => {
    await inTemporaryFolder((folder) => {
      const compilation = compileSmall(program, createNodeHost(), folder, { target: "wgsl", without: ["lower/wgsl"] });
      const stories = explainKernels(compilation.optimized).filter(({ kernel }) => kernel === "loops.fused");
      expect(stories.length).toBeGreaterThan(0);
      for (const { term, rules } of stories) {
        expect(term).toMatch(/^\w+\(.*\w+\(/);
        expect(rules.some(({ file }) => file === "lower/loops.rules")).toBe(true);
      }
    });
  });
});
