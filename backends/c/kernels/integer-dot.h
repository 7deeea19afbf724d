/*
 * Sums of four products of bytes in each 32-bit lane: weights of 16 columns by four rows of k, interleaved by
 * column, times four codes of one token in every lane. Whole numbers, so every instruction set gives the same.
 *
 * SIGNED_BYTES says that the weights of 8 bits must be given with their sign: the instruction either multiplies
 * signed bytes, or adds pairs in 16 bits, where bytes from 0 to 255 would not fit.
 */
#ifndef LLMIR_INTEGER_DOT_H
#define LLMIR_INTEGER_DOT_H

#include "quantized-rows.h"

#if defined(__AVX512VNNI__) || defined(__AVXVNNI__)
#define SIGNED_BYTES 0
#else
#define SIGNED_BYTES 1
#endif

typedef int8_t vi8 __attribute__((vector_size(4 * LANES)));

INLINE vi vi_set(int32_t value) { return value - (vi){0}; }

/* Four codes of one token, in every lane. */
INLINE vi vi_set_codes(const void *codes) {
  int32_t four;
  memcpy(&four, codes, sizeof four);
  return vi_set(four);
}

/* sums + weights · codes; `weights` are at most 127 where they have no sign and SIGNED_BYTES is 1. */
INLINE vi dot_bytes(vi sums, vi weights, vi codes, int is_signed) {
#if defined(__AVX512VNNI__)
  (void)is_signed;
  return (vi)_mm512_dpbusd_epi32((__m512i)sums, (__m512i)weights, (__m512i)codes);
#elif defined(__AVXVNNI__)
  (void)is_signed;
  return (vi)_mm256_dpbusd_avx_epi32((__m256i)sums, (__m256i)weights, (__m256i)codes);
#elif LANES == 16
  const __m512i w = (__m512i)weights, c = (__m512i)codes, zero = _mm512_setzero_si512();
  const __m512i factor = is_signed ? _mm512_mask_sub_epi8(c, _mm512_movepi8_mask(w), zero, c) : c;
  const __m512i pairs = _mm512_maddubs_epi16(is_signed ? _mm512_abs_epi8(w) : w, factor);
  return sums + (vi)_mm512_madd_epi16(pairs, _mm512_set1_epi16(1));
#elif LANES == 8
  const __m256i w = (__m256i)weights, c = (__m256i)codes;
  const __m256i pairs =
      _mm256_maddubs_epi16(is_signed ? _mm256_abs_epi8(w) : w, is_signed ? _mm256_sign_epi8(c, w) : c);
  return sums + (vi)_mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
#elif defined(__ARM_FEATURE_DOTPROD)
  (void)is_signed;
  return (vi)vdotq_s32((int32x4_t)sums, (int8x16_t)weights, (int8x16_t)codes);
#else
  (void)is_signed;
  const vi8 w = (vi8)weights, c = (vi8)codes;
  for (int lane = 0; lane < LANES; lane++)
    for (int i = 0; i < 4; i++) sums[lane] += (int32_t)w[4 * lane + i] * c[4 * lane + i];
  return sums;
#endif
}

typedef int32_t four_codes __attribute__((aligned(1), may_alias));

/* The same with four codes of one token, where they lie. */
INLINE vi dot_codes(vi sums, vi weights, const uint8_t *codes, int is_signed) {
#if defined(__AVX512VNNI__)
  (void)is_signed;
  /* The instruction itself can read four bytes into all lanes; compilers take another one for that. */
  __asm__("vpdpbusd %2%{1to16%}, %1, %0" : "+v"(sums) : "v"(weights), "m"(*(const four_codes *)codes));
  return sums;
#else
  return dot_bytes(sums, weights, vi_set_codes(codes), is_signed);
#endif
}

/*
 * PAIRED_TOKENS says that an instruction multiplies two tokens by two columns, eight rows of k each. Its sums are
 * pairs of columns of two tokens; between them and the sums of four columns of one token stands `exchange_halves`.
 */
#if defined(__ARM_FEATURE_MATMUL_INT8)
#define PAIRED_TOKENS 1

/* (a low, a high), (b low, b high) become (a low, b low), (a high, b high), and the other way round. */
INLINE void exchange_halves(vi *a, vi *b) {
  const int64x2_t first = (int64x2_t)*a, second = (int64x2_t)*b;
  *a = (vi)vzip1q_s64(first, second);
  *b = (vi)vzip2q_s64(first, second);
}

/* Eight codes of each of two tokens. */
INLINE vi vi_pair_codes(const uint8_t *first, const uint8_t *second) {
  return (vi)vcombine_s8(vld1_s8((const int8_t *)first), vld1_s8((const int8_t *)second));
}

/* Two neighbouring quads: eight rows of the first two columns, or of the last two. */
INLINE vi vi_first_columns(vi quad, vi next) { return (vi)vzip1q_s32((int32x4_t)quad, (int32x4_t)next); }
INLINE vi vi_last_columns(vi quad, vi next) { return (vi)vzip2q_s32((int32x4_t)quad, (int32x4_t)next); }

INLINE vi dot_tokens(vi sums, vi codes, vi weights) {
  return (vi)vmmlaq_s32((int32x4_t)sums, (int8x16_t)codes, (int8x16_t)weights);
}
#else
#define PAIRED_TOKENS 0
#endif

/* A sum that started from INTEGER_ZERO, times the scales of its columns; rounded once. */
INLINE vf scale_sum(vi sum, vf scales) {
#if defined(__AVX512F__)
  const vf zero = scales * INTEGER_ZERO_FLOAT; /* exact: scales have 18 bits at most */
  return (vf)_mm512_fmsub_ps((__m512)sum, (__m512)scales, (__m512)zero);
#else
  return __builtin_convertvector(sum - INTEGER_ZERO, vf) * scales;
#endif
}

#endif
