// The text of loop kernels: what is printed reads back as the same kernel, for every op, for fused ones, and
// for random kernels of every construct; a damaged text is refused, and by nothing but a syntax error.

import fc from "fast-check";
import { expect, test } from "vitest";

import type { Random } from "../../../src/base/index.js";
import { createRandom } from "../../../src/base/index.js";
import type { DType, LoopKernel, OpRecord, Scalar, Statement } from "../../../src/ir/index.js";
import { coreOps, coreRegistry, dtypes, inferType, loopModes, tensor } from "../../../src/ir/index.js";
import {
  fusedRecord, hasLoopForm, loopKernel, LoopSyntaxError, parseLoops, printLoops, verifyLoops,
} from "../../../src/loops/index.js";

const records: readonly OpRecord[] = coreOps;
const runs = { numRuns: 150, ...(process.env["CI"] === "true" ? { seed: 3 } : {}) };

test("every op's kernels read back", () => {
  const kernels = records.filter(hasLoopForm).flatMap((record) =>
    record.samples.map(({ operands, attrs, result }) => {
      return loopKernel(record, operands, attrs, inferType(record, operands, attrs, result));
    }),
  );
  expect(kernels.length).toBeGreaterThan(60);
  for (const kernel of kernels) expect(parseLoops(printLoops(kernel))).toEqual(kernel);
});

test("a fused kernel reads back", () => {
  const fused = fusedRecord(coreRegistry);
  const [types, attrs] = [[tensor("f16", "T", 6), tensor("f16", 6)], { body: "softmax(rms_norm(%0, %1; epsilon: 0.5); axis: 1)" }];
  const kernel = loopKernel(fused, types, attrs, inferType(fused, types, attrs));
  expect(parseLoops(printLoops(kernel))).toEqual(kernel);
});

test("random kernels read back", () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const kernel = drawKernel(createRandom(seed));
      const text = printLoops(kernel);
      expect(parseLoops(text)).toEqual(kernel);
      expect(printLoops(parseLoops(text))).toBe(text);
    }),
    runs,
  );
});

test("a damaged text is refused with a line, or is another kernel", () => {
  let refused = 0;
  fc.assert(
    fc.property(fc.integer(), fc.nat(), fc.constantFrom("", " ", "(", "]", "x", "9", "\n"), (seed, where, by) => {
      const text = printLoops(drawKernel(createRandom(seed)));
      const at = where % text.length;
      const damaged = text.slice(0, at) + by + text.slice(at + 1);
      try {
        verifyLoops(parseLoops(damaged));
      } catch (error) {
        expect(error).toBeInstanceOf(LoopSyntaxError);
        expect((error as LoopSyntaxError).line).toBeGreaterThan(0);
        refused++;
      }
    }),
    runs,
  );
  expect(refused).toBeGreaterThan(0);
});

test.each([
  ["kernel k()\n  x = y\n", "line 2: no loop and no local around here is called `y`"],
  ["kernel k(read x: f9[2])\n", "line 1: there is no dtype `f9`"],
  ["kernel k(read x: f32[2])\n      serial i < 2\n", "line 2: a line is indented by 2, found 6"],
  ["kernel k()\n  let a: f32 = frob(1.0)\n", "line 2: there is no function `frob` of 1"],
  [`kernel k()\n  let a: f32 = ${"(".repeat(300)}\n`, "line 2: brackets are nested more than 256 deep"],
])("%j is refused where it is wrong", (text, message) => {
  expect(() => parseLoops(text)).toThrow(message);
});

/* ---- Random kernels ---- */

/** Names that a random statement may use. */
interface Names {
  readonly indices: readonly string[];
  readonly locals: readonly string[];
}

function drawKernel(random: Random): LoopKernel {
  const buffers = ["a", "b_1", "result"].map((name, i) => ({
    name,
    dtype: pick(random, dtypes),
    shape: Array.from({ length: random.below(3) }, () => drawDim(random)),
    access: (["read", "update", "write"] as const)[i]!,
  }));
  return { name: pick(random, ["k", "loops.x", "softmax"]), buffers, body: drawBody(random, 3, { indices: [], locals: [] }) };
}

function drawDim(random: Random): number | string {
  return random.below(2) === 0 ? random.below(40) : pick(random, ["T", "S", "P"]);
}

function drawBody(random: Random, depth: number, names: Names): readonly Statement[] {
  const body: Statement[] = [];
  let visible = names;
  for (let i = 1 + random.below(3); i > 0; i--) {
    const statement = drawStatement(random, depth, visible);
    body.push(statement);
    if (statement.kind === "let") visible = { ...visible, locals: [...visible.locals, statement.name] };
  }
  return body;
}

let fresh = 0;

function drawStatement(random: Random, depth: number, names: Names): Statement {
  const scalar = (): Scalar => drawScalar(random, 3, names);
  switch (random.below(depth > 0 ? 7 : 3)) {
    case 0:
      return { kind: "let", name: `v${fresh++}`, dtype: pick(random, dtypes), value: scalar() };
    case 1:
      if (names.locals.length > 0) return { kind: "assign", name: pick(random, names.locals), value: scalar() };
      return { kind: "store", buffer: "result", indices: [], value: scalar() };
    case 2: {
      const indices = Array.from({ length: random.below(3) }, scalar);
      return { kind: "store", buffer: pick(random, ["result", "b_1"]), indices, value: scalar() };
    }
    case 3:
      return { kind: "if", condition: scalar(), then: drawBody(random, depth - 1, names) };
    case 4:
      return { kind: "barrier" };
    case 5: {
      const shape = Array.from({ length: random.below(3) }, () => random.below(40));
      return { kind: "shared", name: `m${fresh++}`, dtype: pick(random, dtypes), shape };
    }
    default: {
      const index = `i${fresh++}`;
      const inner = { ...names, indices: [...names.indices, index] };
      const mode = pick(random, loopModes);
      const stride = random.below(2) === 0 ? {} : { stride: { from: scalar(), by: random.below(9) } };
      const body = drawBody(random, depth - 1, inner);
      return { kind: "for", index, extent: drawDim(random), mode, ...stride, body };
    }
  }
}

const numbers = [0, -0, 1, -1, 0.1, 1e-7, 1e21, -2.5e-38, 3.4e38, Infinity, -Infinity, 16777216];

function drawScalar(random: Random, depth: number, names: Names): Scalar {
  const part = (): Scalar => drawScalar(random, depth - 1, names);
  switch (random.below(depth > 0 ? 9 : 4)) {
    case 0:
      return drawNumber(random);
    case 1:
      return names.indices.length > 0 ? { kind: "index", name: pick(random, names.indices) } : drawNumber(random);
    case 2:
      return names.locals.length > 0 ? { kind: "local", name: pick(random, names.locals) } : drawNumber(random);
    case 3:
      return { kind: "extent", dim: drawDim(random) };
    case 4:
      return { kind: "load", buffer: "a", indices: Array.from({ length: random.below(3) }, part) };
    case 5:
      return { kind: "unary", operator: pick(random, ["neg", "not", "exp2", "erf", "round"] as const), operand: part() };
    case 6: {
      const operator = pick(random, ["add", "sub", "div", "quotient", "pow", "max", "le", "lt", "ge", "and", "or"] as const);
      return { kind: "binary", operator, left: part(), right: part() };
    }
    case 7:
      return { kind: "select", condition: part(), then: part(), otherwise: part() };
    default:
      return { kind: "cast", dtype: pick(random, dtypes), operand: part() };
  }
}

function drawNumber(random: Random): Scalar {
  const dtype: DType = pick(random, dtypes);
  const isWhole = dtype === "i32";
  return { kind: "number", value: isWhole ? random.below(200) - 100 : pick(random, numbers), dtype };
}

function pick<T>(random: Random, list: readonly T[]): T {
  return list[random.below(list.length)]!;
}
