import { expect, test } from "vitest";

import type { KvCacheType, Module } from "../../../src/ir/index.js";
import { FuncBuilder, printAttr, printModule, printString, printType, tensor } from "../../../src/ir/index.js";
import { smallRegistry } from "../../support/small-registry.js";

const cacheType: KvCacheType = { kind: "kv_cache", layers: 5, blockSize: 16, heads: 4, headDim: 8, dtype: "f32" };

function moduleWithLayers(): Module {
  const layer = new FuncBuilder(smallRegistry, "layer");
  layer.param("layer", tensor("i32"));
  const x = layer.param("x", tensor("f32", "T", 64));
  const cache = layer.param("cache", cacheType);
  const weight = layer.op("weight", [], { name: "layers.{layer}.norm" }, { given: tensor("f32", 64), name: "w" });
  const h = layer.op("rms_norm", [x, weight], { epsilon: 1e-5 }, { name: "h" });
  const body = layer.finish([h, layer.op("append_kv", [cache, h])]);

  const step = new FuncBuilder(smallRegistry, "step");
  const x0 = step.param("x", tensor("f32", "T", 64));
  const cache0 = step.param("cache", cacheType);
  return { functions: [body, step.finish(step.layers(body, { first: 0, count: 5 }, [x0, cache0], []))] };
}

test("a module prints as MLIR, one operation a line", () => {
  const cache = "!llm.paged_kv_cache<5x16x4x8xf32>";
  const x = 'tensor<?x64xf32, "T">';
  expect(printModule(moduleWithLayers(), smallRegistry)).toBe(`module {
  func.func private @layer(%layer: tensor<i32>, %x: ${x}, %cache: ${cache}) -> (${x}, ${cache}) {
    %w = "llm.weight"() {name = "layers.{layer}.norm"} : () -> tensor<64xf32>
    %h = "llm.rms_norm"(%x, %w) {epsilon = 1.0e-05 : f64} : (${x}, tensor<64xf32>) -> ${x}
    %append_kv = "llm.append_kv"(%cache, %h) : (${cache}, ${x}) -> ${cache}
    return %h, %append_kv : ${x}, ${cache}
  }
  func.func @step(%x: ${x}, %cache: ${cache}) -> (${x}, ${cache}) {
    %x_1, %cache_1 = "llm.layers"(%x, %cache) {body = @layer, carried = 2 : i64, count = 5 : i64, first = 0 : i64} : (${x}, ${cache}) -> (${x}, ${cache})
    return %x_1, %cache_1 : ${x}, ${cache}
  }
}
`);
});

test("a function without results prints neither an arrow nor values to return", () => {
  const func = new FuncBuilder(smallRegistry, "nothing").finish([]);
  expect(printModule({ functions: [func] }, smallRegistry)).toContain("func.func private @nothing() {\n    return\n");
});

test.each([
  [0, "0.0"],
  [-0, "-0.0"],
  [1, "1.0"],
  [0.5, "0.5"],
  [1e-5, "1.0e-05"],
  [1.5e-7, "1.5e-07"],
  [1e21, "1.0e+21"],
  [1 / 3, "0.3333333333333333"],
  [5e-324, "5.0e-324"],
  [Infinity, "0x7FF0000000000000"],
  [-Infinity, "0xFFF0000000000000"],
  [NaN, "0x7FF8000000000000"],
])("the number %d prints as %s", (value, text) => {
  expect(printAttr("float", value)).toBe(`${text} : f64`);
});

test("each kind of attribute has its form", () => {
  expect(printAttr("int", -3)).toBe("-3 : i64");
  expect(printAttr("bool", true)).toBe("true");
  expect(printAttr("ints", [1, 0])).toBe("[1, 0]");
  expect(printAttr("dims", ["T", 8])).toBe('["T", 8]');
  expect(printAttr("dtype", "bf16")).toBe("bf16");
});

test("attributes are sorted by name", () => {
  const builder = new FuncBuilder(smallRegistry, "f");
  const attrs = { string: "s", int: 1, bool: true, float: 2, ints: [], dtype: "f16", dims: [] } as const;
  const module = { functions: [builder.finish([builder.op("settings", [builder.param("x", tensor("f32"))], attrs)])] };
  const names = [...printModule(module, smallRegistry).matchAll(/[{ ](\w+) = (?!")/g)].map((each) => each[1]);
  expect(names).toEqual(["bool", "dims", "dtype", "float", "int", "ints"]);
});

test("strings escape quotes, control characters and those that reorder a line", () => {
  expect(printString('a "b" \\ \n\u0007é\u202e')).toBe('"a \\"b\\" \\\\ \\0A\\07é\\E2\\80\\AE"');
});

test("unsigned bytes are spelled as MLIR spells them", () => {
  expect(printType(tensor("u8", 4))).toBe("tensor<4xui8>");
  expect(printAttr("dtype", "u8")).toBe("ui8");
});

test("a value's name that MLIR could not read is made readable", () => {
  const builder = new FuncBuilder(smallRegistry, "f");
  builder.param("3d", tensor("f32"));
  builder.param("", tensor("f32"));
  expect(builder.finish([]).values.map((each) => each.name)).toEqual(["_3d", "_"]);
});
