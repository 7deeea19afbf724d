/**
 * The paged KV cache. Position p of sequence s lies in block block_table[s, p / blockSize], at the slot
 * p % blockSize. Indices that lead outside throw a `RangeError`: they come from whoever runs the step.
 */

import { invariant } from "../../base/index.js";
import type { Scalar, Statement } from "../loop-form.js";
import { binary, cast, index, load, local, loop, nest, number, store, unary } from "../loop-form.js";
import type { OpRecord, OpSample } from "../op.js";
import type { KvCacheType, ValueType } from "../types.js";
import { elementCount, tensor } from "../types.js";
import type { KvCacheValue, Value } from "../values.js";
import { roundTo } from "../values.js";
import { LARGEST_CODE, lowerGroupScale, roundGroups } from "./codes.js";
import { defineCoreOp, draftBySignature } from "./drawing.js";
import { int, loadFloat, mul, overElements, resultOf, tensorOf } from "./loop-parts.js";
import { inferBySignature, signature } from "./signature.js";
import { cacheAt, floatsOf, intsOf, newResult, tensorAt } from "./tensor-access.js";

/** The tensors that lead to a slot. */
export interface SlotAddress {
  readonly cache: KvCacheValue;
  readonly layer: number;
  /** [S, B] */
  readonly blockTable: Int32Array;
  /** Entries of the table for each sequence. */
  readonly blocksPerSequence: number;
}

/** Reads `layer` and `block_table`, which stand next to each other among the operands. */
export function slotAddress(
  operands: readonly Value[],
  cachePosition: number,
  layerPosition: number,
): SlotAddress {
  const cache = cacheAt(operands, cachePosition);
  const layer = intsOf(tensorAt(operands, layerPosition))[0]!;
  const blockTable = tensorAt(operands, layerPosition + 1);
  if (layer < 0 || layer >= cache.type.layers) {
    throw new RangeError(`layer ${layer} of a cache of ${cache.type.layers} layers was asked for`);
  }
  return { cache, layer, blockTable: intsOf(blockTable), blocksPerSequence: blockTable.shape[1]! };
}

/** Where the heads of one position start in `cache.keys` and `cache.values`. */
export function slotOffset(
  { cache, layer, blockTable, blocksPerSequence }: SlotAddress,
  sequence: number,
  position: number,
): number {
  const { blockSize, heads, headDim } = cache.type;
  const entry = Math.floor(position / blockSize);
  if (position < 0 || entry >= blocksPerSequence) {
    throw new RangeError(
      `position ${position} is outside a block table of ${blocksPerSequence} blocks of ${blockSize}`,
    );
  }
  const block = sequence < 0 ? undefined : blockTable[sequence * blocksPerSequence + entry];
  if (block === undefined) {
    throw new RangeError(
      `sequence ${sequence} has no row in a block table of ${blockTable.length / blocksPerSequence} rows`,
    );
  }
  if (block < 0 || block >= cache.blocks) {
    throw new RangeError(`block ${block} of a pool of ${cache.blocks} blocks is in the block table`);
  }
  return ((layer * cache.blocks + block) * blockSize + (position % blockSize)) * heads * headDim;
}

/** Loop-form indices of one slot: layer, block, place in the block. */
export function slotIndices(
  { blockSize }: KvCacheType,
  sequence: Scalar,
  position: Scalar,
): readonly Scalar[] {
  const entry = binary("quotient", position, int(blockSize));
  return [load("layer"), load("block_table", sequence, entry), binary("remainder", position, int(blockSize))];
}

/** Element `d` of a head at a position, given its indices: layer, block, place in the block, head. */
export function loadCached(
  { dtype }: KvCacheType,
  which: "keys" | "values",
  head: readonly Scalar[],
  d: Scalar,
): Scalar {
  const element = loadFloat(`cache_${which}`, ...head, d);
  return dtype === "i8" ? mul(element, load(scalesOf(which), ...head)) : element;
}

function scalesOf(which: "keys" | "values"): string {
  return which === "keys" ? "cache_key_scales" : "cache_value_scales";
}

/** Heads, one after another, as a cache of this type keeps them. */
export function roundHeads({ dtype, headDim }: KvCacheType, heads: Float32Array): Float32Array {
  return dtype === "i8" ? roundGroups(heads, headDim) : heads.map((value) => roundTo(dtype, value));
}

export function cacheType(type: ValueType | undefined): KvCacheType {
  invariant(type?.kind === "kv_cache", "type inference has made sure of a cache");
  return type;
}

const appendTypes = signature(
  "cache: kv_cache[G, D], keys: f32[T, G, D], values: f32[T, G, D], layer: i32[], block_table: i32[S, B], " +
    "sequences: i32[T], positions: i32[T] -> kv_cache[G, D]",
);

const sampleCache: KvCacheType = {
  kind: "kv_cache",
  layers: 2,
  blockSize: 4,
  heads: 2,
  headDim: 3,
  dtype: "f32",
};

function cacheSample(type: KvCacheType, operands: (rows: OpSampleRows) => readonly ValueType[]): OpSample {
  const rows = { block_table: tensor("i32", "S", "B"), layer: tensor("i32"), type };
  return { operands: operands(rows), attrs: {}, dims: { T: 5, S: 2, B: 3, P: 7, C: 9 } };
}

interface OpSampleRows {
  readonly type: KvCacheType;
  readonly layer: ValueType;
  readonly block_table: ValueType;
}

const appendKv = defineCoreOp({
  name: "append_kv",
  doc: "The cache with the keys and values of the step's tokens written at their positions, as it keeps them.",
  operands: appendTypes.names,
  attrs: {},
  traits: ["pure"],
  infer: (types) => inferBySignature("append_kv", appendTypes, types),
  evaluate: (operands) => {
    const cache = cacheAt(operands, 0);
    return append({ ...cache, keys: cache.keys.slice(), values: cache.values.slice() }, operands);
  },
  evaluateInPlace: (operands) => append(cacheAt(operands, 0), operands),
  work: ([, keys]) => {
    const count = elementCount(tensorOf(keys).shape);
    return { flops: 0, bytesRead: 8 * count, bytesWritten: 8 * count };
  },
  lower: ({ operands }) => {
    const type = cacheType(operands[0]);
    const [t, h, d] = [index("t"), index("h"), index("d")];
    const slot = slotIndices(type, load("sequences", t), load("positions", t));
    const heads = [
      { name: "t", extent: tensorOf(operands[1]).shape[0]! },
      { name: "h", extent: type.heads },
    ];
    if (type.dtype === "i8") {
      const write = (which: "keys" | "values") => storeCodes(which, [...slot, h], (i) => load(which, t, h, i), type);
      return [...nest(heads, "parallel", write("keys")), ...nest(heads, "parallel", write("values"))];
    }
    const write = (buffer: string, from: string) =>
      store(buffer, [...slot, h, d], cast(type.dtype, load(from, t, h, d)));
    const elements = [...heads, { name: "d", extent: type.headDim }];
    return nest(elements, "parallel", [write("cache_keys", "keys"), write("cache_values", "values")]);
  },
  draw: draftBySignature(appendTypes),
  samples: [sampleCache, { ...sampleCache, dtype: "f16" as const }].map((each) =>
    cacheSample(each, ({ type, layer, block_table }) => [
      type,
      tensor("f32", "T", 2, 3),
      tensor("f32", "T", 2, 3),
      layer,
      block_table,
      tensor("i32", "T"),
      tensor("i32", "T"),
    ]),
  ),
});

/** A head as codes and their scale. */
function storeCodes(
  which: "keys" | "values",
  head: readonly Scalar[],
  element: (index: Scalar) => Scalar,
  { headDim }: KvCacheType,
): readonly Statement[] {
  const steps = unary("round", mul(element(index("d")), local("inverse")));
  // Of a NaN, which the scale keeps, no code is made.
  const code = binary("max", number(-LARGEST_CODE), binary("min", number(LARGEST_CODE), steps));
  return [
    ...lowerGroupScale(headDim, element(index("a"))),
    store(scalesOf(which), [...head], local("scale")),
    loop("d", headDim, "serial", [store(`cache_${which}`, [...head, index("d")], cast("i8", code))]),
  ];
}

/** Writes into a cache that belongs to the caller. */
function append(cache: KvCacheValue, operands: readonly Value[]): KvCacheValue {
  const address = slotAddress([cache, ...operands.slice(1)], 0, 3);
  const [keys, values] = [floatsOf(tensorAt(operands, 1)), floatsOf(tensorAt(operands, 2))];
  const [sequences, positions] = [intsOf(tensorAt(operands, 5)), intsOf(tensorAt(operands, 6))];
  const width = cache.type.heads * cache.type.headDim;
  const [roundedKeys, roundedValues] = [roundHeads(cache.type, keys), roundHeads(cache.type, values)];
  // All places are checked before the first write, so that a refused step leaves the cache as it was.
  const places = Array.from(positions, (position, t) => slotOffset(address, sequences[t]!, position));
  places.forEach((place, t) => {
    cache.keys.set(roundedKeys.subarray(t * width, (t + 1) * width), place);
    cache.values.set(roundedValues.subarray(t * width, (t + 1) * width), place);
  });
  return cache;
}

const lookupTypes = signature(
  "cache: kv_cache[G, D], layer: i32[], block_table: i32[S, B], context_sequences: i32[C], " +
    "context_positions: i32[C] -> f32[C, G, D]",
);

function lookup<const Name extends string>(
  name: Name,
  which: "keys" | "values",
): OpRecord & { readonly name: Name } {
  return defineCoreOp({
    name,
    doc: `The ${which} of one layer at the given positions of the given sequences.`,
    operands: lookupTypes.names,
    attrs: {},
    traits: ["pure"],
    infer: (types) => inferBySignature(name, lookupTypes, types),
    evaluate: (operands, _, result) => {
      const address = slotAddress(operands, 0, 1);
      const [sequences, positions] = [intsOf(tensorAt(operands, 3)), intsOf(tensorAt(operands, 4))];
      const out = newResult(result);
      const width = address.cache.type.heads * address.cache.type.headDim;
      positions.forEach((position, c) => {
        const place = slotOffset(address, sequences[c]!, position);
        out.data.set(address.cache[which].subarray(place, place + width), c * width);
      });
      return out;
    },
    work: (_operands, _attrs, result) => ({ flops: 0, bytesRead: 4 * elementCount(tensorOf(result).shape) }),
    lower: (input) => {
      const { shape } = resultOf(input);
      const [c = int(0), h = int(0), d = int(0)] = shape.map((_, i) => index(`i${i}`));
      const type = cacheType(input.operands[0]);
      const slot = slotIndices(type, load("context_sequences", c), load("context_positions", c));
      return overElements(shape, [store("result", [c, h, d], loadCached(type, which, [...slot, h], d))]);
    },
    draw: draftBySignature(lookupTypes),
    samples: [
      cacheSample(sampleCache, ({ type, layer, block_table }) => [
        type,
        layer,
        block_table,
        tensor("i32", "C"),
        tensor("i32", "C"),
      ]),
    ],
  });
}

export const cacheOps = [appendKv, lookup("lookup_keys", "keys"), lookup("lookup_values", "values")] as const;
