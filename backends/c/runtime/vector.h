/*
 * The vector layer: floats and integers in registers of the machine's own width, LANES at a time.
 *
 * Arithmetic is written with the compiler's vector types (+, *, comparisons work lane by lane), so that
 * the same kernel runs with AVX-512, AVX2, NEON or plain SSE2. Only loads that convert and reductions
 * name instructions. Multiplications followed by additions are contracted to FMA where there is one.
 */
#ifndef LLMIR_VECTOR_H
#define LLMIR_VECTOR_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "numbers.h"

#if defined(__AVX512F__)
#include <immintrin.h>
#define LANES 16
#elif defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)
#include <immintrin.h>
#define LANES 8
#else
#if defined(__ARM_NEON) && defined(__aarch64__)
#include <arm_neon.h>
#endif
#define LANES 4
#endif

/* A panel of packed weights holds 16 columns: this many registers. */
#define PANEL 16
#define PANEL_VECTORS (PANEL / LANES)

#define INLINE static inline __attribute__((always_inline, unused))

typedef float vf __attribute__((vector_size(4 * LANES)));
typedef int32_t vi __attribute__((vector_size(4 * LANES)));
typedef uint32_t vu __attribute__((vector_size(4 * LANES)));
typedef float vf_unaligned __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef int32_t vi_unaligned __attribute__((vector_size(4 * LANES), aligned(1), may_alias));
typedef uint16_t vu16 __attribute__((vector_size(2 * LANES)));
typedef uint16_t vu16_unaligned __attribute__((vector_size(2 * LANES), aligned(1), may_alias));

/* ---- Loads and stores ----------------------------------------------------------------------------- */

INLINE vf vf_set(float value) { return value - (vf){0}; }
INLINE vf vf_load(const float *from) { return *(const vf_unaligned *)from; }
INLINE void vf_store(float *to, vf value) { *(vf_unaligned *)to = value; }
INLINE vi vi_load(const void *from) { return *(const vi_unaligned *)from; }

/* The first `count` (< LANES) elements; the other lanes are 0. */
INLINE vf vf_load_part(const float *from, int count) {
#if defined(__AVX512F__)
  return (vf)_mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1u), from);
#else
  vf value = {0};
  memcpy(&value, from, sizeof(float) * (size_t)count);
  return value;
#endif
}

INLINE void vf_store_part(float *to, vf value, int count) {
#if defined(__AVX512F__)
  _mm512_mask_storeu_ps(to, (__mmask16)((1u << count) - 1u), (__m512)value);
#else
  memcpy(to, &value, sizeof(float) * (size_t)count);
#endif
}

/* Up to LANES elements: what remains of a row at its end. `count` may be larger than LANES, or negative. */
INLINE vf vf_load_tail(const float *from, int64_t count) {
  if (count >= LANES) return vf_load(from);
  return count > 0 ? vf_load_part(from, (int)count) : (vf){0};
}

INLINE void vf_store_tail(float *to, vf value, int64_t count) {
  if (count >= LANES) vf_store(to, value);
  else if (count > 0) vf_store_part(to, value, (int)count);
}

/* ---- Loads that convert --------------------------------------------------------------------------- */

/* Half to single precision by bit arithmetic: exact, subnormal numbers and infinities included. */
INLINE vf vf_from_half_bits(vu half) {
  const vu magnitude = (half & 0x7fffu) << 13;
  const vu sign = (half & 0x8000u) << 16;
  const vf scaled = (vf)magnitude * 0x1p112f;
  const vu special = (vu)(magnitude >= (0x7c00u << 13)) & 0x7f800000u;
  return (vf)((vu)scaled | special | sign);
}

INLINE vf vf_load_half(const uint16_t *from) {
#if defined(__AVX512F__)
  return (vf)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)from));
#elif LANES == 8
  return (vf)_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)from));
#elif defined(__ARM_NEON) && defined(__aarch64__)
  return (vf)vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(from)));
#else
  return vf_from_half_bits(__builtin_convertvector(*(const vu16_unaligned *)from, vu));
#endif
}

/* bfloat16 is the upper half of a single. */
INLINE vf vf_load_brain(const uint16_t *from) {
#if defined(__AVX512F__)
  return (vf)_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)from)), 16);
#elif LANES == 8
  return (vf)_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)from)), 16);
#else
  return (vf)(__builtin_convertvector(*(const vu16_unaligned *)from, vu) << 16);
#endif
}

INLINE vf vf_load_int8(const int8_t *from) {
#if defined(__AVX512F__)
  return (vf)_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)from)));
#elif LANES == 8
  return (vf)_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)from)));
#else
  vi value;
  for (int i = 0; i < LANES; i++) value[i] = from[i];
  return __builtin_convertvector(value, vf);
#endif
}

/* LANES bytes, each widened to 32 bits. */
INLINE vi vi_load_bytes(const uint8_t *from) {
#if defined(__AVX512F__)
  return (vi)_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)from));
#elif LANES == 8
  return (vi)_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)from));
#else
  vi value;
  for (int i = 0; i < LANES; i++) value[i] = from[i];
  return value;
#endif
}

/* The low four bits of each lane as the number they stand for, less 8. */
INLINE vf vf_from_nibbles(vi value) {
#if defined(__AVX512F__)
  const __m512 numbers = _mm512_setr_ps(-8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7);
  return (vf)_mm512_permutexvar_ps((__m512i)value, numbers);
#else
  return __builtin_convertvector((value & 15) - 8, vf);
#endif
}

/* ---- Stores that convert --------------------------------------------------------------------------- */

/* To nearest, ties to even; what is too large becomes infinite. */
INLINE void vf_store_half(uint16_t *to, vf value) {
#if defined(__AVX512F__)
  _mm256_storeu_si256((__m256i *)(void *)to, _mm512_cvtps_ph((__m512)value, _MM_FROUND_TO_NEAREST_INT));
#elif LANES == 8
  _mm_storeu_si128((__m128i *)(void *)to, _mm256_cvtps_ph((__m256)value, _MM_FROUND_TO_NEAREST_INT));
#elif defined(__ARM_NEON) && defined(__aarch64__)
  vst1_u16(to, vreinterpret_u16_f16(vcvt_f16_f32((float32x4_t)value)));
#else
  for (int i = 0; i < LANES; i++) to[i] = to_half(value[i]);
#endif
}

/* To nearest, ties to even; a NaN stays one. */
INLINE void vf_store_brain(uint16_t *to, vf value) {
  const vu bits = (vu)value;
  const vu rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  const vu is_nan = (vu)(value != value);
  const vu brain = (is_nan & ((bits >> 16) | 0x40u)) | (~is_nan & rounded);
  *(vu16_unaligned *)to = __builtin_convertvector(brain, vu16);
}

/* ---- Reductions ----------------------------------------------------------------------------------- */

INLINE vf vf_max(vf a, vf b) {
#if defined(__AVX512F__)
  return (vf)_mm512_max_ps((__m512)a, (__m512)b);
#else
  const vi larger = a > b;
  return (vf)((larger & (vi)a) | (~larger & (vi)b));
#endif
}

INLINE vf vf_select(vi condition, vf then, vf otherwise) {
  return (vf)((condition & (vi)then) | (~condition & (vi)otherwise));
}

/* The sum of all lanes, always in the same order. */
INLINE float vf_sum(vf value) {
#if defined(__AVX512F__)
  return _mm512_reduce_add_ps((__m512)value);
#else
  float part[LANES];
  vf_store(part, value);
  for (int width = LANES / 2; width > 0; width /= 2)
    for (int i = 0; i < width; i++) part[i] += part[i + width];
  return part[0];
#endif
}

INLINE vi vi_max(vi a, vi b) {
#if defined(__AVX512F__)
  return (vi)_mm512_max_epi32((__m512i)a, (__m512i)b);
#else
  const vi larger = a > b;
  return (larger & a) | (~larger & b);
#endif
}

INLINE int32_t vi_largest(vi value) {
#if defined(__AVX512F__)
  return _mm512_reduce_max_epi32((__m512i)value);
#else
  int32_t largest = value[0];
  for (int i = 1; i < LANES; i++) largest = value[i] > largest ? value[i] : largest;
  return largest;
#endif
}

INLINE vf vf_abs(vf value) { return (vf)((vi)value & 0x7fffffff); }

/* The value as it was rounded: keeps a product from being fused into the sum it is used in. */
INLINE vf vf_rounded(vf value) {
#if defined(__x86_64__)
  __asm__("" : "+v"(value));
#elif defined(__aarch64__)
  __asm__("" : "+w"(value));
#endif
  return value;
}

/* To the nearest integer, halves away from zero, as roundf does; magnitudes are far below 2^31. */
INLINE vi vi_round(vf value) {
  const vf half = (vf)(((vi)value & INT32_MIN) | (vi)vf_set(0.49999997f));
  return __builtin_convertvector(value + half, vi);
}

/* LANES integers that fit in a byte each. */
INLINE void vi_store_int8(int8_t *to, vi value) {
#if defined(__AVX512F__)
  _mm_storeu_si128((__m128i *)(void *)to, _mm512_cvtepi32_epi8((__m512i)value));
#else
  for (int i = 0; i < LANES; i++) to[i] = (int8_t)value[i];
#endif
}

/* LANES integers that fit in 16 bits without sign. */
INLINE void vu_store_uint16(uint16_t *to, vu value) {
  *(vu16_unaligned *)to = __builtin_convertvector(value, vu16);
}

INLINE int32_t vi_sum(vi value) {
#if defined(__AVX512F__)
  return _mm512_reduce_add_epi32((__m512i)value);
#else
  int32_t sum = 0;
  for (int i = 0; i < LANES; i++) sum += value[i];
  return sum;
#endif
}

/* ---- Functions ------------------------------------------------------------------------------------ */

/*
 * e^x within 2 units in the last place, from -infinity (0) to +infinity; a NaN stays one.
 * x = n ln 2 + r with |r| <= ln 2 / 2; e^r by Cephes' polynomial; 2^n in two factors, so that results
 * next to the largest number and below the smallest normal one come out right.
 */
INLINE vf vf_exp(vf x) {
  x = vf_select(x < -105.0f, vf_set(-105.0f), x);
  x = vf_select(x > 89.0f, vf_set(89.0f), x);
  const vf shifter = vf_set(12582912.0f); /* 1.5 * 2^23: adding it rounds to an integer */
  const vf n = (x * 1.44269504088896341f + shifter) - shifter;
  const vf r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
  vf p = vf_set(1.9875691500e-4f);
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  const vi exponent = __builtin_convertvector(n, vi);
  const vi half = exponent >> 1;
  const vf first = (vf)((half + 127) << 23);
  const vf second = (vf)((exponent - half + 127) << 23);
  return p * first * second;
}

/*
 * 2^(n + r) for |r| <= 1/2: 2^r by the minimax polynomial of degree 6 (relative error 2e-9 before rounding). `shifted`
 * is n + 1.5 * 2^23, which holds n in its lowest bits.
 */
INLINE vf vf_exp2_parts(vf shifted, vf r) {
  vf p = vf_set(1.534581216e-4f);
  p = p * r + 1.339993121e-3f;
  p = p * r + 9.618488957e-3f;
  p = p * r + 5.550328777e-2f;
  p = p * r + 2.402264689e-1f;
  p = p * r + 6.931472057e-1f;
  p = p * r + 1.0f;
  return (vf)((vi)p + ((vi)shifted << 23));
}

/*
 * e^x for x <= 0, within 2 units in the last place where multiplications fuse with additions, else within a relative
 * error of 2^-24 (1 - x); 0 below -87; a NaN stays one.
 */
INLINE vf vf_exp_negative(vf x) {
  const vf shifter = vf_set(12582912.0f); /* 1.5 * 2^23: adding it rounds to an integer */
  const vf bounded = vf_select(x < -88.0f, vf_set(-88.0f), x);
  const vf shifted = bounded * 1.44269504f + shifter;
  const vf n = shifted - shifter;
  /* log2 e in two parts, so that the rest is as exact as x. */
  const vf r = bounded * 1.92596299e-8f + (bounded * 1.44269502162933349609f - n);
  return vf_select(x < -87.0f, (vf){0}, vf_exp2_parts(shifted, r));
}

/* x / (1 + e^-x), with an exponential that cannot overflow. */
INLINE vf vf_silu(vf x) {
  const vf e = vf_exp_negative(-vf_abs(x));
  return x * vf_select(x < 0.0f, e, vf_set(1.0f)) / (1.0f + e);
}

#endif
