/**
 * The kernels of the CUDA target. A row is an op of its own; `rules/lower/cuda.rules` selects it, `rows/`
 * says how it is called, `kernels/` holds its source. Float matrices are f32; `w` is packed.
 *
 *   cuda.pack(w [K,N] f32|f16|bf16)                                 -> packed "<dtype>_rows" [K,N]
 *   cuda.pack_quantized(q [K,N], f16 scales)                        -> packed "q<bits>_rows_g<group>"
 *   cuda.matmul(x [T,K], w packed [K,N])                            -> [T,N]
 *   cuda.matmul_add(x [T,K], w packed [K,N], addend [T,N])          -> [T,N]    addend + x w
 *   cuda.narrow_matmul, cuda.narrow_matmul_add                      rows of x rounded to bf16, w of bf16
 *   cuda.rounded_matmul, cuda.rounded_matmul_add                    rows of x rounded to 8 bits, w of codes
 *   cuda.rms_norm(x [..., D], weight [D]) {epsilon}                 -> like x
 *   cuda.swiglu(gate_up [T,2F])                                     -> [T,F]
 *   cuda.rope(x [T,W] or [T,H,D], positions [T], frequencies [D/2]) {offset, heads, head_dim, style}
 *                                                                   -> [T,heads,head_dim]
 *   cuda.rope_append_kv(cache, x [T,W], layer, block_table [S,B], sequences [T], positions [T],
 *                       frequencies [D/2]) {key_offset, value_offset, style}          -> cache
 *   cuda.paged_attention(q [T,H,D], cache, layer, block_table [S,B], sequences [T], positions [T]) {scale}
 *                                                                   -> [T,H,D]
 *
 * `offset`s count columns of a row of `x`; the KV heads and their size are the cache's.
 */

import type { CudaKernelRow } from "./kernel-row.js";
import { attentionRows } from "./rows/attention.js";
import { productRows } from "./rows/products.js";
import { rowwiseRows } from "./rows/rowwise.js";

export const kernels: readonly CudaKernelRow[] = [...productRows, ...rowwiseRows, ...attentionRows];
