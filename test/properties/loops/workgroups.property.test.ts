// Rows that lanes share: random kernels of rows give what they give when one lane does everything, no lane
// races with another, and each barrier is needed: without it the evaluator finds the race.

import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { InvariantError, createRandom } from "../../../src/base/index.js";
import type { Random } from "../../../src/base/index.js";
import type { LoopKernel, Scalar, Statement } from "../../../src/ir/index.js";
import {
  assign, binary, declare, index, load, local, loop, number, store, unary,
} from "../../../src/ir/index.js";
import {
  parseLoops, printLoops, runLoops, scheduleWorkgroups, verifyLoops, workgroupOf,
} from "../../../src/loops/index.js";

const runs = { numRuns: 150, ...(process.env["CI"] === "true" ? { seed: 5 } : {}) };

const row = index("i");

/** A few folds of a row, each a part of the next one, then a store to each element or one for the row. */
function drawRows(random: Random, width: number): LoopKernel {
  const body: Statement[] = [];
  let known: Scalar = number(0.5);
  const isPlace = random.below(4) === 0;
  for (let i = 1 + random.below(3); i > 0; i--) {
    const [name, k] = [`total${i}`, index(`k${i}`)];
    const element = drawElement(random, load("x", row, k), known);
    const operator = pick(random, ["add", "max", "min"] as const);
    body.push(declare(name, "f32", number(random.below(3) - 1)));
    const step = assign(name, binary(operator, local(name), element));
    const isGuarded = random.below(3) === 0;
    const guard = { kind: "if", condition: binary("gt", load("x", row, k), number(0)), then: [step] } as const;
    body.push(loop(`k${i}`, random.below(2) === 0 ? width : "W", "serial", [isGuarded ? guard : step]));
    known = local(name);
  }
  if (isPlace) body.push(...placeOfGreatest(width), store("y", [row, number(0, "i32")], local("place")));
  else {
    const j = index("j");
    const mode = pick(random, ["serial", "parallel"] as const);
    body.push(loop("j", width, mode, [store("y", [row, j], drawElement(random, load("x", row, j), known))]));
    if (random.below(2) === 0) body.push(...turned(width));
  }
  const shape = ["T", width];
  return {
    name: "rows",
    buffers: [
      { name: "x", dtype: "f32", shape, access: "read" },
      { name: "y", dtype: "f32", shape, access: "write" },
      { name: "z", dtype: "f32", shape, access: "write" },
    ],
    body: [loop("i", "T", "parallel", body)],
  };
}

/** Reads what the next lane has stored. */
function turned(width: number): readonly Statement[] {
  const next = binary("remainder", binary("add", index("r"), number(1, "i32")), number(width, "i32"));
  return [loop("r", width, "serial", [store("z", [row, index("r")], load("y", row, next))])];
}

function placeOfGreatest(width: number): readonly Statement[] {
  const v = index("v");
  const element = load("x", row, v);
  const better = [assign("greatest", element), assign("place", v)];
  return [
    declare("place", "i32", number(0, "i32")),
    declare("greatest", "f32", number(-Infinity)),
    loop("v", width, "serial", [{ kind: "if", condition: binary("gt", element, local("greatest")), then: better }]),
  ];
}

function drawElement(random: Random, x: Scalar, known: Scalar): Scalar {
  switch (random.below(4)) {
    case 0:
      return x;
    case 1:
      return binary("mul", x, known);
    case 2:
      return unary("abs", binary("sub", x, known));
    default:
      return unary("tanh", x);
  }
}

function pick<T>(random: Random, list: readonly T[]): T {
  return list[random.below(list.length)]!;
}

interface Drawn {
  readonly kernel: LoopKernel;
  readonly width: number;
  readonly memory: () => { readonly x: Float32Array; readonly y: Float32Array; readonly z: Float32Array };
}

const rows = 2;

function draw(seed: number, lanes: number): Drawn {
  const random = createRandom(seed);
  const width = lanes + random.below(5 * lanes);
  const kernel = drawRows(random, width);
  // Multiples of an eighth: few enough that sums are exact in any order.
  const x = Float32Array.from({ length: rows * width }, () => (random.below(33) - 16) / 8);
  const empty = (): Float32Array => new Float32Array(x.length);
  return { kernel, width, memory: () => ({ x, y: empty(), z: empty() }) };
}

const anyCase = fc.tuple(fc.integer(), fc.constantFrom(2, 4, 8));

describe("rows that lanes share", () => {
  test("are what one lane makes of them", () => {
    fc.assert(
      fc.property(anyCase, ([seed, lanes]) => {
        const { kernel, width, memory } = draw(seed, lanes);
        const made = scheduleWorkgroups(kernel, lanes);
        expect(verifyLoops(made)).toEqual([]);
        expect(workgroupOf(made.body)?.extent).toBe(lanes);
        expect(parseLoops(printLoops(made))).toEqual(made);
        const [alone, together] = [memory(), memory()];
        runLoops(kernel, alone, { T: rows, W: width });
        runLoops(made, together, { T: rows, W: width });
        for (const name of ["y", "z"] as const) {
          alone[name].forEach((wanted, i) => {
            const tolerance = 1e-4 * (1 + Math.abs(wanted));
            expect(Math.abs(together[name][i]! - wanted)).toBeLessThanOrEqual(tolerance);
          });
        }
      }),
      runs,
    );
  });

  test("race when any barrier is dropped", () => {
    let dropped = 0;
    fc.assert(
      fc.property(anyCase, ([seed, lanes]) => {
        const { kernel, width, memory } = draw(seed, lanes);
        const made = scheduleWorkgroups(kernel, lanes);
        for (let i = 0; i < countBarriers(made.body); i++, dropped++) {
          const broken = { ...made, body: withoutBarrier(made.body, i) };
          const attempt = (): void => runLoops(broken, memory(), { T: rows, W: width });
          expect(attempt).toThrow(InvariantError);
          expect(attempt).toThrow(/^race: iterations of the workgroup loop lane/);
        }
      }),
      runs,
    );
    expect(dropped).toBeGreaterThan(runs.numRuns);
  });
});

function countBarriers(body: readonly Statement[]): number {
  return body.reduce((count, each) => {
    return count + (each.kind === "barrier" ? 1 : each.kind === "for" ? countBarriers(each.body) : 0);
  }, 0);
}

/** The body without its barrier of this number. */
function withoutBarrier(body: readonly Statement[], which: number): readonly Statement[] {
  let before = 0;
  return body.flatMap((each) => {
    const inside = countBarriers([each]);
    const at = which - before;
    before += inside;
    if (at < 0 || at >= inside) return [each];
    return each.kind === "for" ? [{ ...each, body: withoutBarrier(each.body, at) }] : [];
  });
}
