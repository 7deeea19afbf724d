/**
 * The kernels of the WGSL target. A row is an op of its own; `rules/lower/wgsl.rules` selects it, `rows/`
 * holds how it becomes a module, `kernels/` its source. Float matrices are f32; `w` is packed (panels.ts).
 *
 *   wgsl.pack(w [K,N] f32|f16|bf16)                                 -> packed "<dtype>_columns64" [K,N]
 *   wgsl.pack_quantized(q [K,N], f16 scales)                        -> packed "q<bits>_columns64_g<group>"
 *   wgsl.matmul(x [T,K], w packed [K,N])                            -> [T,N]
 *   wgsl.matmul_add(x [T,K], w packed [K,N], addend [T,N])          -> [T,N]    addend + x w
 *   wgsl.narrow_matmul, wgsl.narrow_matmul_add                      rows of x rounded to bf16, w of bf16
 *   wgsl.rounded_matmul, wgsl.rounded_matmul_add                    rows of x rounded to 8 bits, w of codes
 *   wgsl.gather(table [N,D] f32|f16|bf16, indices [T])              -> [T,D]
 *   wgsl.rms_norm(x [..., D], weight [D]) {epsilon}                 -> like x
 *   wgsl.swiglu(gate_up [T,2F])                                     -> [T,F]
 *   wgsl.rope, wgsl.rope_append_kv, wgsl.paged_attention            as on the C target
 *
 *   with subgroups:                        wgsl.rms_norm_subgroups        as wgsl.rms_norm
 *   with packed_4x8_integer_dot_product:   wgsl.integer_matmul            as wgsl.rounded_matmul, of codes
 *                                          wgsl.integer_matmul_add
 */

import type { WgslKernelRow } from "./kernel-row.js";
import { attentionRows } from "./rows/attention.js";
import { optionalRows } from "./rows/optional.js";
import { productRows } from "./rows/products.js";
import { rowwiseRows } from "./rows/rowwise.js";

export const kernels: readonly WgslKernelRow[] = [
  ...productRows,
  ...rowwiseRows,
  ...attentionRows,
  ...optionalRows,
];
