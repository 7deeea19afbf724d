/*
 * small/model, compiled for the target cuda.
 *
 * A step takes up to 12 tokens of up to 3 sequences of 20 positions.
 * Weights 15.1 KiB, activations 10.5 KiB, cache 512 bytes for each block of 4 positions.
 * 13 kernels, 3 of them printed from loops; 11 launches a layer in layer_decode.
 *
 *     scenario   tokens        function                 predicted
 *     decode     up to 4       step_decode              0.002 ms
 *     prefill    up to 12      step_prefill             0.009 ms
 */

#include "runtime/program.cuh"
#include "runtime/numbers.cuh"
#include "kernels/matmul-rows.cuh"
#include "kernels/matmul-tiles.cuh"
#include "kernels/paged-cache.cuh"
#include "kernels/rotation.cuh"
#include "kernels/warp.cuh"
#include "kernels/weight-rows.cuh"

/* ---- What the runtime checks a batch against --------------------------------------------------------- */

const ProgramFacts llmir_facts = {
  /* max_tokens */ 12,
  /* max_sequences */ 3,
  /* max_rows */ 12,
  /* max_context */ 60,
  /* context_length */ 20,
  /* blocks_per_sequence */ 5,
  /* vocabulary */ 41,
  /* needs_context */ 0,
  /* layers */ 2,
  /* block_size */ 4,
  /* heads */ 1,
  /* head_dim */ 8,
  /* kv_element_bytes */ 4,
  /* kv_scale_bytes */ 0,
  /* arena_bytes */ 10752,
  /* weights_bytes */ 15488,
  /* weights_hash */ "c4c9a9a411f2384bb141677fd1fe719a",
};

/* ---- Kernels, each once for its parameters ----------------------------------------------------------- */

/* out[rows, 16] = x / sqrt(mean(x^2) + 0.00001) * weight */
#define NAME rms_norm_16
#define D 16
#define EPSILON 0.000009999999747378752f
#include "kernels/rms_norm.cuh"

/* out[tokens, 32] = x[tokens, 16] w[16, 32], w as f32_rows */
#define NAME matmul_f32_16x32
#define FORMAT F32Rows<16>
#define K 16
#define N 32
#define ADDEND 0
#include "kernels/matmul.cuh"

/* cache <- turned keys (columns 16 ..) and values (columns 24 ..) of x[T, 32] */
#define NAME rope_append_kv_1x8
#define WIDTH 32
#define KEY_OFFSET 16
#define VALUE_OFFSET 24
#define KV_HEADS 1
#define HEAD_DIM 8
#define BLOCK_SIZE 4
#define STORED float
#define INTERLEAVED 0
#include "kernels/rope_append_kv.cuh"

/* out[T, 2, 8] = columns 0 .. 15 of x[T, 32], turned */
#define NAME rope_2x8
#define WIDTH 32
#define OFFSET 0
#define HEADS 2
#define HEAD_DIM 8
#define INTERLEAVED 0
#include "kernels/rope.cuh"

/* out[T, 2, 8] = softmax(0.35355339059327373 q keys) values, 1 KV heads, causal */
#define NAME paged_attention_2x8_kv1
#define HEADS 2
#define KV_HEADS 1
#define HEAD_DIM 8
#define BLOCK_SIZE 4
#define STORED float
#define SCALE 0.3535533845424652f
#define HEADS_TOGETHER 2
#define SLOT_LANES 16
#include "kernels/paged_attention.cuh"

/* out[tokens, 16] = addend + x[tokens, 16] w[16, 16], w as bf16_rows */
#define NAME matmul_add_bf16_16x16
#define FORMAT Bf16Rows<16>
#define K 16
#define N 16
#define ADDEND 1
#include "kernels/matmul.cuh"

/* out[tokens, 48] = x[tokens, 16] w[16, 48], w as q8_rows_g16 */
#define NAME matmul_q8_16x48
#define FORMAT Q8Rows<16, 16>
#define K 16
#define N 48
#define ADDEND 0
#include "kernels/matmul.cuh"

/* out[T, 24] = silu(gate) * up */
#define NAME swiglu_24
#define F 24
#include "kernels/swiglu.cuh"

/* out[tokens, 16] = addend + x[tokens, 24] w[24, 16], w as f16_rows */
#define NAME matmul_add_f16_24x16
#define FORMAT F16Rows<24>
#define K 24
#define N 16
#define ADDEND 1
#include "kernels/matmul.cuh"

/* out[tokens, 41] = x[tokens, 16] w[16, 41], w as f16_rows */
#define NAME matmul_f16_16x41
#define FORMAT F16Rows<16>
#define K 16
#define N 41
#define ADDEND 0
#include "kernels/matmul.cuh"

/* gather(tensor<41x16xbf16>, tensor<?xi32, "T">) */
static __global__ void __launch_bounds__(UNIT_THREADS) loop_gather_kernel(int64_t T,
    const uint16_t *__restrict__ table, const int32_t *__restrict__ indices,
    uint16_t *__restrict__ result) {
  for (int64_t unit = first_unit(); unit < T * 16; unit += unit_stride()) {
    const int64_t i0 = unit / 16;
    const int64_t i1 = unit % 16;
    result[i0 * 16 + i1] = table[(int64_t)indices[i0] * 16 + i1];
  }
}

LAUNCHER loop_gather(const Step *s, int64_t T, const uint16_t *__restrict__ table,
    const int32_t *__restrict__ indices, uint16_t *__restrict__ result) {
  launch_units(s, loop_gather_kernel, T * 16, T, table, indices, result);
}

/* cast(tensor<?x16xbf16, "T">) */
static __global__ void __launch_bounds__(UNIT_THREADS) loop_cast_kernel(int64_t T,
    const uint16_t *__restrict__ x, float *__restrict__ result) {
  for (int64_t unit = first_unit(); unit < T * 16; unit += unit_stride()) {
    const int64_t i0 = unit / 16;
    const int64_t i1 = unit % 16;
    result[i0 * 16 + i1] = from_brain(x[i0 * 16 + i1]);
  }
}

LAUNCHER loop_cast(const Step *s, int64_t T, const uint16_t *__restrict__ x, float *__restrict__ result) {
  launch_units(s, loop_cast_kernel, T * 16, T, x, result);
}

/* gather(tensor<?x16xf32, "T">, tensor<?xi32, "R">) */
static __global__ void __launch_bounds__(UNIT_THREADS) loop_gather_2_kernel(int64_t R,
    const float *__restrict__ table, const int32_t *__restrict__ indices, float *__restrict__ result) {
  for (int64_t unit = first_unit(); unit < R * 16; unit += unit_stride()) {
    const int64_t i0 = unit / 16;
    const int64_t i1 = unit % 16;
    result[i0 * 16 + i1] = table[(int64_t)indices[i0] * 16 + i1];
  }
}

LAUNCHER loop_gather_2(const Step *s, int64_t R, const float *__restrict__ table,
    const int32_t *__restrict__ indices, float *__restrict__ result) {
  launch_units(s, loop_gather_2_kernel, R * 16, R, table, indices, result);
}

/* ---- Weights: places on the device ------------------------------------------------------------------- */

/* embed [41, 16] bf16, 1.3 KiB */
static inline const uint16_t *weight_embed(const Step *s) {
  return (const uint16_t *)(s->weights + 4096);
}
/* norm [16], 64 bytes */
static inline const float *weight_norm(const Step *s) {
  return (const float *)(s->weights + 5440);
}
/* frequencies [4], 16 bytes */
static inline const float *weight_frequencies(const Step *s) {
  return (const float *)(s->weights + 5504);
}
/* head [16, 41] f16_rows, 1.3 KiB */
static inline const void *weight_head(const Step *s) {
  return (const void *)(s->weights + 5568);
}
/* layer_norm [16], 64 bytes, layers 0 to 1 */
static inline const float *weight_layer_norm(const Step *s, int32_t layer) {
  return (const float *)(s->weights + 6912 + (size_t)layer * 4288);
}
/* layer_qkv [16, 32] f32_rows, 2.0 KiB, layers 0 to 1 */
static inline const void *weight_layer_qkv(const Step *s, int32_t layer) {
  return (const void *)(s->weights + 6976 + (size_t)layer * 4288);
}
/* layer_out [16, 16] bf16_rows, 512 bytes, layers 0 to 1 */
static inline const void *weight_layer_out(const Step *s, int32_t layer) {
  return (const void *)(s->weights + 9024 + (size_t)layer * 4288);
}
/* layer_gate_up [16, 48] q8_rows_g16, 864 bytes, layers 0 to 1 */
static inline const void *weight_layer_gate_up(const Step *s, int32_t layer) {
  return (const void *)(s->weights + 9536 + (size_t)layer * 4288);
}
/* layer_down [24, 16] f16_rows, 768 bytes, layers 0 to 1 */
static inline const void *weight_layer_down(const Step *s, int32_t layer) {
  return (const void *)(s->weights + 10432 + (size_t)layer * 4288);
}

/* ---- The plan ---------------------------------------------------------------------------------------- */

static void layer_decode(const Step *s, int32_t layer) {
  float *const x = (float *)(s->arena + 384); /* [T, 16] */
  float *const h = (float *)(s->arena + 1152); /* [T, 16] */
  float *const qkv = (float *)(s->arena + 1920); /* [T, 32] */
  float *const q = (float *)(s->arena + 3456); /* [T, 2, 8] */
  float *const attended = (float *)(s->arena + 4224); /* [T, 2, 8] */
  float *const flat = (float *)(s->arena + 4224); /* [T, 16] */
  float *const x1 = (float *)(s->arena + 4992); /* [T, 16] */
  float *const h2 = (float *)(s->arena + 5760); /* [T, 16] */
  float *const gate_up = (float *)(s->arena + 6528); /* [T, 48] */
  float *const m = (float *)(s->arena + 8832); /* [T, 24] */
  float *const x2 = (float *)(s->arena + 9984); /* [T, 16] */

  /* h [T, 16]; by lower_h (lower/cuda.rules:12) */
  rms_norm_16(s, s->T, x, weight_layer_norm(s, layer), h);

  /* qkv [T, 32]; by lower_qkv (lower/cuda.rules:12) */
  matmul_f32_16x32(s, s->T, h, weight_layer_qkv(s, layer), NULL, qkv);

  /* cache_1 [2, P, 4, 1, 8] f32; by lower_cache_1 (lower/cuda.rules:12) */
  rope_append_kv_1x8(s, s->T, paged_cache<float>(s, s->layer_numbers + layer, s->block_table), qkv,
      s->sequences, s->positions, weight_frequencies(s));

  /* q [T, 2, 8]; by lower_q (lower/cuda.rules:12) */
  rope_2x8(s, s->T, qkv, s->positions, weight_frequencies(s), q);

  /* attended [T, 2, 8]; by lower_attended (lower/cuda.rules:12) */
  paged_attention_2x8_kv1(s, s->T, q, paged_cache<float>(s, s->layer_numbers + layer, s->block_table),
      s->sequences, s->positions, attended);

  /* x1 [T, 16]; by lower_x1 (lower/cuda.rules:12) */
  matmul_add_bf16_16x16(s, s->T, flat, weight_layer_out(s, layer), x, x1);

  /* h2 [T, 16]; by lower_h2 (lower/cuda.rules:12) */
  rms_norm_16(s, s->T, x1, weight_layer_norm(s, layer), h2);

  /* gate_up [T, 48]; by lower_gate_up (lower/cuda.rules:12) */
  matmul_q8_16x48(s, s->T, h2, weight_layer_gate_up(s, layer), NULL, gate_up);

  /* m [T, 24]; by lower_m (lower/cuda.rules:12) */
  swiglu_24(s, s->T, gate_up, m);

  /* x2 [T, 16]; by lower_x2 (lower/cuda.rules:12) */
  matmul_add_f16_24x16(s, s->T, m, weight_layer_down(s, layer), x1, x2);

  /* x2 [T, 16] to the place of the next value */
  copy_value(s, s->arena + 384, x2, (int64_t)1 * 4 * s->T * 16);
}

static void step_decode(const Step *s) {
  uint16_t *const looked_up = (uint16_t *)(s->arena + 0); /* [T, 16] bf16 */
  float *const x = (float *)(s->arena + 384); /* [T, 16] */
  float *const h = (float *)(s->arena + 1152); /* [T, 16] */
  float *const asked = (float *)(s->arena + 1920); /* [R, 16] */

  /* looked_up [T, 16] bf16; by lower_looked_up (lower/cuda.rules:12) */
  loop_gather(s, s->T, weight_embed(s), s->tokens, looked_up);

  /* x [T, 16]; by lower_x (lower/cuda.rules:12) */
  loop_cast(s, s->T, looked_up, x);

  for (int32_t layer = 0; layer < 2; layer++) layer_decode(s, layer);

  /* h [T, 16]; by lower_h (lower/cuda.rules:12) */
  rms_norm_16(s, s->T, x, weight_norm(s), h);

  /* asked [R, 16]; by lower_asked (lower/cuda.rules:12) */
  loop_gather_2(s, s->R, h, s->rows, asked);

  /* logits [R, 41]; by lower_logits (lower/cuda.rules:12) */
  matmul_f16_16x41(s, s->R, asked, weight_head(s), NULL, s->logits);
}

static void layer_prefill(const Step *s, int32_t layer) {
  float *const x = (float *)(s->arena + 384); /* [T, 16] */
  float *const h = (float *)(s->arena + 1152); /* [T, 16] */
  float *const qkv = (float *)(s->arena + 1920); /* [T, 32] */
  float *const q = (float *)(s->arena + 3456); /* [T, 2, 8] */
  float *const attended = (float *)(s->arena + 4224); /* [T, 2, 8] */
  float *const flat = (float *)(s->arena + 4224); /* [T, 16] */
  float *const x1 = (float *)(s->arena + 4992); /* [T, 16] */
  float *const h2 = (float *)(s->arena + 5760); /* [T, 16] */
  float *const gate_up = (float *)(s->arena + 6528); /* [T, 48] */
  float *const m = (float *)(s->arena + 8832); /* [T, 24] */
  float *const x2 = (float *)(s->arena + 9984); /* [T, 16] */

  /* h [T, 16]; by lower_h (lower/cuda.rules:12) */
  rms_norm_16(s, s->T, x, weight_layer_norm(s, layer), h);

  /* qkv [T, 32]; by lower_qkv (lower/cuda.rules:12) */
  matmul_f32_16x32(s, s->T, h, weight_layer_qkv(s, layer), NULL, qkv);

  /* cache_1 [2, P, 4, 1, 8] f32; by lower_cache_1 (lower/cuda.rules:12) */
  rope_append_kv_1x8(s, s->T, paged_cache<float>(s, s->layer_numbers + layer, s->block_table), qkv,
      s->sequences, s->positions, weight_frequencies(s));

  /* q [T, 2, 8]; by lower_q (lower/cuda.rules:12) */
  rope_2x8(s, s->T, qkv, s->positions, weight_frequencies(s), q);

  /* attended [T, 2, 8]; by lower_attended (lower/cuda.rules:12) */
  paged_attention_2x8_kv1(s, s->T, q, paged_cache<float>(s, s->layer_numbers + layer, s->block_table),
      s->sequences, s->positions, attended);

  /* x1 [T, 16]; by lower_x1 (lower/cuda.rules:12) */
  matmul_add_bf16_16x16(s, s->T, flat, weight_layer_out(s, layer), x, x1);

  /* h2 [T, 16]; by lower_h2 (lower/cuda.rules:12) */
  rms_norm_16(s, s->T, x1, weight_layer_norm(s, layer), h2);

  /* gate_up [T, 48]; by lower_gate_up (lower/cuda.rules:12) */
  matmul_q8_16x48(s, s->T, h2, weight_layer_gate_up(s, layer), NULL, gate_up);

  /* m [T, 24]; by lower_m (lower/cuda.rules:12) */
  swiglu_24(s, s->T, gate_up, m);

  /* x2 [T, 16]; by lower_x2 (lower/cuda.rules:12) */
  matmul_add_f16_24x16(s, s->T, m, weight_layer_down(s, layer), x1, x2);

  /* x2 [T, 16] to the place of the next value */
  copy_value(s, s->arena + 384, x2, (int64_t)1 * 4 * s->T * 16);
}

static void step_prefill(const Step *s) {
  uint16_t *const looked_up = (uint16_t *)(s->arena + 0); /* [T, 16] bf16 */
  float *const x = (float *)(s->arena + 384); /* [T, 16] */
  float *const h = (float *)(s->arena + 1152); /* [T, 16] */
  float *const asked = (float *)(s->arena + 1920); /* [R, 16] */

  /* looked_up [T, 16] bf16; by lower_looked_up (lower/cuda.rules:12) */
  loop_gather(s, s->T, weight_embed(s), s->tokens, looked_up);

  /* x [T, 16]; by lower_x (lower/cuda.rules:12) */
  loop_cast(s, s->T, looked_up, x);

  for (int32_t layer = 0; layer < 2; layer++) layer_prefill(s, layer);

  /* h [T, 16]; by lower_h (lower/cuda.rules:12) */
  rms_norm_16(s, s->T, x, weight_norm(s), h);

  /* asked [R, 16]; by lower_asked (lower/cuda.rules:12) */
  loop_gather_2(s, s->R, h, s->rows, asked);

  /* logits [R, 41]; by lower_logits (lower/cuda.rules:12) */
  matmul_f16_16x41(s, s->R, asked, weight_head(s), NULL, s->logits);
}

/* ---- Entry ------------------------------------------------------------------------------------------- */

void llmir_program(const Step *s) {
  if (s->T <= 4 && s->R <= 4) {
    step_decode(s);
    return;
  }
  step_prefill(s);
}

const char *llmir_describe(void) {
  return "{\"model\":\"small/model\",\"target\":\"cuda\",\"vocabulary\":41,\"capacity\":{\"tokens\":12,\"rows\":12,\"sequences\":3,\"contextSlots\":60,\"contextLength\":20,\"blocksPerSequence\":5},\"kv\":{\"layers\":2,\"blockSize\":4,\"heads\":1,\"headDim\":8,\"dtype\":\"f32\",\"blockBytes\":512},\"needsContext\":false,\"kernels\":13,\"arenaBytes\":10752,\"weightsBytes\":15488,\"weightsHash\":\"c4c9a9a411f2384bb141677fd1fe719a\"}";
}
