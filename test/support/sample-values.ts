// Random values for the samples of op records. Numbers are normal, indices keep the bounds that their
// operand's name implies, block tables are permutations, and no two tokens write one slot of the cache.

import type { Random } from "../../src/base/index.js";
import { roundToHalf } from "../../src/base/index.js";
import type {
  DimEnv,
  KvCacheType,
  OpRecord,
  OpSample,
  QuantizedType,
  QuantizedValue,
  TensorType,
  Value,
  ValueType,
} from "../../src/ir/index.js";
import {
  concreteType,
  elementCount,
  emptyCache,
  isFloat,
  newQuantized,
  operandName,
  roundHeads,
  tensorValue,
} from "../../src/ir/index.js";

/** One sample with numbers in it. */
export interface SampleValues {
  readonly operands: readonly Value[];
  /** Types of the operands with concrete dimensions. */
  readonly types: readonly ValueType[];
  readonly dims: DimEnv;
}

export function drawSample(random: Random, record: OpRecord, sample: OpSample): SampleValues {
  const dims = sample.dims ?? {};
  const types = sample.operands.map((type) => concreteType(type, dims));
  const slots = drawSlots(random, types, dims);
  const operands = types.map((type, i) => {
    const bound = sample.indexBounds?.[i];
    return drawValue(random, type, { name: operandName(record, i), bound, dims, slots });
  });
  return { operands, types, dims };
}

interface Place {
  readonly name: string;
  readonly bound: number | undefined;
  readonly dims: DimEnv;
  readonly slots: Slots;
}

/** Different slots of different sequences, shuffled; one for each token or context place. */
interface Slots {
  readonly sequences: readonly number[];
  readonly positions: readonly number[];
  readonly layers: number;
}

function drawSlots(random: Random, types: readonly ValueType[], { S = 1, B = 1 }: DimEnv): Slots {
  const cache = types.find((type) => type.kind === "kv_cache");
  const perSequence = B * (cache?.blockSize ?? 1);
  const order = shuffled(random, S * perSequence);
  return {
    sequences: order.map((slot) => Math.floor(slot / perSequence)),
    positions: order.map((slot) => slot % perSequence),
    layers: cache?.layers ?? 1,
  };
}

export function shuffled(random: Random, count: number): number[] {
  const order = Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

function drawValue(random: Random, type: ValueType, place: Place): Value {
  switch (type.kind) {
    case "tensor":
      return drawTensor(random, type, place);
    case "kv_cache":
      return drawCache(random, type, place.dims["P"] ?? 4);
    case "quantized":
      return drawQuantized(random, type);
    case "packed":
      throw new Error("core ops take no packed constants");
  }
}

function drawTensor(
  random: Random,
  { dtype, shape }: TensorType,
  { name, bound, dims, slots }: Place,
): Value {
  const count = elementCount(shape);
  const numbers = (draw: (i: number) => number): Value =>
    tensorValue(
      dtype,
      shape.map(Number),
      Array.from({ length: count }, (_, i) => draw(i)),
    );
  if (isFloat(dtype)) return numbers(() => random.normal());
  if (dtype === "i1") return numbers(() => random.below(3) && 1);
  if (bound !== undefined) return numbers(() => random.below(bound));
  if (name === "layer") return numbers(() => random.below(slots.layers));
  if (name === "block_table") {
    const order = shuffled(random, dims["P"] ?? 1);
    return numbers((i) => order[i] ?? 0);
  }
  if (name.endsWith("sequences")) return numbers((i) => slots.sequences[i] ?? 0);
  if (name.endsWith("positions")) return numbers((i) => slots.positions[i] ?? 0);
  return numbers(() => random.below(dtype === "i32" ? 7 : 100) - 3);
}

export function drawCache(random: Random, type: KvCacheType, blocks: number): Value {
  const cache = emptyCache(type, blocks);
  for (const half of [cache.keys, cache.values]) half.set(roundHeads(type, half.map(() => random.normal())));
  return cache;
}

export function drawQuantized(random: Random, type: QuantizedType): QuantizedValue {
  const value = newQuantized(type);
  const most = 2 ** (type.bits - 1) - 1;
  const least = type.minimums ? 0 : -most;
  value.codes.forEach((_, i) => (value.codes[i] = least + random.below(2 * most + 1)));
  const factor = type.superGroup === undefined ? 1 : 24;
  for (const scales of [value.scales, value.minimums]) {
    scales?.forEach((_, i) => (scales[i] = roundToHalf(random.normal() / most / factor)));
  }
  for (const factors of [value.subScales, value.subMinimums]) {
    factors?.forEach((_, i) => (factors[i] = random.below(2 * factor) - (type.minimums ? 0 : factor)));
  }
  return value;
}
