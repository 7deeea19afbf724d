/**
 * The kernels of the C target. A row is an op of its own; `rules/lower/c.rules` selects it, `rows/` holds
 * its types, meaning and parameters, `kernels/` its source. Float matrices are f32; `w` is packed.
 *
 *   c.pack(w [K,N] f32|f16|bf16)                                    -> packed "<dtype>_panel16" [K,N]
 *   c.pack_quantized(q [K,N], f16 scales)                           -> packed "q<bits>_panel16_g<group>"
 *   c.matmul(x [T,K], w packed [K,N])                               -> [T,N]
 *   c.matmul_add(x [T,K], w packed [K,N], addend [T,N])             -> [T,N]    addend + x w
 *   c.pack_quads(q [K,N], f16 scales)                               -> packed: quads.ts
 *   c.quantize_rows(x [T,K]) {group, offset}                        -> u8 [T, row bytes]: quantized-rows.h
 *   c.rms_norm_codes(x [T,K], weight [K]) {epsilon, group, offset}  -> the same of rms_norm
 *   c.swiglu_codes(gate_up [T,2K]) {group, offset}                  -> the same of swiglu
 *   c.integer_matmul(x u8 [T,…], w packed quads [K,N])              -> [T,N]
 *   c.integer_matmul_add(x u8 [T,…], w packed quads, addend [T,N])  -> [T,N]
 *   c.pack_pairs(w bf16 [K,N])                                      -> packed "bf16_pairs16"
 *   c.narrow_rows(x [T,K])                                          -> bf16 [T, row]: narrow-rows.h
 *   c.narrow_matmul(x bf16 [T,row], w packed pairs [K,N])           -> [T,N]
 *   c.narrow_matmul_add(x bf16 [T,row], w packed pairs, addend)     -> [T,N]
 *   c.rms_norm(x [..., D], weight [D]) {epsilon}                    -> like x
 *   c.swiglu(gate_up [T,2F])                                        -> [T,F]
 *   c.rope(x [T,W] or [T,H,D], positions [T], frequencies [D/2]) {offset, heads, head_dim, style}
 *                                                                   -> [T,heads,head_dim]
 *   c.rope_append_kv(cache, x [T,W], layer, block_table [S,B], sequences [T], positions [T],
 *                    frequencies [D/2]) {key_offset, value_offset, style}             -> cache
 *   c.paged_attention(q [T,H,D], cache, layer, block_table [S,B], sequences [T], positions [T]) {scale}
 *                                                                   -> [T,H,D]
 *   c.paged_window_attention(…as above) {scale, window}             -> [T,H,D]
 *
 * `offset`s count columns of a row of `x`; the KV heads and their size are the cache's.
 */

import type { CKernelRow } from "./kernel-row.js";
import { attentionRows } from "./rows/attention.js";
import { integerProductRows } from "./rows/integer-products.js";
import { narrowProductRows } from "./rows/narrow-products.js";
import { packingRows } from "./rows/packing.js";
import { productRows } from "./rows/products.js";
import { roundingRows } from "./rows/rounding.js";
import { rowwiseRows } from "./rows/rowwise.js";

export const kernels: readonly CKernelRow[] = [
  ...packingRows,
  ...roundingRows,
  ...productRows,
  ...integerProductRows,
  ...narrowProductRows,
  ...rowwiseRows,
  ...attentionRows,
];
