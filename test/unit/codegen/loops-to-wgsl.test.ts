// What the printer of WGSL decides by itself: types, conversions, parentheses, invocations.

import { describe, expect, test } from "vitest";

import { printLoopKernelWgsl, wgslFloat, wgslIdentifier } from "../../../src/codegen/index.js";
import type { LoopBuffer, Scalar, Statement } from "../../../src/ir/index.js";
import { binary, cast, declare, index, load, local, loop, number, select, store, unary } from "../../../src/ir/index.js";

const x: LoopBuffer = { name: "x", dtype: "f32", shape: ["T", 4], access: "read" };
const mask: LoopBuffer = { name: "mask", dtype: "i1", shape: ["T"], access: "read" };
const result: LoopBuffer = { name: "result", dtype: "f32", shape: ["T", 4], access: "write" };

function printed(body: readonly Statement[], buffers: readonly LoopBuffer[] = [x, mask, result]): string {
  return printLoopKernelWgsl({ name: "kernel", buffers, body }).text;
}

/** The text of one value, stored for every element. */
function valueText(value: Scalar): string {
  const body = [loop("t", "T", "parallel", [loop("d", 4, "parallel", [store("result", [index("t"), index("d")], value)])])];
  return /write_result\(t \* 4 \+ d, (.*)\);/.exec(printed(body))?.[1] ?? "";
}

const element = load("x", index("t"), index("d"));
const visible = load("mask", index("t"));

describe("values", () => {
  const cases: readonly (readonly [string, Scalar])[] = [
    ["read_x(t * 4 + d) * (read_x(t * 4 + d) + 1.0)", binary("mul", element, binary("add", element, number(1)))],
    ["f32(t) * 0.5", binary("mul", index("t"), number(0.5))],
    ["select(0.0, read_x(t * 4 + d), read_mask(t))", select(visible, element, number(0))],
    ["f32(i32(read_mask(t)) + 1)", binary("add", visible, number(1, "i32"))],
    ["f32(t < 3 && !read_mask(t))", binary("and", binary("lt", index("t"), number(3, "i32")), unary("not", visible))],
    ["-(-1.0)", unary("neg", number(-1))],
    ["-infinity()", number(-Infinity)],
    ["exponential(-read_x(t * 4 + d))", unary("exp", unary("neg", element))],
    ["round_to_half(read_x(t * 4 + d))", cast("f16", element)],
    ["f32(clamp(to_i32(read_x(t * 4 + d)), -128, 127))", cast("i8", element)],
    ["larger(read_x(t * 4 + d), 0.0)", binary("max", element, number(0))],
    ["f32(max(t, d))", binary("max", index("t"), index("d"))],
  ];
  test.each(cases)("%s", (text, value) => {
    expect(valueText(value)).toBe(text);
  });
});

test("truth values joined by both connectives get parentheses, which WGSL asks for", () => {
  const [a, b] = [visible, binary("lt", index("t"), number(2, "i32"))];
  expect(valueText(binary("or", binary("and", a, b), b))).toBe("f32((read_mask(t) && t < 2) || t < 2)");
});

test("parallel loops become invocations, counted over two axes, and others loops", () => {
  const body = [
    loop("t", "T", "parallel", [
      declare("sum", "f32", number(0)),
      loop("d", 4, "serial", [store("result", [index("t"), index("d")], local("sum"))]),
    ]),
  ];
  const kernel = printLoopKernelWgsl({ name: "kernel", buffers: [result], body });
  expect(kernel.units).toEqual(["T"]);
  expect([...kernel.written]).toEqual(["result"]);
  expect(kernel.text).toContain("let unit = i32((group.y * groups.x + group.x) * 64u + lane);\n  if (unit >= T) { return; }");
  expect(kernel.text).toContain("for (var d = 0; d < 4; d++) {\n    write_result(t * 4 + d, sum);");
});

test("of a cache a kernel sees its own layer", () => {
  const cache: LoopBuffer = { name: "cache_keys", dtype: "f32", shape: [2, "P", 4], access: "read" };
  const value = load("cache_keys", load("layer"), index("t"), number(1, "i32"));
  const layer: LoopBuffer = { name: "layer", dtype: "i32", shape: [], access: "read" };
  const body = [loop("t", "T", "parallel", [store("result", [index("t"), number(0, "i32")], value)])];
  const kernel = { name: "kernel", buffers: [cache, layer, result], body };
  expect(printLoopKernelWgsl(kernel, new Set(["cache_keys"])).text).toContain("read_cache_keys(t * 4 + 1)");
});

test("names that WGSL keeps for itself, and text that is no name", () => {
  expect(["from", "target", "x", "2d", "a-b", "__x", "_"].map(wgslIdentifier)).toEqual(
    ["from_", "target_", "x", "n2d", "a_b", "_x", "__"],
  );
  expect([0.1, 3, -0, 1e-30, NaN].map(wgslFloat)).toEqual(
    ["0.10000000149011612", "3.0", "-0.0", "1.0000000031710769e-30", "not_a_number()"],
  );
});
