/** Rotary positions, the paged cache, and attention over it. */

import {
  cacheOf, cFloat, firstDim, pagedAttentionKernel, pagedWindowAttentionKernel, ropeAppendKvKernel, ropeKernel,
  tensorOf, widthOf,
} from "../../../src/codegen/index.js";
import type { Attrs, KvCacheType, TensorType } from "../../../src/ir/index.js";
import { cacheDtypes } from "../../../src/ir/index.js";
import type { CArgument, CKernelRow, KernelInstance } from "../kernel-row.js";
import { MOST_LANES } from "../kernel-row.js";

/** The cache and where a sequence's blocks are, as the kernels take them. */
function pagedCache(layer: CArgument | undefined, table: CArgument | undefined): string {
  return `&(PagedCache){s->keys, s->values, s->key_scales, s->value_scales, ${layer?.scalar ?? "0"}, s->P, ${table?.text ?? "NULL"}, s->B}`;
}

function isInterleaved(attrs: Attrs): string {
  return attrs["style"] === "interleaved" ? "1" : "0";
}

const rope: CKernelRow = {
  family: "elementwise",
  ...ropeKernel("c"),
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
        dim(firstDim(from?.type)), from?.text ?? "", positions?.text ?? "", frequencies?.text ?? "", result.text,
      ],
    };
  },
};

const ropeAppendKv: CKernelRow = {
  family: "movement",
  ...ropeAppendKvKernel("c", cacheDtypes),
  instance: ([cache, x], attrs) => {
    const { heads, headDim, blockSize, dtype } = cacheOf(cache);
    const width = widthOf(tensorOf(x));
    const [keys, values] = [Number(attrs["key_offset"]), Number(attrs["value_offset"])];
    return {
      file: "rope_append_kv.h",
      name: `rope_append_kv_${heads}x${headDim}`,
      defines: [
        ["WIDTH", String(width)], ["KEY_OFFSET", String(keys)], ["VALUE_OFFSET", String(values)],
        ["KV_HEADS", String(heads)], ["HEAD_DIM", String(headDim)], ["BLOCK_SIZE", String(blockSize)],
        ["FORMAT", dtype.toUpperCase()], ["INTERLEAVED", isInterleaved(attrs)],
      ],
      comment: `cache (${dtype}) <- turned keys (columns ${keys} ..) and values (columns ${values} ..) of x[T, ${width}]`,
      scratchFloats: 2 * headDim,
      call: ([, from, layer, table, sequences, positions, frequencies], _result, dim) => [
        dim(firstDim(from?.type)), pagedCache(layer, table), from?.text ?? "", sequences?.text ?? "",
        positions?.text ?? "", frequencies?.text ?? "",
      ],
    };
  },
};

export const pagedAttention: CKernelRow = {
  family: "attention",
  ...pagedAttentionKernel("c", cacheDtypes),
  instance: ([q, cache], attrs) => pagedInstance(tensorOf(q), cacheOf(cache), attrs),
};

export const pagedWindowAttention: CKernelRow = {
  family: "attention",
  ...pagedWindowAttentionKernel("c", cacheDtypes),
  instance: ([q, cache], attrs) => pagedInstance(tensorOf(q), cacheOf(cache), attrs),
};

function pagedInstance(q: TensorType, cache: KvCacheType, attrs: Attrs): KernelInstance {
  const { heads: kvHeads, headDim, blockSize, dtype } = cache;
  const [heads, scale, window] = [Number(q.shape[1]), Number(attrs["scale"]), Number(attrs["window"] ?? 0)];
  const seen = window === 0 ? "causal" : `the last ${window} positions`;
  return {
    file: "paged_attention.h",
    name: `paged_${window === 0 ? "" : "window_"}attention_${heads}x${headDim}_kv${kvHeads}`,
    defines: [
      ["HEADS", String(heads)], ["KV_HEADS", String(kvHeads)], ["HEAD_DIM", String(headDim)],
      ["BLOCK_SIZE", String(blockSize)], ["FORMAT", dtype.toUpperCase()], ["WINDOW", String(window)],
      ["SCALE", cFloat(scale)],
    ],
    comment:
      `out[T, ${heads}, ${headDim}] = softmax(${String(scale)} q keys) values, ` +
      `${kvHeads} KV heads of ${dtype}, ${seen}`,
    ...attentionMemory(heads, cache),
    call: ([query, , layer, table, sequences, positions], result, dim) => [
      dim(firstDim(query?.type)), query?.text ?? "", pagedCache(layer, table), sequences?.text ?? "",
      positions?.text ?? "", result.text,
    ],
  };
}

/* As in paged_attention.h and the files that it includes. */
const [FEW, SPANS, TILE_KEYS, TILE_ROWS, LINE_BYTES] = [16, 16, 48, 64, 64];

/** Of a thread: one token's queries and sums, or a tile. Of all: the sums of each span of few tokens. */
function attentionMemory(heads: number, { heads: kvHeads, headDim }: KvCacheType) {
  const whole = (count: number, unit: number): number => Math.ceil(count / unit) * unit;
  const [group, wide] = [heads / kvHeads, whole(headDim, MOST_LANES)];
  const sums = heads * wide + 2 * kvHeads * whole(group, MOST_LANES);
  const rows = whole(Math.max(1, Math.floor(TILE_ROWS / group)) * group, TILE_ROWS);
  const tile = rows * (headDim + TILE_KEYS + wide + 4) + 2 * TILE_KEYS * wide;
  return {
    scratchFloats: Math.max(tile, heads * wide + sums),
    sharedBytes: LINE_BYTES + whole(FEW * SPANS * sums * 4, LINE_BYTES),
  };
}

export const attentionRows: readonly CKernelRow[] = [
  rope, ropeAppendKv, pagedAttention, pagedWindowAttention,
];
