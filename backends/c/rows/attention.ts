/** Rotary positions, the paged cache, and attention over it. */

import { invariant } from "../../../src/base/index.js";
import type { Attrs, KvCacheType, TensorType, ValueType } from "../../../src/ir/index.js";
import { defineOp, elementCount, tensor } from "../../../src/ir/index.js";
import type { CArgument, CKernelRow } from "../kernel-row.js";
import { MOST_LANES } from "../kernel-row.js";
import {
  cFloat,
  columnsAsHeads, coreOp, illTyped, meaning, requireCache, requireF32, requireFrequencies, requireIndices,
  requireNumber, requireStyle,
} from "../../../src/codegen/index.js";

function tensorOf(type: ValueType | undefined): TensorType {
  invariant(type?.kind === "tensor", "type inference has made sure of a tensor");
  return type;
}

function cacheOf(type: ValueType | undefined): KvCacheType {
  invariant(type?.kind === "kv_cache", "type inference has made sure of a cache");
  return type;
}

function widthOf({ shape }: TensorType): number {
  return shape.slice(1).reduce<number>((count, dim) => count * Number(dim), 1);
}

/** The cache and where a sequence's blocks are, as the kernels take them. */
function pagedCache(layer: CArgument | undefined, table: CArgument | undefined): string {
  return `&(PagedCache){s->keys, s->values, ${layer?.scalar ?? "0"}, s->P, ${table?.text ?? "NULL"}, s->B}`;
}

function isInterleaved(attrs: Attrs): string {
  return attrs["style"] === "interleaved" ? "1" : "0";
}

const styles = ["halves", "interleaved"] as const;
const smallCache: KvCacheType = { kind: "kv_cache", layers: 2, blockSize: 4, heads: 2, headDim: 8, dtype: "f32" };
const oddCache: KvCacheType = { kind: "kv_cache", layers: 1, blockSize: 3, heads: 1, headDim: 10, dtype: "f32" };

function refusesCache(types: readonly ValueType[]): string | undefined {
  const cache = types.find((type) => type.kind === "kv_cache");
  if (cache === undefined || cache.dtype === "f32") return undefined;
  return `the cache holds ${cache.dtype}, this kernel reads f32`;
}

const rope: CKernelRow = {
  family: "elementwise",
  ...defineOp({
    name: "c.rope",
    doc: "`rope` of heads that are columns offset … offset + heads * head_dim of each row.",
    operands: ["x", "positions", "frequencies"],
    attrs: { offset: "int", heads: "int", head_dim: "int", style: "string" },
    traits: ["pure"],
    infer: ([x, positions, frequencies], { offset, heads, head_dim: headDim, style }) => {
      const type = requireF32("c.rope", x, x?.kind === "tensor" && x.shape.length === 3 ? 3 : 2);
      type.shape.slice(1).forEach((dim) => requireNumber("c.rope", dim, "columns"));
      const isEven = headDim >= 2 && headDim % 2 === 0;
      if (offset < 0 || heads < 1 || !isEven || offset + heads * headDim > widthOf(type)) {
        illTyped(`\`c.rope\` reads ${heads} heads of ${headDim} from column ${offset}, but a row has ${widthOf(type)}`);
      }
      requireIndices("c.rope", positions, type.shape[0]);
      requireFrequencies("c.rope", frequencies, headDim);
      requireStyle("c.rope", style);
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
  }),
  instance: ([x], attrs) => {
    const [offset, heads, headDim] = [Number(attrs["offset"]), Number(attrs["heads"]), Number(attrs["head_dim"])];
    const width = widthOf(tensorOf(x));
    return {
      file: "rope.h",
      name: `rope_${heads}x${headDim}`,
      defines: [
        ["WIDTH", String(width)], ["OFFSET", String(offset)], ["HEADS", String(heads)],
        ["HEAD_DIM", String(headDim)], ["INTERLEAVED", isInterleaved(attrs)],
      ],
      comment: `out[T, ${heads}, ${headDim}] = columns ${offset} .. ${offset + heads * headDim - 1} of x[T, ${width}], turned`,
      scratchFloats: headDim,
      call: ([from, positions, frequencies], result, dim) => [
        dim(tensorOf(from?.type).shape[0] ?? 0), from?.text ?? "", positions?.text ?? "", frequencies?.text ?? "", result.text,
      ],
    };
  },
};

const ropeAppendKv: CKernelRow = {
  family: "movement",
  ...defineOp({
    name: "c.rope_append_kv",
    doc: "Keys and values from columns of `x` into the cache; keys are turned by their positions first.",
    operands: ["cache", "x", "layer", "block_table", "sequences", "positions", "frequencies"],
    attrs: { key_offset: "int", value_offset: "int", style: "string" },
    traits: ["pure"],
    infer: ([cache, x, layer, blockTable, sequences, positions, frequencies], attrs) => {
      const type = requireCache("c.rope_append_kv", cache);
      const rows = requireF32("c.rope_append_kv", x, 2);
      const [width, size] = [requireNumber("c.rope_append_kv", rows.shape[1], "columns"), type.heads * type.headDim];
      for (const offset of [attrs.key_offset, attrs.value_offset]) {
        if (offset < 0 || offset + size > width) {
          illTyped(`\`c.rope_append_kv\` reads ${size} columns from ${offset}, but a row has ${width}`);
        }
      }
      if (type.headDim % 2 !== 0) illTyped(`\`c.rope_append_kv\` turns pairs, found heads of ${type.headDim}`);
      requireIndices("c.rope_append_kv", layer);
      requireIndices("c.rope_append_kv", blockTable, undefined, undefined);
      requireIndices("c.rope_append_kv", sequences, rows.shape[0]);
      requireIndices("c.rope_append_kv", positions, rows.shape[0]);
      requireFrequencies("c.rope_append_kv", frequencies, type.headDim);
      requireStyle("c.rope_append_kv", attrs.style);
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
      [smallCache, oddCache].map((cache) => {
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
  }),
  refuses: refusesCache,
  instance: ([cache, x], attrs) => {
    const { heads, headDim, blockSize } = cacheOf(cache);
    const width = widthOf(tensorOf(x));
    const [keys, values] = [Number(attrs["key_offset"]), Number(attrs["value_offset"])];
    return {
      file: "rope_append_kv.h",
      name: `rope_append_kv_${heads}x${headDim}`,
      defines: [
        ["WIDTH", String(width)], ["KEY_OFFSET", String(keys)], ["VALUE_OFFSET", String(values)],
        ["KV_HEADS", String(heads)], ["HEAD_DIM", String(headDim)], ["BLOCK_SIZE", String(blockSize)],
        ["INTERLEAVED", isInterleaved(attrs)],
      ],
      comment: `cache <- turned keys (columns ${keys} ..) and values (columns ${values} ..) of x[T, ${width}]`,
      scratchFloats: headDim,
      call: ([, from, layer, table, sequences, positions, frequencies], _result, dim) => [
        dim(tensorOf(from?.type).shape[0] ?? 0), pagedCache(layer, table), from?.text ?? "", sequences?.text ?? "",
        positions?.text ?? "", frequencies?.text ?? "",
      ],
    };
  },
};

const pagedAttention: CKernelRow = {
  family: "attention",
  ...defineOp({
    name: "c.paged_attention",
    doc: "`paged_attention` in f32: one pass over the blocks of a token's sequence.",
    operands: ["q", "cache", "layer", "block_table", "sequences", "positions"],
    attrs: { scale: "float" },
    traits: ["pure"],
    infer: ([q, cache, layer, blockTable, sequences, positions]) => {
      const type = requireF32("c.paged_attention", q, 3);
      const { heads, headDim } = requireCache("c.paged_attention", cache);
      const queryHeads = requireNumber("c.paged_attention", type.shape[1], "heads");
      if (type.shape[2] !== headDim) {
        illTyped(`\`c.paged_attention\` needs query heads of ${headDim}, as the cache has, found ${type.shape[2] ?? 0}`);
      }
      if (queryHeads % heads !== 0) {
        illTyped(`\`c.paged_attention\` needs a multiple of ${heads} query heads, found ${queryHeads}`);
      }
      requireIndices("c.paged_attention", layer);
      requireIndices("c.paged_attention", blockTable, undefined, undefined);
      requireIndices("c.paged_attention", sequences, type.shape[0]);
      requireIndices("c.paged_attention", positions, type.shape[0]);
      return type;
    },
    evaluate: (operands, attrs) => meaning("paged_attention", operands, attrs),
    work: (operands, attrs, result) => coreOp("paged_attention").work(operands, attrs, result),
    samples: [smallCache, oddCache].map((cache) => ({
      operands: [
        tensor("f32", "T", 4, cache.headDim), cache, tensor("i32"), tensor("i32", "S", "B"), tensor("i32", "T"),
        tensor("i32", "T"),
      ],
      attrs: { scale: 0.25 },
      dims: { T: 3, S: 2, B: 2, P: 4 },
    })),
  }),
  refuses: refusesCache,
  instance: ([q, cache], { scale }) => {
    const { heads: kvHeads, headDim, blockSize } = cacheOf(cache);
    const heads = Number(tensorOf(q).shape[1]);
    const whole = (count: number): number => Math.ceil(count / MOST_LANES) * MOST_LANES;
    return {
      file: "paged_attention.h",
      name: `paged_attention_${heads}x${headDim}_kv${kvHeads}`,
      defines: [
        ["HEADS", String(heads)], ["KV_HEADS", String(kvHeads)], ["HEAD_DIM", String(headDim)],
        ["BLOCK_SIZE", String(blockSize)], ["SCALE", cFloat(Number(scale))],
      ],
      comment: `out[T, ${heads}, ${headDim}] = softmax(${String(scale)} q keys) values, ${kvHeads} KV heads, causal`,
      scratchFloats: (heads / kvHeads) * (whole(headDim) + whole(blockSize) + 2),
      call: ([query, , layer, table, sequences, positions], result, dim) => [
        dim(tensorOf(query?.type).shape[0] ?? 0), query?.text ?? "", pagedCache(layer, table), sequences?.text ?? "",
        positions?.text ?? "", result.text,
      ],
    };
  },
};

export const attentionRows: readonly CKernelRow[] = [rope, ropeAppendKv, pagedAttention];
