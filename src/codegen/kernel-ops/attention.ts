/**
 * Ops of kernels that every target has under a name of its own (`c.rope`, `wgsl.rope`): rotary positions, the
 * paged cache, and attention over it. Types, meaning, work and samples; how a target runs them is its row's.
 */

import { invariant } from "../../base/index.js";
import type { Attrs, CacheDType, KvCacheType, OpRecord, TensorType, ValueType } from "../../ir/index.js";
import { defineOp, elementCount, floatDtypes, tensor } from "../../ir/index.js";
import {
  columnsAsHeads, coreOp, illTyped, meaning, requireCache, requireF32, requireFrequencies, requireIndices,
  requireNumber, requireStyle,
} from "./checks.js";
import { cacheOf, tensorOf, widthOf } from "./shapes.js";

const styles = ["halves", "interleaved"] as const;
const smallCache: KvCacheType = {
  kind: "kv_cache", layers: 2, blockSize: 4, heads: 2, headDim: 8, dtype: "f32",
};
const halfCache: KvCacheType = { ...smallCache, dtype: "f16" };
const brainCache: KvCacheType = { ...smallCache, dtype: "bf16" };
const codesCache: KvCacheType = { ...smallCache, dtype: "i8" };
const oddCache: KvCacheType = {
  kind: "kv_cache", layers: 1, blockSize: 3, heads: 1, headDim: 10, dtype: "f32",
};

const sampleCaches = [smallCache, oddCache, halfCache, brainCache, codesCache];

function requireReadable(
  op: string,
  cache: ValueType | undefined,
  known: readonly CacheDType[],
): KvCacheType {
  const type = requireCache(op, cache);
  if (!known.includes(type.dtype)) illTyped(`\`${op}\` knows caches of ${known.join(", ")}, found ${type.dtype}`);
  return type;
}

/** Rotation of heads that are columns of a wider row. */
export function ropeKernel(target: string): OpRecord {
  const name = `${target}.rope`;
  return defineOp({
    name,
    doc: "`rope` of heads that are columns offset … offset + heads * head_dim of each row.",
    operands: ["x", "positions", "frequencies"],
    attrs: { offset: "int", heads: "int", head_dim: "int", style: "string" },
    traits: ["pure"],
    infer: ([x, positions, frequencies], { offset, heads, head_dim: headDim, style }) => {
      const type = requireF32(name, x, x?.kind === "tensor" && x.shape.length === 3 ? 3 : 2);
      type.shape.slice(1).forEach((dim) => requireNumber(name, dim, "columns"));
      const isEven = headDim >= 2 && headDim % 2 === 0;
      if (offset < 0 || heads < 1 || !isEven || offset + heads * headDim > widthOf(type)) {
        illTyped(`\`${name}\` reads ${heads} heads of ${headDim} from column ${offset}, but a row has ${widthOf(type)}`);
      }
      requireIndices(name, positions, type.shape[0]);
      requireFrequencies(name, frequencies, headDim);
      requireStyle(name, style);
      return tensor("f32", type.shape[0] ?? 0, heads, headDim);
    },
    evaluate: ([x, positions, frequencies], { offset, heads, head_dim: headDim, style }) => {
      invariant(x !== undefined && positions !== undefined && frequencies !== undefined, "three operands");
      return meaning("rope", [columnsAsHeads(x, offset, heads, headDim), positions, frequencies], { style });
    },
    work: (_operands, _attrs, result) => ({
      flops: 4 * elementCount(tensorOf(result).shape),
      bytesRead: 4 * elementCount(tensorOf(result).shape),
    }),
    samples: styles.flatMap((style) => [
      {
        operands: [tensor("f32", "T", 40), tensor("i32", "T"), tensor("f32", 4)],
        attrs: { offset: 8, heads: 3, head_dim: 8, style },
        dims: { T: 3 },
        indexBounds: { 1: 5000 },
      },
      {
        operands: [tensor("f32", "T", 2, 10), tensor("i32", "T"), tensor("f32", 5)],
        attrs: { offset: 0, heads: 2, head_dim: 10, style },
        dims: { T: 2 },
        indexBounds: { 1: 100 },
      },
    ]),
  });
}

/** Keys turned and stored with their values. */
export function ropeAppendKvKernel(target: string, caches: readonly CacheDType[] = floatDtypes): OpRecord {
  const name = `${target}.rope_append_kv`;
  return defineOp({
    name,
    doc: "Keys and values from columns of `x` into the cache; keys are turned by their positions first.",
    operands: ["cache", "x", "layer", "block_table", "sequences", "positions", "frequencies"],
    attrs: { key_offset: "int", value_offset: "int", style: "string" },
    traits: ["pure"],
    infer: ([cache, x, layer, blockTable, sequences, positions, frequencies], attrs) => {
      const type = requireReadable(name, cache, caches);
      const rows = requireF32(name, x, 2);
      const [width, size] = [requireNumber(name, rows.shape[1], "columns"), type.heads * type.headDim];
      for (const offset of [attrs.key_offset, attrs.value_offset]) {
        if (offset < 0 || offset + size > width) {
          illTyped(`\`${name}\` reads ${size} columns from ${offset}, but a row has ${width}`);
        }
      }
      if (type.headDim % 2 !== 0) illTyped(`\`${name}\` turns pairs, found heads of ${type.headDim}`);
      requireIndices(name, layer);
      requireIndices(name, blockTable, undefined, undefined);
      requireIndices(name, sequences, rows.shape[0]);
      requireIndices(name, positions, rows.shape[0]);
      requireFrequencies(name, frequencies, type.headDim);
      requireStyle(name, attrs.style);
      return type;
    },
    evaluate: ([cache, x, layer, blockTable, sequences, positions, frequencies], attrs) => {
      invariant(cache?.kind === "kv_cache" && x !== undefined && layer !== undefined && blockTable !== undefined, "operands");
      invariant(sequences !== undefined && positions !== undefined && frequencies !== undefined, "operands");
      const { heads, headDim } = cache.type;
      const keys = columnsAsHeads(x, attrs.key_offset, heads, headDim);
      const values = columnsAsHeads(x, attrs.value_offset, heads, headDim);
      const turned = meaning("rope", [keys, positions, frequencies], { style: attrs.style });
      return meaning("append_kv", [cache, turned, values, layer, blockTable, sequences, positions]);
    },
    work: ([cache, x]) => {
      const { heads, headDim } = cacheOf(cache);
      const elements = elementCount(tensorOf(x).shape.slice(0, 1)) * heads * headDim;
      return { flops: 4 * elements, bytesRead: 8 * elements, bytesWritten: 8 * elements };
    },
    samples: styles.flatMap((style) =>
      sampleCaches.filter(({ dtype }) => caches.includes(dtype)).map((cache) => {
        const size = cache.heads * cache.headDim;
        return {
          operands: [
            cache, tensor("f32", "T", 3 * size + 1), tensor("i32"), tensor("i32", "S", "B"), tensor("i32", "T"),
            tensor("i32", "T"), tensor("f32", cache.headDim / 2),
          ],
          attrs: { key_offset: size, value_offset: 2 * size + 1, style },
          dims: { T: 3, S: 2, B: 2, P: 4 },
        };
      }),
    ),
  });
}

const pagedOperands = ["q", "cache", "layer", "block_table", "sequences", "positions"] as const;

/** Attention straight from the paged cache. */
export function pagedAttentionKernel(target: string, caches: readonly CacheDType[] = floatDtypes): OpRecord {
  const name = `${target}.paged_attention`;
  return defineOp({
    name,
    doc: "`paged_attention` in f32: one pass over the blocks of a token's sequence.",
    operands: pagedOperands,
    attrs: { scale: "float" },
    traits: ["pure"],
    infer: (types) => inferPaged(name, types, caches),
    evaluate: (operands, attrs) => meaning("paged_attention", operands, attrs),
    work: (operands, attrs, result) => coreOp("paged_attention").work(operands, attrs, result),
    samples: pagedSamples({ scale: 0.25 }, caches),
  });
}

/** The same over the last positions alone. */
export function pagedWindowAttentionKernel(
  target: string,
  caches: readonly CacheDType[] = floatDtypes,
): OpRecord {
  const name = `${target}.paged_window_attention`;
  return defineOp({
    name,
    doc: "`paged_window_attention` in f32: one pass over the blocks that hold a token's window.",
    operands: pagedOperands,
    attrs: { scale: "float", window: "int" },
    traits: ["pure"],
    infer: (types, { window }) => {
      if (window < 1) illTyped(`\`${name}\` needs a window of one position or more, found ${window}`);
      return inferPaged(name, types, caches);
    },
    evaluate: (operands, attrs) => meaning("paged_window_attention", operands, attrs),
    work: (operands, attrs, result) => coreOp("paged_window_attention").work(operands, attrs, result),
    samples: [1, 3].flatMap((window) => pagedSamples({ scale: 0.25, window }, caches)),
  });
}

function inferPaged(
  name: string,
  [q, cache, layer, blockTable, sequences, positions]: readonly ValueType[],
  caches: readonly CacheDType[],
): TensorType {
  const type = requireF32(name, q, 3);
  const { heads, headDim } = requireReadable(name, cache, caches);
  const queryHeads = requireNumber(name, type.shape[1], "heads");
  if (type.shape[2] !== headDim) {
    illTyped(`\`${name}\` needs query heads of ${headDim}, as the cache has, found ${type.shape[2] ?? 0}`);
  }
  if (queryHeads % heads !== 0) {
    illTyped(`\`${name}\` needs a multiple of ${heads} query heads, found ${queryHeads}`);
  }
  requireIndices(name, layer);
  requireIndices(name, blockTable, undefined, undefined);
  requireIndices(name, sequences, type.shape[0]);
  requireIndices(name, positions, type.shape[0]);
  return type;
}

function pagedSamples<A extends Attrs>(attrs: A, caches: readonly CacheDType[]) {
  return sampleCaches.filter(({ dtype }) => caches.includes(dtype)).map((cache) => ({
    operands: [
      tensor("f32", "T", 4, cache.headDim), cache, tensor("i32"), tensor("i32", "S", "B"), tensor("i32", "T"),
      tensor("i32", "T"),
    ],
    attrs,
    dims: { T: 3, S: 2, B: 2, P: 4 },
  }));
}
