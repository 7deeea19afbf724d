// Loop kernels: their text, what the verifier refuses, and what running them finds.

import { describe, expect, test } from "vitest";

import { InvariantError } from "../../../src/base/index.js";
import type { KvCacheType, LoopKernel, QuantizedType, Statement } from "../../../src/ir/index.js";
import {
  assign,
  binary,
  coreRegistry,
  declare,
  index,
  inferType,
  load,
  local,
  loop,
  number,
  store,
  tensor,
} from "../../../src/ir/index.js";
import { kernelBuffers, loopKernel, printLoops, runLoops, verifyLoops } from "../../../src/loops/index.js";

/** A kernel that reads x and writes y, both of 4 elements. */
function kernel(...body: readonly Statement[]): LoopKernel {
  const shape = [4];
  return {
    name: "k",
    buffers: [
      { name: "x", dtype: "f32", shape, access: "read" },
      { name: "y", dtype: "f32", shape, access: "write" },
    ],
    body,
  };
}

const i = index("i");
const j = index("j");
const zero = number(0, "i32");

function over(mode: "serial" | "parallel", ...body: readonly Statement[]): Statement {
  return loop("i", 4, mode, body);
}

describe("the text of a kernel", () => {
  test("names buffers, loops and locals", () => {
    const record = coreRegistry.require("matmul");
    const operands = [tensor("f32", "T", 8), tensor("f32", 8, 3)];
    const text = printLoops(loopKernel(record, operands, {}, inferType(record, operands, {})));
    expect(text).toBe(`kernel matmul(read a: f32[T, 8], read b: f32[8, 3], write result: f32[T, 3])
  parallel i0 < T
    parallel i1 < 3
      let sum: f32 = 0.0
      serial k < 8
        sum = (sum + (f32(a[i0, k]) * f32(b[k, i1])))
      result[i0, i1] = sum
`);
  });

  test("writes conditions and choices", () => {
    const place = binary("remainder", binary("add", i, number(1, "i32")), number(4, "i32"));
    const value = {
      kind: "select",
      condition: binary("lt", load("x", i), number(0.5)),
      then: number(-Infinity),
      otherwise: load("x", place),
    } as const;
    const guarded: Statement = {
      kind: "if",
      condition: binary("ne", i, zero),
      then: [store("y", [i], value)],
    };
    expect(printLoops(kernel(over("serial", guarded)))).toBe(`kernel k(read x: f32[4], write y: f32[4])
  serial i < 4
    if (i != 0)
      y[i] = ((x[i] < 0.5) ? -inf : x[((i + 1) % 4)])
`);
  });
});

describe("buffers of operands", () => {
  const cache: KvCacheType = {
    kind: "kv_cache",
    layers: 2,
    blockSize: 4,
    heads: 1,
    headDim: 8,
    dtype: "f16",
  };

  test("a cache is two, and an op that returns it updates them", () => {
    const perToken = tensor("i32", "T");
    const rows = tensor("f32", "T", 1, 8);
    const record = coreRegistry.require("append_kv");
    const operands = [cache, rows, rows, tensor("i32"), tensor("i32", "S", "B"), perToken, perToken];
    const buffers = kernelBuffers(record, operands, cache);
    const shape = [2, "P", 4, 1, 8];
    expect(buffers.slice(0, 2)).toEqual([
      { name: "cache_keys", dtype: "f16", shape, access: "update" },
      { name: "cache_values", dtype: "f16", shape, access: "update" },
    ]);
    expect(buffers.map((each) => each.name)).not.toContain("result");
  });

  test("a quantized matrix is codes and scales, variadic operands are numbered", () => {
    const q: QuantizedType = { kind: "quantized", shape: [64, 3], bits: 4, group: 32, scaleDtype: "f16" };
    const dequantize = kernelBuffers(coreRegistry.require("dequantize"), [q], tensor("f32", 64, 3));
    expect(dequantize.slice(0, 2)).toEqual([
      { name: "q_codes", dtype: "i8", shape: [64, 3], access: "read" },
      { name: "q_scales", dtype: "f16", shape: [2, 3], access: "read" },
    ]);
    const part = tensor("f32", 2);
    const concat = kernelBuffers(coreRegistry.require("concat"), [part, part, part], tensor("f32", 6));
    expect(concat.map((each) => each.name)).toEqual(["parts0", "parts1", "parts2", "result"]);
  });
});

describe("the verifier refuses", () => {
  const fill = store("y", [i], number(0));
  test.each<[string, LoopKernel]>([
    ["there is no buffer `z`", kernel(over("serial", store("y", [i], load("z", i))))],
    ["`x` has 1 dimensions, found 2 indices", kernel(over("serial", store("y", [i], load("x", i, i))))],
    ["`y` has 1 dimensions, found 0 indices", kernel(store("y", [], number(0)))],
    ["`x` is only read, but the kernel stores to it", kernel(over("serial", store("x", [i], number(0))))],
    ["no loop around here has the variable `i`", kernel(over("serial", fill), fill)],
    ["`s` is read but not declared", kernel(store("y", [zero], local("s")))],
    ["`s` is assigned but not declared", kernel(assign("s", number(0)))],
    [
      "`s` is read but not declared",
      kernel(over("serial", declare("s", "f32", number(0))), store("y", [zero], local("s"))),
    ],
    ["`s` is declared twice", kernel(declare("s", "f32", number(0)), declare("s", "f32", number(0)))],
    ["`x` is declared twice", kernel(declare("x", "f32", number(0)))],
    ["`i` is declared twice", kernel(over("serial", over("serial", fill)))],
    ["the loop `j` has the extent -1", kernel(loop("j", -1, "serial", []))],
    [
      "`s` is assigned by the iterations of a parallel loop around which it is declared",
      kernel(declare("s", "f32", number(0)), over("parallel", assign("s", load("x", i)))),
    ],
  ])("%s", (finding, refused) => {
    expect(verifyLoops(refused)).toEqual([finding]);
  });

  const lane = index("lane");
  const shared = { kind: "shared", name: "s", dtype: "f32", shape: [4] } as const;
  const barrier = { kind: "barrier" } as const;
  const lanes = (...body: readonly Statement[]): Statement => loop("lane", 4, "workgroup", body);
  const odd: Statement = { kind: "if", condition: binary("remainder", lane, number(2, "i32")), then: [barrier] };
  const strided: Statement = {
    kind: "for", index: "j", extent: 9, mode: "serial", stride: { from: lane, by: 4 }, body: [barrier],
  };
  const nowhere = "a barrier stands where not all lanes of a workgroup come by alike";
  test.each<[string, LoopKernel]>([
    [nowhere, kernel(barrier)],
    [nowhere, kernel(over("parallel", barrier))],
    [nowhere, kernel(lanes(odd))],
    [nowhere, kernel(lanes(strided))],
    [nowhere, kernel(lanes(loop("j", 4, "parallel", [barrier])))],
    ["`s` is on-chip memory outside the body of a workgroup", kernel(over("parallel", shared))],
    ["`s` is on-chip memory outside the body of a workgroup", kernel(lanes(loop("j", 4, "serial", [shared])))],
    ["`s` has the shape [0]", kernel(lanes({ ...shared, shape: [0] }))],
    ["`s` is declared twice", kernel(lanes(shared, shared))],
    ["there is no buffer `s`", kernel(loop("p", 2, "parallel", [lanes(store("s", [lane], number(0)), shared)]))],
    ["a workgroup has 20000 bytes of on-chip memory, of 16384", kernel(lanes({ ...shared, shape: [5, 1000] }))],
    ["the workgroup loop `lane` stands inside other than parallel loops", kernel(over("serial", lanes()))],
    ["the workgroup loop `lane` has the extent T", kernel(loop("lane", "T", "workgroup", []))],
    ["the workgroup loop `lane` has the extent 512", kernel(loop("lane", 512, "workgroup", []))],
    ["something stands beside a workgroup loop", kernel(lanes(), store("y", [zero], number(0)))],
    ["the vector loop `j` has the extent T", kernel(loop("j", "T", "vector", []))],
    ["the loop `k` stands inside a vector loop", kernel(loop("j", 4, "vector", [loop("k", 4, "serial", [])]))],
    ["the parallel loop `i` has a stride of 2", kernel({ ...strided, index: "i", mode: "parallel", stride: { from: zero, by: 2 }, body: [] } as Statement)],
    [
      "`t` is assigned by the iterations of a parallel loop around which it is declared",
      kernel(declare("t", "f32", number(0)), loop("j", 4, "vector", [assign("t", number(1))])),
    ],
  ])("%s: workgroups", (finding, refused) => {
    expect(verifyLoops(refused)).toEqual([finding]);
  });

  test("two buffers of one name", () => {
    const { buffers } = kernel();
    expect(verifyLoops({ name: "k", buffers: [...buffers, ...buffers.slice(0, 1)], body: [] })).toEqual([
      "two buffers have one name",
    ]);
  });

  test("nothing about a local of each iteration", () => {
    const own = [
      declare("s", "f32", number(0)),
      loop("j", 4, "serial", [assign("s", load("x", j))]),
      store("y", [i], local("s")),
    ];
    expect(verifyLoops(kernel(over("parallel", ...own)))).toEqual([]);
  });
});

describe("running a kernel", () => {
  const memory = () => ({ x: Float32Array.of(1, 2, 3, 4), y: new Float32Array(4) });

  test("fills what it writes", () => {
    const state = memory();
    const reversed = binary("sub", number(3, "i32"), i);
    runLoops(kernel(over("parallel", store("y", [reversed], binary("mul", load("x", i), number(2))))), state);
    expect(Array.from(state.y)).toEqual([8, 6, 4, 2]);
  });

  test("rounds locals and stores to their format", () => {
    const state = memory();
    const tiny = [
      declare("s", "f32", number(1)),
      assign("s", binary("add", local("s"), number(1e-9))),
      store("y", [zero], local("s")),
    ];
    runLoops(kernel(...tiny), state);
    expect(state.y[0]).toBe(1);
    runLoops(kernel(declare("h", "f16", number(2049)), store("y", [zero], local("h"))), state);
    expect(state.y[0]).toBe(2048);
  });

  test("takes symbolic extents from the dimensions", () => {
    const symbolic: LoopKernel = {
      name: "k",
      buffers: [{ name: "y", dtype: "f32", shape: ["T"], access: "write" }],
      body: [loop("i", "T", "parallel", [store("y", [i], { kind: "extent", dim: "T" })])],
    };
    const state = { y: new Float32Array(3) };
    runLoops(symbolic, state, { T: 3 });
    expect(Array.from(state.y)).toEqual([3, 3, 3]);
    expect(() => runLoops(symbolic, state, { T: 4 })).toThrow("the buffer y has 4 elements");
  });

  test.each<[string, readonly Statement[]]>([
    [
      "k: index 4 of axis 0 of x is outside 0 to 3",
      [over("serial", store("y", [i], load("x", binary("add", i, number(1, "i32")))))],
    ],
    ["k: index -1 of axis 0 of y is outside 0 to 3", [store("y", [number(-1, "i32")], number(0))]],
    ["write y:0", [over("parallel", store("y", [zero], load("x", i)))]],
    ["loop i write y:0", [over("parallel", loop("j", 4, "parallel", [store("y", [j], number(0))]))]],
    ["write and read y:0", [over("parallel", store("y", [i], load("y", zero)))]],
    [
      "read and write y:1",
      [
        over(
          "parallel",
          store(
            "y",
            [i],
            load("y", binary("remainder", binary("add", i, number(1, "i32")), number(4, "i32"))),
          ),
        ),
      ],
    ],
  ])("finds: %s", (sentence, body) => {
    const attempt = (): void => runLoops(kernel(...body), memory());
    expect(attempt).toThrow(InvariantError);
    expect(attempt).toThrow(sentence);
  });

  describe("in a workgroup", () => {
    const lane = index("lane");
    const one = number(1, "i32");
    const next = binary("remainder", binary("add", lane, one), number(4, "i32"));
    const shared = { kind: "shared", name: "s", dtype: "f32", shape: [4] } as const;
    const barrier = { kind: "barrier" } as const;
    const fill = store("s", [lane], load("x", lane));
    const lanes = (...body: readonly Statement[]): LoopKernel =>
      kernel(loop("lane", 4, "workgroup", [shared, ...body]));

    test("lanes see what others stored before a barrier", () => {
      const state = memory();
      runLoops(lanes(fill, barrier, store("y", [lane], load("s", next))), state);
      expect(Array.from(state.y)).toEqual([2, 3, 4, 1]);
    });

    test("lanes take turns, and each its own", () => {
      const state = memory();
      const sum = assign("t", binary("add", local("t"), load("x", i)));
      const stride = { from: lane, by: 2 };
      const turns: Statement = { kind: "for", index: "i", extent: 4, mode: "serial", stride, body: [sum] };
      const body = [declare("t", "f32", number(0)), turns, store("y", [lane], local("t"))];
      runLoops(kernel(loop("lane", 2, "workgroup", body)), state);
      expect(Array.from(state.y)).toEqual([4, 6, 0, 0]);
    });

    test.each<[string, readonly Statement[]]>([
      ["race: iterations of the workgroup loop lane write and read s:0", [fill, store("y", [lane], load("s", zero))]],
      ["race: iterations of the workgroup loop lane write s:0", [store("s", [zero], load("x", lane))]],
      ["race: iterations of the workgroup loop lane read and write s:1", [
        fill, barrier, store("s", [lane], load("s", next)),
      ]],
      ["race: iterations of the workgroup loop lane write and read y:0", [
        store("y", [lane], number(1)), store("s", [lane], load("y", zero)),
      ]],
      ["k: s:0 is read before it is written", [store("y", [lane], load("s", lane))]],
      ["k: index 4 of axis 0 of s is outside 0 to 3", [store("s", [binary("add", lane, one)], number(0))]],
    ])("finds: %s", (sentence, body) => {
      expect(() => runLoops(lanes(...body), memory())).toThrow(sentence);
    });

    test("finds lanes of different workgroups that write one element", () => {
      const group = loop("lane", 4, "workgroup", [store("y", [lane], number(1))]);
      const attempt = (): void => runLoops(kernel(loop("p", 2, "parallel", [group])), memory());
      expect(attempt).toThrow("iterations of the parallel loop p write y:0");
    });

    test("finds vector iterations that write one element", () => {
      const attempt = (): void => runLoops(kernel(loop("j", 4, "vector", [store("y", [zero], number(1))])), memory());
      expect(attempt).toThrow("loop j write y:0");
    });
  });

  test("lets a serial loop depend on itself", () => {
    const state = memory();
    const before = binary("max", binary("sub", i, number(1, "i32")), zero);
    runLoops(kernel(over("serial", store("y", [i], binary("add", load("y", before), load("x", i))))), state);
    expect(Array.from(state.y)).toEqual([1, 3, 6, 10]);
  });

  test("lets an iteration read what it wrote itself, and all read what none writes", () => {
    const state = memory();
    const own = [
      store("y", [i], load("x", zero)),
      store("y", [i], binary("add", load("y", i), load("x", i))),
    ];
    runLoops(kernel(over("parallel", ...own)), state);
    expect(Array.from(state.y)).toEqual([2, 3, 4, 5]);
  });
});
