import { describe, expect, test } from "vitest";

import type { Diagnostic } from "../../../src/diagnostics/index.js";
import type { Func, KvCacheType, Module, ValueId } from "../../../src/ir/index.js";
import { findFunction, FuncBuilder, tensor, verifyFunctions, verifyModule } from "../../../src/ir/index.js";
import { mustParse } from "../../support/parse-ir.js";
import { smallRegistry } from "../../support/small-registry.js";

const cacheType: KvCacheType = { kind: "kv_cache", layers: 5, blockSize: 16, heads: 4, headDim: 8, dtype: "f32" };
const x4 = tensor("f32", 4);

/** `code at place: message` of everything found. */
function verify(...functions: readonly Func[]): string[] {
  return verifyFunctions({ functions }, smallRegistry).map(spell);
}

function spell({ code, at, message }: Diagnostic): string {
  return `${code} ${at ?? ""}: ${message}`;
}

/** `@f`: y = add(x, x), which returns y. */
function addFunction(): Func {
  const builder = new FuncBuilder(smallRegistry, "f");
  const x = builder.param("x", x4);
  return builder.finish([builder.op("add", [x, x], {}, { name: "y" })]);
}

function renamed(func: Func, names: readonly string[]): Func {
  return { ...func, values: func.values.map((each, i) => ({ ...each, name: names[i] ?? each.name })) };
}

const id = (index: number): ValueId => index as ValueId;

test("a function made by the builder is well-formed", () => {
  expect(verify(addFunction())).toEqual([]);
});

describe("single assignment", () => {
  test("a value that is used before its operation", () => {
    const func = addFunction();
    const first = { kind: "op", op: "add", operands: [id(1), id(1)], attrs: {}, results: [id(2)] } as const;
    const values = [...func.values, { name: "z", type: x4 }];
    const found = verify({ ...func, operations: [first, ...func.operations], values });
    expect(found).toEqual(Array(2).fill("ir/used-before-definition @f %y: the value is used before it is defined"));
  });

  test("a value that nothing defines, in the table or not", () => {
    const func = addFunction();
    const values = [...func.values, { name: "z", type: x4 }];
    expect(verify({ ...func, results: [id(2)], values })).toEqual([
      "ir/undefined-value @f %z: value 2 is used, and nothing defines it",
    ]);
    expect(verify({ ...func, params: [id(0), id(7)] })).toEqual([
      "ir/undefined-value @f: value 7 is not in the function's table",
    ]);
  });

  test("where a use has no definition, nothing is said of types", () => {
    const func = addFunction();
    const operations = [{ kind: "op", op: "add", operands: [id(7)], attrs: {}, results: [id(1)] } as const];
    expect(verify({ ...func, operations })).toEqual(["ir/undefined-value @f: value 7 is used, and nothing defines it"]);
  });

  test("a value that is defined twice", () => {
    const func = addFunction();
    expect(verify({ ...func, operations: [...func.operations, ...func.operations] })).toEqual([
      "ir/redefinition @f %y: the value is defined twice",
    ]);
  });

  test("two values or two functions of one name", () => {
    const func = addFunction();
    expect(verify(renamed(func, ["x", "x"]))).toEqual(["ir/redefinition @f %x: two values are called `%x`"]);
    expect(verify(func, func)).toEqual(["ir/redefinition @f: `@f` is defined twice"]);
  });

  test("names that the text form cannot carry", () => {
    const func = addFunction();
    expect(verify(renamed(func, ["x y", "1z"]))).toEqual([
      "ir/bad-name @f %x y: `x y` cannot follow a `%`",
      "ir/bad-name @f %1z: `1z` cannot follow a `%`",
    ]);
    expect(verify({ ...func, name: "f()" })).toEqual(["ir/bad-name @f(): `f()` is not an identifier"]);
    const dims = new FuncBuilder(smallRegistry, "g");
    dims.param("x", tensor("f32", "T,S"));
    const found = verify(dims.finish([]));
    expect(found).toEqual(["ir/bad-name @g %x: the dimension's name `T,S` is not an identifier"]);
  });
});

describe("types", () => {
  test("are inferred again", () => {
    const func = addFunction();
    const f16 = tensor("f16", 4);
    const values = func.values.map((each) => (each.name === "y" ? { ...each, type: f16 } : each));
    expect(verify({ ...func, values })).toEqual([
      "ir/result-type @f %y: the result of `add` is `tensor<4xf32>`, not `tensor<4xf16>`",
    ]);
  });

  test("an op that refuses its operands or attributes", () => {
    const func = addFunction();
    const [operation] = func.operations;
    if (operation?.kind !== "op") throw new Error("the operation is an op");
    const broken = (change: object): string[] => {
      return verify({ ...func, operations: [{ ...operation, ...change }] });
    };
    expect(broken({ operands: [id(0)] })).toEqual(["ir/ill-typed @f %y: `add` takes 2 operands, found 1"]);
    expect(broken({ attrs: { axis: 0 } })).toEqual(["ir/ill-typed @f %y: `add` has no attribute `axis`"]);
    expect(broken({ op: "rms_norm" })).toEqual(["ir/ill-typed @f %y: `rms_norm` needs the attribute `epsilon`"]);
    expect(broken({ op: "ad" })).toEqual(["ir/unknown-op @f %y: no op `ad` is known"]);
    expect(broken({ op: "param", operands: [], attrs: { name: "x" } })[0]).toMatch(/^ir\/misplaced-param @f %y/);
  });
});

describe("layers", () => {
  function body(): Func {
    const builder = new FuncBuilder(smallRegistry, "layer");
    builder.param("layer", tensor("i32"));
    return builder.finish([builder.param("x", x4)]);
  }

  function caller(change: object = {}): Func {
    const builder = new FuncBuilder(smallRegistry, "f");
    const x = builder.param("x", x4);
    const func = builder.finish(builder.layers(body(), { first: 0, count: 5 }, [x], []));
    const [operation] = func.operations;
    return { ...func, operations: [{ ...operation, ...change } as never] };
  }

  test("fit their body", () => {
    expect(verify(body(), caller())).toEqual([]);
  });

  test("need a body that stands above", () => {
    expect(verify(caller())).toEqual(["ir/unknown-function @f %x_1: the module has no function `@layer`"]);
    expect(verify(caller(), body())).toEqual([
      "ir/used-before-definition @f %x_1: `@layer` does not stand above the function that runs it",
    ]);
  });

  test("carry and pass what the body takes", () => {
    expect(verify(body(), caller({ invariants: [id(0)] }))).toEqual([
      "ir/layers-signature @f %x_1: `@layer` takes 2 values, not 3: the layer's number, 1 carried and 1 invariant",
    ]);
    expect(verify(body(), caller({ carried: [], invariants: [id(0)] }))).toEqual([
      "ir/layers-signature @f %x_1: `@layer` returns 1 value, and 0 are carried",
      "ir/result-count @f %x_1: `layers` carries 0 values and has 1 result",
    ]);
    const other = renamed(caller(), []);
    const values = other.values.map((each) => ({ ...each, type: tensor("f16", 4) }));
    expect(verify(body(), { ...other, values })).toEqual([
      "ir/layers-signature @f %x_1: carried value 0 is `tensor<4xf16>`, but `@layer` takes `tensor<4xf32>`",
      "ir/layers-signature @f %x_1: carried value 0 is `tensor<4xf16>`, but `@layer` returns `tensor<4xf32>`",
    ]);
  });

  test("give back the types that they carry", () => {
    const func = caller();
    const f16 = tensor("f16", 4);
    const values = func.values.map((each) => (each.name === "x_1" ? { ...each, type: f16 } : each));
    expect(verify(body(), { ...func, values })).toEqual([
      "ir/result-type @f %x_1: result 0 is `tensor<4xf16>`, not `tensor<4xf32>`",
    ]);
  });

  test("are at least one, from 0 on", () => {
    expect(verify(body(), caller({ count: 0 }))[0]).toContain("the number of layers is 0, which is below 1");
    expect(verify(body(), caller({ first: -1 }))[0]).toContain("the first layer is -1, which is below 0");
    expect(verify(body(), caller({ first: 2 ** 31 }))[0]).toContain("is not an i32");
  });

  test("do not outnumber the layers of a cache", () => {
    const inner = new FuncBuilder(smallRegistry, "layer");
    inner.param("layer", tensor("i32"));
    const layer = inner.finish([inner.param("cache", cacheType)]);
    const outer = new FuncBuilder(smallRegistry, "f");
    const cache = outer.param("cache", cacheType);
    const func = outer.finish(outer.layers(layer, { first: 1, count: 5 }, [cache], []));
    expect(verify(layer, func)).toEqual([
      "ir/layers-signature @f %cache_1: the layers run to number 5, but `!llm.paged_kv_cache<5x16x4x8xf32>` holds 5",
    ]);
  });
});

describe("a cache is used up once", () => {
  type Build = (builder: FuncBuilder, cache: ValueId, x: ValueId) => readonly ValueId[];

  function cacheFunction(build: Build): string[] {
    const builder = new FuncBuilder(smallRegistry, "f");
    const cache = builder.param("cache", cacheType);
    return verify(builder.finish(build(builder, cache, builder.param("x", x4))));
  }

  test("appended to, then read and returned under its new name", () => {
    const found = cacheFunction((b, cache, x) => {
      b.op("lookup_keys", [cache]);
      const next = b.op("append_kv", [cache, x]);
      return [b.op("lookup_keys", [next]), next];
    });
    expect(found).toEqual([]);
  });

  test("read after it was appended to", () => {
    const found = cacheFunction((b, cache, x) => {
      const next = b.op("append_kv", [cache, x]);
      b.op("lookup_keys", [cache]);
      return [next];
    });
    expect(found).toEqual(["ir/cache-use @f %cache: `lookup_keys` uses a cache that `append_kv` has used up"]);
  });

  test("appended to twice", () => {
    const found = cacheFunction((b, cache, x) => {
      b.op("append_kv", [cache, x]);
      return [b.op("append_kv", [cache, x])];
    });
    expect(found).toEqual(["ir/cache-use @f %cache: `append_kv` uses a cache that `append_kv` has used up"]);
  });

  test("returned although it was appended to, or returned twice", () => {
    const stale = cacheFunction((b, cache, x) => {
      b.op("append_kv", [cache, x]);
      return [cache];
    });
    expect(stale).toEqual(["ir/cache-use @f %cache: `return` uses a cache that `append_kv` has used up"]);
    const twice = cacheFunction((_, cache) => [cache, cache]);
    expect(twice).toEqual(["ir/cache-use @f %cache: `return` uses a cache that `return` has used up"]);
  });

  const layers = (carried: number, uses: string): Module =>
    mustParse(`
      func.func private @layer(%layer: tensor<i32>, %a: CACHE, %b: CACHE) -> CACHE {
        %x = "llm.weight"() {name = "x"} : () -> tensor<4xf32>
        %c = "llm.append_kv"(%${uses}, %x) : (CACHE, tensor<4xf32>) -> CACHE
        return %c : CACHE
      }
      func.func @f(%p: CACHE, %q: CACHE) -> CACHE {
        %r = "llm.layers"(%p, %${carried === 2 ? "p" : "q"}) {body = @layer, carried = 1, count = 5, first = 0} : (CACHE, CACHE) -> CACHE
        return %r : CACHE
      }`.replaceAll("CACHE", "!llm.paged_kv_cache<5x16x4x8xf32>"));

  test("carried by layers, while another is only read", () => {
    expect(verifyFunctions(layers(1, "a"), smallRegistry)).toEqual([]);
  });

  test("an invariant cache of layers is not appended to", () => {
    const found = verifyFunctions(layers(1, "b"), smallRegistry);
    expect(found.map((each) => `${each.at ?? ""}: ${each.message}`)).toEqual([
      "@f %q: `@layer` uses up a cache that `layers` does not carry",
    ]);
  });

  test("one cache is not carried and invariant at once", () => {
    const found = verifyFunctions(layers(2, "a"), smallRegistry);
    expect(found.map((each) => each.message)).toEqual(["`layers` uses a cache that `layers` has used up"]);
  });
});

describe("the entry", () => {
  const params = [
    '%tokens: tensor<?xi32, "T">',
    '%positions: tensor<?xi32, "T">',
    '%sequences: tensor<?xi32, "T">',
    '%rows: tensor<?xi32, "R">',
    '%block_table: tensor<?x?xi32, "S,B">',
    '%context_sequences: tensor<?xi32, "C">',
    '%context_positions: tensor<?xi32, "C">',
    "%cache: !llm.paged_kv_cache<5x16x4x8xf32>",
  ];
  const logits = 'tensor<?x512xf32, "R">';

  function step(changes: { readonly params?: readonly string[]; readonly logits?: string } = {}): string[] {
    const type = changes.logits ?? logits;
    const module = mustParse(`func.func @step(${(changes.params ?? params).join(", ")}) -> (${type}, !llm.paged_kv_cache<5x16x4x8xf32>) {
      %logits = "llm.weight"() {name = "logits"} : () -> ${type}
      return %logits, %cache : ${type}, !llm.paged_kv_cache<5x16x4x8xf32>
    }`);
    return verifyModule(module, smallRegistry).map(spell);
  }

  test("takes and returns what the runtime passes and reads", () => {
    expect(step()).toEqual([]);
  });

  test("is needed", () => {
    const [found] = verifyModule({ functions: [addFunction()] }, smallRegistry);
    expect(found).toMatchObject({ code: "ir/no-entry", message: "the module has no function `@step`, which the runtime calls" });
  });

  test("names each parameter that differs", () => {
    const found = step({ params: params.with(0, '%ids: tensor<?xi32, "T">').with(3, '%rows: tensor<?xi32, "T">') });
    expect(found).toEqual([
      'ir/entry-signature @step: parameter 0 of `@step` is `%ids: tensor<?xi32, "T">`, not `%tokens: tensor<?xi32, "T">`',
      'ir/entry-signature @step: parameter 3 of `@step` is `%rows: tensor<?xi32, "T">`, not `%rows: tensor<?xi32, "R">`',
    ]);
  });

  test("counts the parameters and checks the results", () => {
    expect(step({ params: params.slice(1) })[0]).toContain("has 7 parameters; it takes 8");
    expect(step({ logits: 'tensor<?x512xf32, "T">' })[0]).toContain("it returns logits");
  });

  test("of a broken module is checked without falling over", () => {
    const module = mustParse("func.func @step(%x: tensor<4xf32>) {\n return\n}");
    const func = findFunction(module, "step");
    if (func === undefined) throw new Error("the module has its function");
    const broken = { functions: [{ ...func, params: [id(9)], results: [id(9)] }] };
    expect(verifyModule(broken, smallRegistry).map((each) => each.code)).toContain("ir/undefined-value");
  });
});
