// The evaluator on whole modules: layers, dimensions, the cache, and constants.

import { describe, expect, test } from "vitest";

import { createRandom } from "../../../src/base/index.js";
import type {
  EvaluationContext,
  Func,
  KvCacheValue,
  Module,
  StepBatch,
  Value,
} from "../../../src/ir/index.js";
import {
  coreRegistry,
  createConstantCache,
  emptyCache,
  evaluateFunc,
  evaluateStep,
  evaluateTerm,
  FuncBuilder,
  printType,
  stepInputs,
  tensor,
  tensorValue,
} from "../../../src/ir/index.js";
import { firstDifference, softmaxTolerance } from "../../support/tolerances.js";
import { f32, i32 } from "../../support/values.js";
import { shuffled } from "../../support/sample-values.js";

const noWeights: EvaluationContext = {
  registry: coreRegistry,
  weights: (name) => {
    throw new Error(`no weight ${name} is known here`);
  },
};

/** Runs one function of its own. */
function run(func: Func, args: readonly Value[], context: EvaluationContext = noWeights): readonly Value[] {
  return evaluateFunc({ functions: [func] }, func, args, context);
}

describe("dimensions come from the arguments", () => {
  const builder = new FuncBuilder(coreRegistry, "f");
  const x = builder.param("x", tensor("f32", "T", 2));
  const y = builder.param("y", tensor("f32", "T"));
  const column = builder.op("reshape", [y], { shape: ["T", 1] });
  const func = builder.finish([builder.op("mul", [x, column])]);

  test("and bind symbolic shapes", () => {
    const [result] = run(func, [f32([3, 2], 1, 2, 3, 4, 5, 6), f32([3], 1, 10, 100)]);
    expect(result).toEqual(f32([3, 2], 1, 2, 30, 40, 500, 600));
  });

  test.each<[string, readonly Value[]]>([
    ["dimension 0 of `y` is T = 3, but 2 was given", [f32([3, 2], 1, 2, 3, 4, 5, 6), f32([2], 1, 2)]],
    ["dimension 1 of `x` is 2 = 2, but 1 was given", [f32([2, 1], 1, 2), f32([2], 1, 2)]],
    ["`x` has 2 dimensions, but 1 were given", [f32([2], 1, 2), f32([2], 1, 2)]],
    ["`y` is f32, but i32 was given", [f32([1, 2], 1, 2), i32([1], 1)]],
  ])("or are refused: %s", (sentence, args) => {
    expect(() => run(func, args)).toThrow(new RangeError(sentence));
  });
});

describe("constants", () => {
  /** x times the transposed f32 form of an f16 weight, once more with the same weight. */
  function twice(): Func {
    const builder = new FuncBuilder(coreRegistry, "f");
    const x = builder.param("x", tensor("f32", "T", 2));
    const weight = builder.op("weight", [], { name: "w.{layer}" }, { given: tensor("f16", 2, 2) });
    const wide = builder.op("cast", [weight], { dtype: "f32" });
    const turned = builder.op("transpose", [wide], { permutation: [1, 0] });
    return builder.finish([builder.op("matmul", [builder.op("matmul", [x, turned]), turned])]);
  }

  function counting(): { readonly names: string[]; readonly context: EvaluationContext } {
    const names: string[] = [];
    const weights = (name: string): Value => {
      names.push(name);
      return tensorValue("f16", [2, 2], [0, 1, 2, 0]);
    };
    return { names, context: { registry: coreRegistry, weights } };
  }

  test("are evaluated once for all runs that share a cache", () => {
    const { names, context } = counting();
    const shared = { ...context, layer: 7, constants: createConstantCache() };
    const [first] = run(twice(), [f32([1, 2], 1, 10)], shared);
    const [second] = run(twice(), [f32([2, 2], 1, 10, 1, 10)], shared);
    expect(first).toEqual(f32([1, 2], 2, 20));
    expect(second).toEqual(f32([2, 2], 2, 20, 2, 20));
    expect(names).toEqual(["w.7"]);
    // The cast and the weight itself are not kept beside the matrix that is read.
    expect(shared.constants.values.size).toBe(1);
  });

  test("differ from layer to layer", () => {
    const { names, context } = counting();
    const constants = createConstantCache();
    for (const layer of [0, 1, 0]) run(twice(), [f32([1, 2], 1, 1)], { ...context, constants, layer });
    expect(names).toEqual(["w.0", "w.1"]);
  });

  test("of symbolic size follow the step's dimensions", () => {
    const builder = new FuncBuilder(coreRegistry, "f");
    const x = builder.param("x", tensor("f32", "T"));
    const ones = builder.op("constant", [], { value: 1 }, { given: tensor("f32", "T") });
    const func = builder.finish([builder.op("add", [x, ones])]);
    const context = { ...noWeights, constants: createConstantCache() };
    expect(run(func, [f32([1], 1)], context)).toEqual([f32([1], 2)]);
    expect(run(func, [f32([3], 1, 2, 3)], context)).toEqual([f32([3], 2, 3, 4)]);
  });

  test("can be evaluated alone", () => {
    const builder = new FuncBuilder(coreRegistry, "packed");
    const weight = builder.op("weight", [], { name: "w.{layer}" }, { given: tensor("f16", 2, 2) });
    const term = builder.finish([builder.op("concat", [weight, weight], { axis: 0 })]);
    const { context } = counting();
    expect(evaluateTerm(term, context)).toEqual(tensorValue("f16", [4, 2], [0, 1, 2, 0, 0, 1, 2, 0]));
  });
});

const dim = 8;
const [heads, groups, headDim] = [4, 2, 2];
const cacheType = {
  kind: "kv_cache",
  layers: 2,
  blockSize: 2,
  heads: groups,
  headDim,
  dtype: "f32",
} as const;

/** A layer of attention alone, in its plain form, and a step that runs it twice. */
function model(): Module {
  const body = layer();
  const builder = new FuncBuilder(coreRegistry, "step");
  const [tokens, positions, sequences] = ["tokens", "positions", "sequences"].map((name) =>
    builder.param(name, tensor("i32", "T")),
  ) as [never, never, never];
  const rows = builder.param("rows", tensor("i32", "R"));
  const table = builder.param("block_table", tensor("i32", "S", "B"));
  const contextSequences = builder.param("context_sequences", tensor("i32", "C"));
  const contextPositions = builder.param("context_positions", tensor("i32", "C"));
  const cache = builder.param("cache", cacheType);
  const embed = builder.op("weight", [], { name: "embed" }, { given: tensor("f32", 11, dim) });
  const x = builder.op("gather", [embed, tokens]);
  const invariants = [positions, sequences, table, contextSequences, contextPositions];
  const results = builder.layers(body, { first: 0, count: 2 }, [x, cache], invariants);
  return { functions: [body, builder.finish([builder.op("gather", [results[0]!, rows]), results[1]!])] };
}

function layer(): Func {
  const builder = new FuncBuilder(coreRegistry, "layer");
  const number = builder.param("layer", tensor("i32"));
  const x = builder.param("x", tensor("f32", "T", dim));
  const cache = builder.param("cache", cacheType);
  const positions = builder.param("positions", tensor("i32", "T"));
  const sequences = builder.param("sequences", tensor("i32", "T"));
  const table = builder.param("block_table", tensor("i32", "S", "B"));
  const contextSequences = builder.param("context_sequences", tensor("i32", "C"));
  const contextPositions = builder.param("context_positions", tensor("i32", "C"));
  const project = (name: string, count: number) => {
    const given = tensor("f32", dim, count * headDim);
    const weight = builder.op("weight", [], { name: `layers.{layer}.${name}` }, { given });
    return builder.op("reshape", [builder.op("matmul", [x, weight])], { shape: ["T", count, headDim] });
  };
  const appended = builder.op("append_kv", [
    cache,
    project("k", groups),
    project("v", groups),
    number,
    table,
    sequences,
    positions,
  ]);
  const slots = [appended, number, table, contextSequences, contextPositions];
  const [keys, values] = [builder.op("lookup_keys", slots), builder.op("lookup_values", slots)];
  const mask = builder.op("causal_mask", [positions, sequences, contextPositions, contextSequences]);
  const attended = builder.op("attention", [project("q", heads), keys, values, mask], { scale: 0.7 });
  const flat = builder.op("reshape", [attended], { shape: ["T", heads * headDim] });
  return builder.finish([builder.op("add", [x, flat]), appended]);
}

function modelContext(): EvaluationContext {
  const weights = (name: string, type: { readonly kind: string }): Value => {
    if (type.kind !== "tensor") throw new Error("weights are tensors");
    const random = createRandom([...name].reduce((sum, each) => sum * 31 + each.charCodeAt(0), 7));
    const { shape } = type as ReturnType<typeof tensor>;
    const count = shape.reduce<number>((product, each) => product * Number(each), 1);
    return tensorValue(
      "f32",
      shape.map(Number),
      Array.from({ length: count }, () => random.normal()),
    );
  };
  return { registry: coreRegistry, weights, constants: createConstantCache() };
}

const blocks = shuffled(createRandom(9), 8);
const blockTable = [blocks.slice(0, 3), blocks.slice(3, 5)];

/** A batch of [sequence, position, token], all of whose rows are wanted. */
function batch(cache: KvCacheValue, entries: readonly (readonly [number, number, number])[]): StepBatch {
  return {
    sequences: entries.map(([sequence]) => sequence),
    positions: entries.map(([, position]) => position),
    tokens: entries.map(([, , token]) => token),
    rows: entries.map((_, i) => i),
    blockTable,
    cache,
  };
}

const ragged = [
  [0, 0, 3],
  [0, 1, 1],
  [1, 0, 4],
  [0, 2, 1],
  [1, 1, 5],
  [0, 3, 9],
  [0, 4, 2],
  [1, 2, 6],
] as const;

describe("the step", () => {
  test("gives the same logits whether tokens come one by one, in turns, or at once", () => {
    const module = model();
    const context = modelContext();
    const whole = evaluateStep(module, stepInputs(batch(emptyCache(cacheType, 8), ragged)), context);
    let cache = emptyCache(cacheType, 8);
    const single = ragged.map((entry) => {
      const step = evaluateStep(module, stepInputs(batch(cache, [entry])), context);
      cache = step.cache;
      return Array.from(step.logits.data);
    });
    // Only the order of sums over slots may differ.
    const tolerance = softmaxTolerance("f32", dim, 4);
    expect(firstDifference(single.flat(), whole.logits.data, tolerance)).toBeUndefined();
    expect(firstDifference(cache.keys, whole.cache.keys, tolerance)).toBeUndefined();
    expect(whole.logits.shape).toEqual([8, dim]);
    expect(new Set(whole.logits.data).size).toBeGreaterThan(40);
  });

  test("sequences do not see each other", () => {
    const context = modelContext();
    const alone = ragged.filter(([sequence]) => sequence === 1);
    const both = evaluateStep(model(), stepInputs(batch(emptyCache(cacheType, 8), ragged)), context).logits;
    const one = evaluateStep(model(), stepInputs(batch(emptyCache(cacheType, 8), alone)), context).logits;
    const rowsOfOne = ragged.flatMap(([sequence], i) =>
      sequence === 1 ? Array.from(both.data.slice(i * dim, (i + 1) * dim)) : [],
    );
    expect(firstDifference(one.data, rowsOfOne, softmaxTolerance("f32", dim, 4))).toBeUndefined();
  });

  test("leaves the caller's cache alone, unless it was given away", () => {
    const mine = emptyCache(cacheType, 8);
    const context = modelContext();
    const kept = evaluateStep(model(), stepInputs(batch(mine, ragged)), context);
    expect(mine.keys.every((each) => each === 0)).toBe(true);
    const given = evaluateStep(model(), stepInputs(batch(mine, ragged)), { ...context, ownsArguments: true });
    expect(given.cache.keys).toBe(mine.keys);
    expect(given.cache).toEqual(kept.cache);
    expect(given.logits).toEqual(kept.logits);
  });

  test("a cache that is read later is not overwritten", () => {
    const builder = new FuncBuilder(coreRegistry, "f");
    const cache = builder.param("cache", cacheType);
    const keys = builder.param("keys", tensor("f32", "T", groups, headDim));
    const number = builder.param("layer", tensor("i32"));
    const table = builder.param("block_table", tensor("i32", "S", "B"));
    const [sequences, positions] = [
      builder.param("s", tensor("i32", "T")),
      builder.param("p", tensor("i32", "T")),
    ];
    const after = builder.op("append_kv", [cache, keys, keys, number, table, sequences, positions]);
    const slots = [number, table, sequences, positions];
    const old = builder.op("lookup_keys", [cache, ...slots]);
    const func = builder.finish([old, builder.op("lookup_keys", [after, ...slots])]);
    const args = [
      emptyCache(cacheType, 1),
      f32([1, 2, 2], 1, 2, 3, 4),
      i32([], 0),
      i32([1, 1], 0),
      i32([1], 0),
      i32([1], 1),
    ];
    const [before, now] = run(func, args, { ...noWeights, ownsArguments: true });
    expect(before).toEqual(f32([1, 2, 2], 0, 0, 0, 0));
    expect(now).toEqual(f32([1, 2, 2], 1, 2, 3, 4));
  });
});

describe("the step's arguments", () => {
  const cache = emptyCache(cacheType, 8);

  test("list every slot that the batch sees", () => {
    const inputs = stepInputs(
      batch(cache, [
        [1, 2, 6],
        [0, 0, 3],
        [0, 1, 1],
      ]),
    );
    expect(inputs.slice(0, 7)).toEqual([
      i32([3], 6, 3, 1),
      i32([3], 2, 0, 1),
      i32([3], 1, 0, 0),
      i32([3], 0, 1, 2),
      i32([2, 3], ...blockTable[0]!, ...blockTable[1]!, 0),
      i32([5], 0, 0, 1, 1, 1),
      i32([5], 0, 1, 0, 1, 2),
    ]);
    expect(inputs[7]).toBe(cache);
  });

  test("leave out sequences without a token", () => {
    const inputs = stepInputs(batch(cache, [[1, 1, 6]]));
    expect(inputs[5]).toEqual(i32([2], 1, 1));
    expect(inputs[6]).toEqual(i32([2], 0, 1));
  });

  test("fit the parameters of a step", () => {
    const step = model().functions[1]!;
    const types = stepInputs(batch(cache, ragged)).map((value) =>
      value.kind === "tensor" ? value.shape.length : printType(value.type),
    );
    const params = step.params.map((each) => step.values[each]!.type);
    expect(types).toEqual(
      params.map((type) => (type.kind === "tensor" ? type.shape.length : printType(type))),
    );
  });
});
