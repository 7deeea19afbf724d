/** Rotary positions, the paged cache, and attention over it. */

import { invariant } from "../../../src/base/index.js";
import {
  cacheOf, cFloat, firstDim, pagedAttentionKernel, ropeAppendKvKernel, ropeKernel, tensorOf,
  widthOf,
} from "../../../src/codegen/index.js";
import type { Attrs, KvCacheType } from "../../../src/ir/index.js";
import type { CudaArgument, CudaKernelRow } from "../kernel-row.js";

/** Types of paged-cache.cuh. */
const storedTypes = { f32: "float", f16: "StoredHalf", bf16: "StoredBrain" } as const;

function storedType({ dtype }: KvCacheType): string {
  invariant(dtype !== "i8", "type inference has refused codes");
  return storedTypes[dtype];
}

/** The cache and where a sequence's blocks are, as the kernels take them. */
function pagedCache(
  type: KvCacheType,
  layer: CudaArgument | undefined,
  table: CudaArgument | undefined,
): string {
  return `paged_cache<${storedType(type)}>(s, ${layer?.text ?? ""}, ${table?.text ?? ""})`;
}

function isInterleaved(attrs: Attrs): string {
  return attrs["style"] === "interleaved" ? "1" : "0";
}

const rope: CudaKernelRow = {
  family: "elementwise",
  ...ropeKernel("cuda"),
  instance: ([x], attrs) => {
    const [offset, heads, headDim] = [Number(attrs["offset"]), Number(attrs["heads"]), Number(attrs["head_dim"])];
    const width = widthOf(x);
    return {
      file: "rope.cuh",
      name: `rope_${heads}x${headDim}`,
      defines: [
        ["WIDTH", String(width)], ["OFFSET", String(offset)], ["HEADS", String(heads)],
        ["HEAD_DIM", String(headDim)], ["INTERLEAVED", isInterleaved(attrs)],
      ],
      comment: `out[T, ${heads}, ${headDim}] = columns ${offset} .. ${offset + heads * headDim - 1} of x[T, ${width}], turned`,
      call: ([from, positions, frequencies], result, dim) => [
        dim(firstDim(from?.type)), from?.text ?? "", positions?.text ?? "", frequencies?.text ?? "", result.text,
      ],
    };
  },
};

const ropeAppendKv: CudaKernelRow = {
  family: "movement",
  ...ropeAppendKvKernel("cuda"),
  instance: ([cache, x], attrs) => {
    const type = cacheOf(cache);
    const { heads, headDim, blockSize } = type;
    const width = widthOf(x);
    const [keys, values] = [Number(attrs["key_offset"]), Number(attrs["value_offset"])];
    return {
      file: "rope_append_kv.cuh",
      name: `rope_append_kv_${heads}x${headDim}`,
      defines: [
        ["WIDTH", String(width)], ["KEY_OFFSET", String(keys)], ["VALUE_OFFSET", String(values)],
        ["KV_HEADS", String(heads)], ["HEAD_DIM", String(headDim)], ["BLOCK_SIZE", String(blockSize)],
        ["STORED", storedType(type)],
        ["INTERLEAVED", isInterleaved(attrs)],
      ],
      comment: `cache <- turned keys (columns ${keys} ..) and values (columns ${values} ..) of x[T, ${width}]`,
      call: ([, from, layer, table, sequences, positions, frequencies], _result, dim) => [
        dim(firstDim(from?.type)), pagedCache(type, layer, table), from?.text ?? "", sequences?.text ?? "",
        positions?.text ?? "", frequencies?.text ?? "",
      ],
    };
  },
};

/**
 * Results of a block that fit into its shared memory, and elements of heads that fit into a lane's
 * registers.
 */
const MOST_RESULTS = 512;
const MOST_LANE_ELEMENTS = 32;

interface AttentionSplit {
  /** Query heads of one block. */
  readonly headsTogether: number;
  /** Lanes that share a slot. */
  readonly slotLanes: number;
}

/** As many heads of a group as fit share the loads of a key and a value. */
function splitHeads(group: number, headDim: number): AttentionSplit {
  const slotLanes = headDim <= 128 ? 16 : 32;
  const elements = Math.ceil(headDim / slotLanes);
  const fits = (count: number): boolean =>
    group % count === 0 && count * headDim <= MOST_RESULTS && count * elements <= MOST_LANE_ELEMENTS;
  const headsTogether = [8, 7, 6, 5, 4, 3, 2].find(fits) ?? 1;
  return { headsTogether, slotLanes };
}

const pagedAttention: CudaKernelRow = {
  family: "attention",
  ...pagedAttentionKernel("cuda"),
  refuses: (types) => {
    const { headDim } = cacheOf(types.find((type) => type.kind === "kv_cache"));
    return headDim > MOST_RESULTS ? `heads of ${headDim} are larger than ${MOST_RESULTS}` : undefined;
  },
  instance: ([q, cache], { scale }) => {
    const type = cacheOf(cache);
    const { heads: kvHeads, headDim, blockSize } = type;
    const heads = Number(tensorOf(q).shape[1]);
    const { headsTogether, slotLanes } = splitHeads(heads / kvHeads, headDim);
    return {
      file: "paged_attention.cuh",
      name: `paged_attention_${heads}x${headDim}_kv${kvHeads}`,
      defines: [
        ["HEADS", String(heads)], ["KV_HEADS", String(kvHeads)], ["HEAD_DIM", String(headDim)],
        ["BLOCK_SIZE", String(blockSize)], ["STORED", storedType(type)], ["SCALE", cFloat(Number(scale))],
        ["HEADS_TOGETHER", String(headsTogether)], ["SLOT_LANES", String(slotLanes)],
      ],
      comment: `out[T, ${heads}, ${headDim}] = softmax(${String(scale)} q keys) values, ${kvHeads} KV heads, causal`,
      call: ([query, , layer, table, sequences, positions], result, dim) => [
        dim(firstDim(query?.type)), query?.text ?? "", pagedCache(type, layer, table), sequences?.text ?? "",
        positions?.text ?? "", result.text,
      ],
    };
  },
};

export const attentionRows: readonly CudaKernelRow[] = [rope, ropeAppendKv, pagedAttention];
