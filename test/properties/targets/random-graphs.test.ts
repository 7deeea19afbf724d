// One random graph, all targets: with the target's own kernels and with loops alone, fused or apart, each
// gives the logits of the reference evaluator.

import fc from "fast-check";
import { describe, expect, test } from "vitest";

import type { Random } from "../../../src/base/index.js";
import { createRandom } from "../../../src/base/index.js";
import type { ValueId } from "../../../src/ir/index.js";
import { coreRegistry } from "../../../src/ir/index.js";
import { StepRunner } from "../../../src/runtime/index.js";
import type { TestTarget } from "../../support/all-targets.js";
import { findTestTargets } from "../../support/all-targets.js";
import { largest, logitsOf } from "../../support/compare-executors.js";
import { inTemporaryFolder } from "../../support/models.js";
import type { ProgramBuilder, SmallProgram } from "../../support/small-program.js";
import { compileSmall, openSmall, referenceOf, smallProgram } from "../../support/small-program.js";
import { firstDifference, modelTolerance } from "../../support/tolerances.js";

const targets = (await findTestTargets()).filter(({ missing }) => missing === undefined);

/** A value [T, width] with its width. */
interface Row {
  readonly value: ValueId;
  readonly width: number;
}

type Draw = (parts: ProgramBuilder, random: Random, rows: readonly Row[]) => Row;

/** Functions whose results stay as small as their operands, so that errors do too. */
const bounded = ["tanh", "sigmoid", "silu", "gelu", "gelu_tanh", "neg", "abs", "sin", "cos"];

const draws: readonly Draw[] = [
  ({ builder }, random, rows) => {
    const { value, width } = pick(random, rows);
    return { value: builder.op(pick(random, bounded), [value]), width };
  },
  ({ builder, weight }, random, rows) => {
    const { value, width } = pick(random, rows);
    const same = rows.filter((row) => row.width === width);
    const other = random.below(2) === 0 ? weight(width) : pick(random, same).value;
    return { value: builder.op(pick(random, ["add", "sub", "maximum"]), [value, other]), width };
  },
  ({ builder, weight }, random, rows) => {
    const from = pick(random, rows);
    const width = pick(random, [1, 6, 13, 24]);
    const norm = builder.op("rms_norm", [from.value, weight(from.width)], { epsilon: 1e-5 });
    return { value: builder.op("matmul", [norm, weight(from.width, width)]), width };
  },
  ({ builder }, random, rows) => {
    const { value, width } = pick(random, rows);
    return { value: builder.op("softmax", [value], { axis: 1 }), width };
  },
  ({ builder }, random, rows) => {
    const { value, width } = pick(random, rows);
    const op = pick(random, ["reduce_mean", "reduce_max"]);
    return { value: builder.op("sub", [value, builder.op(op, [value], { axis: 1, keep: true })]), width };
  },
  ({ builder }, random, rows) => {
    const [a, b] = [pick(random, rows), pick(random, rows)];
    return { value: builder.op("concat", [a.value, b.value], { axis: 1 }), width: a.width + b.width };
  },
  ({ builder }, random, rows) => {
    const { value, width } = pick(random, rows);
    const size = 1 + random.below(width);
    const start = random.below(width - size + 1);
    return { value: builder.op("slice", [value], { axis: 1, start, size }), width: size };
  },
];

function drawProgram(seed: number, length: number): SmallProgram {
  const random = createRandom(seed);
  const width = pick(random, [5, 8, 16]);
  return smallProgram(coreRegistry, seed, width, (parts, x) => {
    const rows: Row[] = [{ value: x, width }];
    for (let i = 0; i < length; i++) rows.push(pick(random, draws)(parts, random, rows));
    return rows.at(-1)?.value ?? x;
  });
}

const steps = [[3, 1], [1, 4]];

async function expectSame(program: SmallProgram, seed: number, row: TestTarget): Promise<void> {
  const { hostFor, target, title } = row;
  await inTemporaryFolder(async (folder) => {
    const expected = await logitsOf(new StepRunner(referenceOf(program, folder)), steps, seed);
    const tolerance = modelTolerance(2, 48, largest(expected));
    for (const without of [[], [`lower/${target}`], [`lower/${target}`, "lower/loops"]]) {
      const host = hostFor(folder);
      const executor = await openSmall(host, compileSmall(program, host, folder, { target, without }));
      const actual = await logitsOf(new StepRunner(executor), steps, seed);
      await executor.close();
      const differences = actual.flatMap((each, i) => firstDifference(each, expected[i]!, tolerance) ?? []);
      expect(`${title} without ${without.join(", ")}: ${differences.join("; ")}`).toBe(
        `${title} without ${without.join(", ")}: `,
      );
    }
  });
}

describe.skipIf(targets.length === 0)("random graphs", () => {
  test("give the same on every target, however they are lowered", { timeout: 400_000 }, async () => {
    const runs = { numRuns: 3, endOnFailure: true, ...(process.env["CI"] === "true" ? { seed: 11 } : {}) };
    await fc.assert(
      fc.asyncProperty(fc.nat(10_000), fc.integer({ min: 2, max: 9 }), async (seed, length) => {
        const program = drawProgram(seed, length);
        for (const row of targets) await expectSame(program, seed, row);
      }),
      runs,
    );
  });
});

function pick<T>(random: Random, list: readonly T[]): T {
  return list[random.below(list.length)]!;
}
