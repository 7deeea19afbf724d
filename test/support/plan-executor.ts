// Runs the plan of a compilation by the meaning of its kernels: the selected kernels over the packed
// weights, with nothing printed or built. What a target computes from one plan is compared with this,
// quantized or not.

import type { Compilation } from "../../src/compiler/index.js";
import { packWeights } from "../../src/compiler/pack.js";
import type { KvCacheValue, Registry, Value, ValueType } from "../../src/ir/index.js";
import {
  concreteType, elementCount, emptyCache, newQuantized, partOffset, quantizedArrays, quantizedParts,
  tensorValue,
} from "../../src/ir/index.js";
import type { KernelCall, PlannedValue, ProgramPlan, Storage } from "../../src/plan/index.js";
import type { Batch, Executor } from "../../src/runtime/index.js";
import { numbersFrom } from "./stored-numbers.js";

interface Frame {
  readonly env: Readonly<Record<string, number>>;
  readonly places: Map<string, Value>;
  readonly layer: number;
}

export function planExecutor(compilation: Compilation, blocks: number): Executor {
  const { plan, optimized, model } = compilation;
  const { registry } = optimized.input.pricing.target;
  const file = new Uint8Array(plan.weights.sizeBytes);
  if (model.weights === undefined) throw new Error("a plan runs over weights");
  packWeights({
    plan, registry, constants: optimized.selected.constants, weights: model.weights,
    writeAt: (offset, bytes) => file.set(bytes, offset),
  });
  const run = new PlanRun(plan, file, registry, blocks);
  return {
    name: "the meaning of the plan",
    capacity: plan.capacity,
    vocabulary: plan.vocabulary,
    blockSize: plan.kv.type.blockSize,
    blocks,
    step: (batch) => Promise.resolve(run.step(batch)),
    close: () => Promise.resolve(),
  };
}

/** Invariant: `#cache` is what the steps so far have left. */
class PlanRun {
  readonly #plan: ProgramPlan;
  readonly #file: Uint8Array;
  readonly #registry: Registry;
  #cache: KvCacheValue;

  constructor(plan: ProgramPlan, file: Uint8Array, registry: Registry, blocks: number) {
    this.#plan = plan;
    this.#file = file;
    this.#registry = registry;
    this.#cache = emptyCache(plan.kv.type, blocks);
  }

  step(batch: Batch): void {
    const { tokenCount: T, rowCount: R, sequenceCount: S, contextCount: C } = batch;
    const B = this.#plan.capacity.blocksPerSequence;
    const arrays: readonly (readonly [string, Int32Array, readonly number[]])[] = [
      ["tokens", batch.tokens, [T]],
      ["positions", batch.positions, [T]],
      ["sequences", batch.sequences, [T]],
      ["rows", batch.rows, [R]],
      ["block_table", batch.blockTable, [S, B]],
      ["context_sequences", batch.contextSequences, [C]],
      ["context_positions", batch.contextPositions, [C]],
    ];
    const places = new Map<string, Value>();
    for (const [name, array, shape] of arrays) {
      const count = shape.reduce((product, extent) => product * extent, 1);
      places.set(JSON.stringify({ kind: "input", name }), tensorValue("i32", shape, array.subarray(0, count)));
    }
    const { scenarios } = this.#plan;
    const scenario = scenarios.find(({ maxTokens }) => T <= maxTokens && R <= maxTokens) ?? scenarios.at(-1);
    this.#run(scenario?.entry ?? "", { env: { T, R, S, C, B }, places, layer: 0 });
    const logits = places.get(JSON.stringify({ kind: "output" }));
    if (logits?.kind !== "tensor") throw new Error("a step makes logits");
    batch.logits.set(logits.data);
  }

  #run(name: string, frame: Frame): void {
    for (const call of this.#plan.functions.find((each) => each.name === name)?.calls ?? []) {
      if (call.kind === "kernel") this.#kernel(call, frame);
      else if (call.kind === "copy") this.#write(call.to.storage, this.#read(call.from, frame), frame);
      else for (let i = 0; i < call.count; i++) this.#run(call.body, { ...frame, layer: call.first + i });
    }
  }

  #kernel({ kernel, operands, attrs, result }: KernelCall, frame: Frame): void {
    const values = operands.map((each) => this.#read(each, frame));
    const type = concreteType(result.type, frame.env);
    const value = this.#registry.require(kernel).evaluate(values, attrs, type);
    this.#write(result.storage, value, frame);
  }

  #read({ storage, type, name }: PlannedValue, { env, places, layer }: Frame): Value {
    if (storage.kind === "cache") return this.#cache;
    if (storage.kind === "layer") return tensorValue("i32", [], [layer]);
    if (storage.kind === "weight") return this.#weight(storage.index, layer);
    const value = places.get(JSON.stringify(storage));
    if (value?.kind !== "tensor" || type.kind !== "tensor") throw new Error(`${name} has been computed`);
    // Another name for the same bytes may see them in another shape.
    return { ...value, shape: concreteType(type, env).shape.map(Number) };
  }

  #weight(index: number, layer: number): Value {
    const { type, offsetBytes, strideBytes, sizeBytes, layers } = this.#plan.weights.entries[index]!;
    const start = offsetBytes + (layers === undefined ? 0 : layer - layers.first) * strideBytes;
    return valueFromBytes(type, this.#file.slice(start, start + sizeBytes));
  }

  #write(storage: Storage, value: Value, { places }: Frame): void {
    if (value.kind === "kv_cache") this.#cache = value;
    else places.set(JSON.stringify(storage), value);
  }
}

/** The way back from `serializeValue`. */
function valueFromBytes(type: ValueType, bytes: Uint8Array): Value {
  if (type.kind === "packed") return { kind: "packed", type, bytes };
  if (type.kind === "tensor") {
    const numbers = numbersFrom(bytes, type.dtype, elementCount(type.shape));
    return tensorValue(type.dtype, type.shape.map(Number), numbers);
  }
  if (type.kind === "kv_cache") throw new Error("a cache is not a constant");
  const value = newQuantized(type);
  quantizedArrays(value).forEach((array, i) => {
    array.set(numbersFrom(bytes, quantizedParts(type)[i]!.dtype, array.length, partOffset(type, i)));
  });
  return value;
}
