/*
 * small/model, compiled for the target c.
 *
 * A step takes up to 12 tokens of up to 3 sequences of 20 positions.
 * Weights 14.6 KiB, activations 10.5 KiB, cache 512 bytes for each block of 4 positions.
 * 13 kernels, 3 of them printed from loops.
 *
 *     scenario   tokens        function                 predicted
 *     decode     up to 4       step_decode              0.002 ms
 *     prefill    up to 12      step_prefill             0.009 ms
 */

#include "runtime/program.h"
#include "runtime/numbers.h"

/* ---- What the runtime checks a batch against --------------------------------------------------------- */

const ProgramFacts llmir_facts = {
  .max_tokens = 12,
  .max_sequences = 3,
  .max_rows = 12,
  .max_context = 60,
  .context_length = 20,
  .blocks_per_sequence = 5,
  .vocabulary = 41,
  .needs_context = 0,
  .layers = 2,
  .block_size = 4,
  .heads = 1,
  .head_dim = 8,
  .kv_element_bytes = 4,
  .kv_scale_bytes = 0,
  .arena_bytes = 10752,
  .scratch_bytes = 65536,
  .shared_bytes = 65600,
  .weights_bytes = 14912,
  .weights_hash = "43595a1005977c52101e36ce5e07ea6f",
};

/* ---- Kernels, each once for its parameters ----------------------------------------------------------- */

/* out[rows, 16] = x / sqrt(mean(x^2) + 0.00001) * weight */
#define NAME rms_norm_16
#define D 16
#define EPSILON 0.000009999999747378752f
#include "kernels/rms_norm.h"

/* out[tokens, 32] = x[tokens, 16] w[16, 32], w as f32_panel16 */
#define NAME matmul_f32_16x32
#define K 16
#define N 32
#define ADDEND 0
#include "kernels/matmul_f32.h"

/* cache (f32) <- turned keys (columns 16 ..) and values (columns 24 ..) of x[T, 32] */
#define NAME rope_append_kv_1x8
#define WIDTH 32
#define KEY_OFFSET 16
#define VALUE_OFFSET 24
#define KV_HEADS 1
#define HEAD_DIM 8
#define BLOCK_SIZE 4
#define FORMAT F32
#define INTERLEAVED 0
#include "kernels/rope_append_kv.h"

/* out[T, 2, 8] = columns 0 .. 15 of x[T, 32], turned */
#define NAME rope_2x8
#define WIDTH 32
#define OFFSET 0
#define HEADS 2
#define HEAD_DIM 8
#define INTERLEAVED 0
#include "kernels/rope.h"

/* out[T, 2, 8] = softmax(0.35355339059327373 q keys) values, 1 KV heads of f32, causal */
#define NAME paged_attention_2x8_kv1
#define HEADS 2
#define KV_HEADS 1
#define HEAD_DIM 8
#define BLOCK_SIZE 4
#define FORMAT F32
#define WINDOW 0
#define SCALE 0.3535533845424652f
#include "kernels/paged_attention.h"

/* out[tokens, 16] = addend + x[tokens, 16] w[16, 16], w as bf16_panel16 */
#define NAME matmul_add_bf16_16x16
#define K 16
#define N 16
#define ADDEND 1
#include "kernels/matmul_bf16.h"

/* out[tokens, 48] = x[tokens, 16] w[16, 48], w as q8_panel16_g8 */
#define NAME matmul_q8_g8_16x48
#define K 16
#define N 48
#define GROUP 8
#define ADDEND 0
#include "kernels/matmul_q8.h"

/* out[T, 24] = silu(gate) * up */
#define NAME swiglu_24
#define F 24
#include "kernels/swiglu.h"

/* out[tokens, 16] = addend + x[tokens, 24] w[24, 16], w as q4_panel16_g8 */
#define NAME matmul_add_q4_g8_24x16
#define K 24
#define N 16
#define GROUP 8
#define ADDEND 1
#include "kernels/matmul_q4.h"

/* out[tokens, 41] = x[tokens, 16] w[16, 41], w as f16_panel16 */
#define NAME matmul_f16_16x41
#define K 16
#define N 41
#define ADDEND 0
#include "kernels/matmul_f16.h"

/* gather(tensor<41x16xbf16>, tensor<?xi32, "T">) */
KERNEL loop_gather(const Worker *worker, int64_t T, const uint16_t *table, const int32_t *indices,
    uint16_t *restrict result) {
  for (Shares shares = shares_of(worker, T); next_share(&shares);)
    for (int64_t unit = shares.first; unit < shares.end; unit++) {
      const int64_t i0 = unit;
      for (int64_t i1 = 0; i1 < 16; i1++) {
        result[i0 * 16 + i1] = table[(int64_t)indices[i0] * 16 + i1];
      }
    }
}

/* cast(tensor<?x16xbf16, "T">) */
KERNEL loop_cast(const Worker *worker, int64_t T, const uint16_t *x, float *restrict result) {
  for (Shares shares = shares_of(worker, T); next_share(&shares);)
    for (int64_t unit = shares.first; unit < shares.end; unit++) {
      const int64_t i0 = unit;
      for (int64_t i1 = 0; i1 < 16; i1++) {
        result[i0 * 16 + i1] = from_brain(x[i0 * 16 + i1]);
      }
    }
}

/* gather(tensor<?x16xf32, "T">, tensor<?xi32, "R">) */
KERNEL loop_gather_2(const Worker *worker, int64_t R, const float *table, const int32_t *indices,
    float *restrict result) {
  for (Shares shares = shares_of(worker, R); next_share(&shares);)
    for (int64_t unit = shares.first; unit < shares.end; unit++) {
      const int64_t i0 = unit;
      for (int64_t i1 = 0; i1 < 16; i1++) {
        result[i0 * 16 + i1] = table[(int64_t)indices[i0] * 16 + i1];
      }
    }
}

/* ---- Weights: places in the mapped file -------------------------------------------------------------- */

/* embed [41, 16] bf16, 1.3 KiB */
NUMBER const uint16_t *weight_embed(const Step *s) {
  return (const uint16_t *)(s->weights + 4096);
}
/* norm [16], 64 bytes */
NUMBER const float *weight_norm(const Step *s) {
  return (const float *)(s->weights + 5440);
}
/* frequencies [4], 16 bytes */
NUMBER const float *weight_frequencies(const Step *s) {
  return (const float *)(s->weights + 5504);
}
/* head [16, 41] f16_panel16, 1.5 KiB */
NUMBER const void *weight_head(const Step *s) {
  return (const void *)(s->weights + 5568);
}
/* layer_norm [16], 64 bytes, layers 0 to 1 */
NUMBER const float *weight_layer_norm(const Step *s, int32_t layer) {
  return (const float *)(s->weights + 7104 + (size_t)layer * 3904);
}
/* layer_qkv [16, 32] f32_panel16, 2.0 KiB, layers 0 to 1 */
NUMBER const void *weight_layer_qkv(const Step *s, int32_t layer) {
  return (const void *)(s->weights + 7168 + (size_t)layer * 3904);
}
/* layer_out [16, 16] bf16_panel16, 512 bytes, layers 0 to 1 */
NUMBER const void *weight_layer_out(const Step *s, int32_t layer) {
  return (const void *)(s->weights + 9216 + (size_t)layer * 3904);
}
/* layer_gate_up [16, 48] q8_panel16_g8, 960 bytes, layers 0 to 1 */
NUMBER const void *weight_layer_gate_up(const Step *s, int32_t layer) {
  return (const void *)(s->weights + 9728 + (size_t)layer * 3904);
}
/* layer_down [24, 16] q4_panel16_g8, 288 bytes, layers 0 to 1 */
NUMBER const void *weight_layer_down(const Step *s, int32_t layer) {
  return (const void *)(s->weights + 10688 + (size_t)layer * 3904);
}

/* ---- The plan ---------------------------------------------------------------------------------------- */

static void layer_decode(const Step *s, const Worker *w, int32_t layer) {
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

  /* h [T, 16]; by lower_h (lower/c.rules:12) */
  rms_norm_16(w, s->T, x, weight_layer_norm(s, layer), h);
  barrier(w);

  /* qkv [T, 32]; by lower_qkv (lower/c.rules:12) */
  matmul_f32_16x32(w, s->T, h, weight_layer_qkv(s, layer), NULL, qkv);
  barrier(w);

  /* cache_1 [2, P, 4, 1, 8] f32; by lower_cache_1 (lower/c.rules:12) */
  rope_append_kv_1x8(w, s->T,
      &(PagedCache){s->keys, s->values, s->key_scales, s->value_scales, layer, s->P, s->block_table, s->B},
      qkv, s->sequences, s->positions, weight_frequencies(s));
  barrier(w);

  /* q [T, 2, 8]; by lower_q (lower/c.rules:12) */
  rope_2x8(w, s->T, qkv, s->positions, weight_frequencies(s), q);
  barrier(w);

  /* attended [T, 2, 8]; by lower_attended (lower/c.rules:12) */
  paged_attention_2x8_kv1(w, s->T, q,
      &(PagedCache){s->keys, s->values, s->key_scales, s->value_scales, layer, s->P, s->block_table, s->B},
      s->sequences, s->positions, attended);
  barrier(w);

  /* x1 [T, 16]; by lower_x1 (lower/c.rules:12) */
  matmul_add_bf16_16x16(w, s->T, flat, weight_layer_out(s, layer), x, x1);
  barrier(w);

  /* h2 [T, 16]; by lower_h2 (lower/c.rules:12) */
  rms_norm_16(w, s->T, x1, weight_layer_norm(s, layer), h2);
  barrier(w);

  /* gate_up [T, 48]; by lower_gate_up (lower/c.rules:12) */
  matmul_q8_g8_16x48(w, s->T, h2, weight_layer_gate_up(s, layer), NULL, gate_up);
  barrier(w);

  /* m [T, 24]; by lower_m (lower/c.rules:12) */
  swiglu_24(w, s->T, gate_up, m);
  barrier(w);

  /* x2 [T, 16]; by lower_x2 (lower/c.rules:12) */
  matmul_add_q4_g8_24x16(w, s->T, m, weight_layer_down(s, layer), x1, x2);
  barrier(w);

  /* x2 [T, 16] to the place of the next value */
  copy_value(w, s->arena + 384, x2, (int64_t)1 * 4 * s->T * 16);
  barrier(w);
}

static void step_decode(const Step *s, const Worker *w) {
  uint16_t *const looked_up = (uint16_t *)(s->arena + 0); /* [T, 16] bf16 */
  float *const x = (float *)(s->arena + 384); /* [T, 16] */
  float *const h = (float *)(s->arena + 1152); /* [T, 16] */
  float *const asked = (float *)(s->arena + 1920); /* [R, 16] */

  /* looked_up [T, 16] bf16; by lower_looked_up (lower/c.rules:12) */
  loop_gather(w, s->T, weight_embed(s), s->tokens, looked_up);
  barrier(w);

  /* x [T, 16]; by lower_x (lower/c.rules:12) */
  loop_cast(w, s->T, looked_up, x);
  barrier(w);

  for (int32_t layer = 0; layer < 2; layer++) layer_decode(s, w, layer);

  /* h [T, 16]; by lower_h (lower/c.rules:12) */
  rms_norm_16(w, s->T, x, weight_norm(s), h);
  barrier(w);

  /* asked [R, 16]; by lower_asked (lower/c.rules:12) */
  loop_gather_2(w, s->R, h, s->rows, asked);
  barrier(w);

  /* logits [R, 41]; by lower_logits (lower/c.rules:12) */
  matmul_f16_16x41(w, s->R, asked, weight_head(s), NULL, s->logits);
  barrier(w);
}

static void layer_prefill(const Step *s, const Worker *w, int32_t layer) {
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

  /* h [T, 16]; by lower_h (lower/c.rules:12) */
  rms_norm_16(w, s->T, x, weight_layer_norm(s, layer), h);
  barrier(w);

  /* qkv [T, 32]; by lower_qkv (lower/c.rules:12) */
  matmul_f32_16x32(w, s->T, h, weight_layer_qkv(s, layer), NULL, qkv);
  barrier(w);

  /* cache_1 [2, P, 4, 1, 8] f32; by lower_cache_1 (lower/c.rules:12) */
  rope_append_kv_1x8(w, s->T,
      &(PagedCache){s->keys, s->values, s->key_scales, s->value_scales, layer, s->P, s->block_table, s->B},
      qkv, s->sequences, s->positions, weight_frequencies(s));
  barrier(w);

  /* q [T, 2, 8]; by lower_q (lower/c.rules:12) */
  rope_2x8(w, s->T, qkv, s->positions, weight_frequencies(s), q);
  barrier(w);

  /* attended [T, 2, 8]; by lower_attended (lower/c.rules:12) */
  paged_attention_2x8_kv1(w, s->T, q,
      &(PagedCache){s->keys, s->values, s->key_scales, s->value_scales, layer, s->P, s->block_table, s->B},
      s->sequences, s->positions, attended);
  barrier(w);

  /* x1 [T, 16]; by lower_x1 (lower/c.rules:12) */
  matmul_add_bf16_16x16(w, s->T, flat, weight_layer_out(s, layer), x, x1);
  barrier(w);

  /* h2 [T, 16]; by lower_h2 (lower/c.rules:12) */
  rms_norm_16(w, s->T, x1, weight_layer_norm(s, layer), h2);
  barrier(w);

  /* gate_up [T, 48]; by lower_gate_up (lower/c.rules:12) */
  matmul_q8_g8_16x48(w, s->T, h2, weight_layer_gate_up(s, layer), NULL, gate_up);
  barrier(w);

  /* m [T, 24]; by lower_m (lower/c.rules:12) */
  swiglu_24(w, s->T, gate_up, m);
  barrier(w);

  /* x2 [T, 16]; by lower_x2 (lower/c.rules:12) */
  matmul_add_q4_g8_24x16(w, s->T, m, weight_layer_down(s, layer), x1, x2);
  barrier(w);

  /* x2 [T, 16] to the place of the next value */
  copy_value(w, s->arena + 384, x2, (int64_t)1 * 4 * s->T * 16);
  barrier(w);
}

static void step_prefill(const Step *s, const Worker *w) {
  uint16_t *const looked_up = (uint16_t *)(s->arena + 0); /* [T, 16] bf16 */
  float *const x = (float *)(s->arena + 384); /* [T, 16] */
  float *const h = (float *)(s->arena + 1152); /* [T, 16] */
  float *const asked = (float *)(s->arena + 1920); /* [R, 16] */

  /* looked_up [T, 16] bf16; by lower_looked_up (lower/c.rules:12) */
  loop_gather(w, s->T, weight_embed(s), s->tokens, looked_up);
  barrier(w);

  /* x [T, 16]; by lower_x (lower/c.rules:12) */
  loop_cast(w, s->T, looked_up, x);
  barrier(w);

  for (int32_t layer = 0; layer < 2; layer++) layer_prefill(s, w, layer);

  /* h [T, 16]; by lower_h (lower/c.rules:12) */
  rms_norm_16(w, s->T, x, weight_norm(s), h);
  barrier(w);

  /* asked [R, 16]; by lower_asked (lower/c.rules:12) */
  loop_gather_2(w, s->R, h, s->rows, asked);
  barrier(w);

  /* logits [R, 41]; by lower_logits (lower/c.rules:12) */
  matmul_f16_16x41(w, s->R, asked, weight_head(s), NULL, s->logits);
  barrier(w);
}

/* ---- Entry ------------------------------------------------------------------------------------------- */

void llmir_program(const Step *s, const Worker *w) {
  if (s->T <= 4 && s->R <= 4) {
    step_decode(s, w);
    return;
  }
  step_prefill(s, w);
}

const char *llmir_describe(void) {
  return "{\"model\":\"small/model\",\"target\":\"c\",\"vocabulary\":41,\"capacity\":{\"tokens\":12,\"rows\":12,\"sequences\":3,\"contextSlots\":60,\"contextLength\":20,\"blocksPerSequence\":5},\"kv\":{\"layers\":2,\"blockSize\":4,\"heads\":1,\"headDim\":8,\"dtype\":\"f32\",\"blockBytes\":512},\"needsContext\":false,\"kernels\":13,\"arenaBytes\":10752,\"weightsBytes\":14912,\"weightsHash\":\"43595a1005977c52101e36ce5e07ea6f\"}";
}
