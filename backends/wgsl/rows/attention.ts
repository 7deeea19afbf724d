/** Rotary positions, the paged cache, and attention over it. */

import { at } from "../../../src/base/index.js";
import {
  cacheOf, pagedAttentionKernel, ropeAppendKvKernel, ropeKernel, tensorOf, wgslFloat, widthOf,
} from "../../../src/codegen/index.js";
import type { Attrs, KvCacheType } from "../../../src/ir/index.js";
import type { KernelAccess, KernelConstant, WgslKernelRow } from "../kernel-row.js";
import { integer, reads, writesResult } from "../kernel-row.js";
import { ELEMENT_WORKGROUP } from "./rowwise.js";

const TARGET = "wgsl";

/** Columns of a head that fit into workgroup memory and into the sums of an invocation. */
const MOST_HEAD_DIM = 1024;

function interleaved(attrs: Attrs): KernelConstant {
  return { name: "INTERLEAVED", type: "bool", value: String(attrs["style"] === "interleaved") };
}

function cacheSizes({ heads, headDim, blockSize }: KvCacheType): readonly KernelConstant[] {
  return [integer("KV_HEADS", heads), integer("HEAD_DIM", headDim), integer("BLOCK_SIZE", blockSize)];
}

/** Both halves of the cache, read or written. */
function cacheAccesses(
  operand: number,
  { dtype }: KvCacheType,
  use: Pick<KernelAccess, "reads" | "writes">,
): readonly KernelAccess[] {
  return (["cache_keys", "cache_values"] as const).map((name, i) => {
    return { name, value: operand, part: i === 0 ? 0 : 1, element: dtype, ...use };
  });
}

/** What stores of 16 bits are rounded by. */
function storingFiles({ dtype }: KvCacheType): readonly string[] {
  return dtype === "f32" ? [] : ["numbers/half.wgsl"];
}

const rope: WgslKernelRow = {
  family: "elementwise",
  ...ropeKernel(TARGET),
  instances: ([x], attrs) => {
    const [offset, heads, headDim] = [Number(attrs["offset"]), Number(attrs["heads"]), Number(attrs["head_dim"])];
    const [rows, width] = [at(tensorOf(x).shape, 0), widthOf(x)];
    const last = offset + heads * headDim - 1;
    return [
      {
        name: `rope_${String(attrs["style"])}_${width}_at${offset}_${heads}x${headDim}`,
        comment: `result[${rows}, ${heads}, ${headDim}] = columns ${offset} .. ${last} of x[${rows}, ${width}], turned`,
        constants: [
          integer("WIDTH", width), integer("OFFSET", offset), integer("HEADS", heads), integer("HEAD_DIM", headDim),
          interleaved(attrs),
        ],
        rows: [rows],
        files: ["numbers/trigonometry.wgsl", "kernels/rotation.wgsl", "kernels/rope.wgsl"],
        accesses: [reads("x", 0, "f32"), reads("positions", 1, "i32"), reads("frequencies", 2, "f32"), writesResult()],
        groups: [{ factors: [rows, (heads * headDim) / 2], per: ELEMENT_WORKGROUP }],
      },
    ];
  },
};

const ropeAppendKv: WgslKernelRow = {
  family: "movement",
  ...ropeAppendKvKernel(TARGET),
  instances: ([cache, x], attrs) => {
    const type = cacheOf(cache);
    const [rows, width] = [at(tensorOf(x).shape, 0), widthOf(x)];
    const [keys, values] = [Number(attrs["key_offset"]), Number(attrs["value_offset"])];
    return [
      {
        name: `rope_append_kv_${String(attrs["style"])}_${width}_at${keys}_${values}_${type.heads}x${type.headDim}_${type.dtype}`,
        comment: `cache <- turned keys (columns ${keys} ..) and values (columns ${values} ..) of x[${rows}, ${width}]`,
        constants: [
          integer("WIDTH", width), integer("KEY_OFFSET", keys), integer("VALUE_OFFSET", values), ...cacheSizes(type),
          interleaved(attrs),
        ],
        rows: [rows],
        files: [
          ...storingFiles(type), "numbers/trigonometry.wgsl", "kernels/rotation.wgsl", "kernels/paged-cache.wgsl",
          "kernels/rope-append-kv.wgsl",
        ],
        accesses: [
          ...cacheAccesses(0, type, { reads: false, writes: true }), reads("x", 1, "f32"), reads("block_table", 3, "i32"),
          reads("sequences", 4, "i32"), reads("positions", 5, "i32"), reads("frequencies", 6, "f32"),
        ],
        groups: [{ factors: [rows, (type.heads * type.headDim) / 2], per: ELEMENT_WORKGROUP }],
      },
    ];
  },
};

const pagedAttention: WgslKernelRow = {
  family: "attention",
  ...pagedAttentionKernel(TARGET),
  refuses: (types) => {
    const cache = types.find((type) => type.kind === "kv_cache");
    const tooWide = cache !== undefined && cache.headDim > MOST_HEAD_DIM;
    return tooWide ? `heads of ${cache.headDim} do not fit into workgroup memory` : undefined;
  },
  instances: ([q, cache], { scale }) => {
    const type = cacheOf(cache);
    const [rows, heads] = [at(tensorOf(q).shape, 0), Number(tensorOf(q).shape[1])];
    const { heads: kvHeads, headDim, blockSize } = type;
    return [
      {
        name: `paged_attention_${heads}x${headDim}_kv${kvHeads}_b${blockSize}_${type.dtype}_s${String(scale).replace(/[^0-9a-z]/g, "_")}`,
        comment: `result[${rows}, ${heads}, ${headDim}] = softmax(${String(scale)} q keys) values, ${kvHeads} KV heads, causal`,
        constants: [
          integer("HEADS", heads), ...cacheSizes(type), { name: "SCALE", type: "f32", value: wgslFloat(Number(scale)) },
        ],
        rows: [rows],
        files: ["numbers/exponential.wgsl", "kernels/paged-cache.wgsl", "kernels/paged-attention.wgsl"],
        accesses: [
          reads("q", 0, "f32"), ...cacheAccesses(1, type, { reads: true, writes: false }), reads("block_table", 3, "i32"),
          reads("sequences", 4, "i32"), reads("positions", 5, "i32"), writesResult(),
        ],
        groups: [{ factors: [rows, heads], per: 1 }],
      },
    ];
  },
};

export const attentionRows: readonly WgslKernelRow[] = [rope, ropeAppendKv, pagedAttention];
