// The C text of loop kernels: how work is dealt out, how indices and scalars are written. That the text means
// the same as the loop form is what test/device/c/loop-kernels.test.ts shows.

import { expect, test } from "vitest";

import type { Attrs, LoopKernel, ValueType } from "../../../src/ir/index.js";
import {
  binary, cast, coreRegistry, declare, index, inferType, load, local, loop, number, select, store, tensor,
  unary,
} from "../../../src/ir/index.js";
import { loopKernel } from "../../../src/loops/index.js";
import { printLoopKernelC } from "../../../src/codegen/index.js";

function printOp(op: string, operands: readonly ValueType[], attrs: Attrs = {}): string {
  const record = coreRegistry.require(op);
  return printLoopKernelC(loopKernel(record, operands, attrs, inferType(record, operands, attrs)), op).text;
}

/** A kernel that stores one scalar expression of the buffer `a` for each i. */
function bodyOf(value: LoopKernel["body"][number] & { kind: "store" }): string {
  const kernel: LoopKernel = {
    name: "test",
    buffers: [
      { name: "a", dtype: "f32", shape: ["T"], access: "read" },
      { name: "n", dtype: "i32", shape: ["T"], access: "read" },
      { name: "result", dtype: "f32", shape: ["T"], access: "write" },
    ],
    body: [loop("i", "T", "parallel", [value])],
  };
  return /result\[i\] = (.*);/.exec(printLoopKernelC(kernel, "test").text)?.[1] ?? "";
}

const scalar = (value: Parameters<typeof store>[2]): string =>
  bodyOf(store("result", [index("i")], value) as LoopKernel["body"][number] & { kind: "store" });

const a = load("a", index("i"));
const n = load("n", index("i"));

test("an elementwise op splits long rows in pieces, and its innermost loop stays a plain loop", () => {
  expect(printOp("add", [tensor("f32", "T", 2048), tensor("f32", 2048)])).toBe(
    `KERNEL add(const Worker *worker, int64_t T, const float *a, const float *b, float *restrict result) {
  for (Shares shares = shares_of(worker, T * 8); next_share(&shares);)
    for (int64_t unit = shares.first; unit < shares.end; unit++) {
      const int64_t i0 = unit / 8;
      const int64_t first = unit % 8 * 256;
      const int64_t end = first + 256 < 2048 ? first + 256 : 2048;
      for (int64_t i1 = first; i1 < end; i1++) {
        result[i0 * 2048 + i1] = a[i0 * 2048 + i1] + b[i1];
      }
    }
}
`,
  );
});

test("a product deals out its elements", () => {
  expect(printOp("matmul", [tensor("f32", "T", 4), tensor("f32", 4, 3)])).toBe(
    `KERNEL matmul(const Worker *worker, int64_t T, const float *a, const float *b, float *restrict result) {
  for (Shares shares = shares_of(worker, T * 3); next_share(&shares);)
    for (int64_t unit = shares.first; unit < shares.end; unit++) {
      const int64_t i0 = unit / 3;
      const int64_t i1 = unit % 3;
      float sum = 0.0f;
      for (int64_t k = 0; k < 4; k++) {
        sum = sum + a[i0 * 4 + k] * b[k * 3 + i1];
      }
      result[i0 * 3 + i1] = sum;
    }
}
`,
  );
});

test("a scalar is computed by one thread", () => {
  expect(printOp("neg", [tensor("f32")])).toContain("  for (Shares shares = shares_of(worker, 1); next_share(&shares);) {\n    result[0] = -x[0];\n  }\n");
});

test("16-bit floats are widened when loaded and rounded when stored, but not when they are only moved", () => {
  expect(printOp("neg", [tensor("f16", 4)])).toContain("result[i0] = to_half(-from_half(x[i0]));");
  expect(printOp("transpose", [tensor("bf16", 4, 3)], { permutation: [1, 0] })).toContain("= x[i1 * 3 + i0];");
});

test("offsets from loaded indices are computed in 64 bits", () => {
  expect(printOp("gather", [tensor("f32", 9, 4), tensor("i32", "T")])).toContain("table[(int64_t)indices[i0] * 4 + i1]");
});

test("an operand that is not read is still a parameter", () => {
  expect(printOp("full_like", [tensor("f32", 4)], { value: 2 })).toContain("(void)x;");
});

test.each([
  ["precedence", binary("mul", binary("add", a, number(1)), a), "(a[i] + 1.0f) * a[i]"],
  ["left association", binary("sub", a, binary("sub", a, number(2))), "a[i] - (a[i] - 2.0f)"],
  ["signs in a row", unary("neg", unary("neg", a)), "-(-a[i])"],
  ["a negative number", binary("sub", a, number(-1)), "a[i] - -1.0f"],
  ["maxima keep a NaN", binary("max", a, number(-Infinity)), "larger(a[i], -INFINITY)"],
  ["a choice", select(binary("lt", a, number(0)), number(0), a), "a[i] < 0.0f ? 0.0f : a[i]"],
  ["a choice inside", binary("add", select(binary("lt", a, a), a, a), a), "(a[i] < a[i] ? a[i] : a[i]) + a[i]"],
  ["integers to floats", cast("f32", binary("add", n, number(1, "i32"))), "(float)(n[i] + 1)"],
  ["floats to integers saturate", cast("f32", cast("i32", a)), "(float)to_i32(a[i])"],
  ["rounding to f16 in between", cast("f16", a), "from_half(to_half(a[i]))"],
  ["connectives", cast("f32", binary("or", binary("and", n, n), unary("not", n))), "(float)((n[i] && n[i]) || !n[i])"],
])("%s: %#", (_, value, text) => {
  expect(scalar(value)).toBe(text);
});

test("names that C has taken get an underscore", () => {
  const kernel: LoopKernel = {
    name: "test",
    buffers: [{ name: "double", dtype: "f32", shape: [2], access: "write" }],
    body: [
      loop("int", 2, "parallel", [declare("float", "f32", number(1)), store("double", [index("int")], local("float"))]),
    ],
  };
  expect(printLoopKernelC(kernel, "test").text).toContain("double_[int_] = float_;");
});
