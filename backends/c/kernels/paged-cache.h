/*
 * Keys and values in blocks of a pool [layers, P, block size, heads, head dim], and the table that says
 * which block holds which positions of a sequence. Block numbers were checked when the step began.
 * Elements are f32, f16, bf16, or codes (codes.h) with a scale for each head of a position, in pools of their own;
 * kernels pass the format as a constant, so that asking for it costs nothing.
 */
#ifndef LLMIR_PAGED_CACHE_H
#define LLMIR_PAGED_CACHE_H

#include <stdint.h>

#include "../runtime/numbers.h"
#include "../runtime/vector.h"
#include "codes.h"

/* Values of FORMAT. */
#define F32 0
#define F16 1
#define BF16 2
#define I8 3

#define CACHE_LINE_BYTES 64

typedef struct PagedCache {
  void *keys, *values;
  float *key_scales, *value_scales; /* of codes */
  int32_t layer;
  int32_t blocks;             /* P */
  const int32_t *block_table; /* [S, table_width] */
  int32_t table_width;        /* B */
} PagedCache;

/* The number of a block among those of all layers: block `index` of a sequence, in this layer. */
static inline __attribute__((unused)) int64_t paged_block(const PagedCache *cache, int64_t sequence, int64_t index) {
  return (int64_t)cache->layer * cache->blocks + cache->block_table[sequence * cache->table_width + index];
}

/* The slot of a position among those of all layers. */
INLINE int64_t paged_slot(const PagedCache *cache, int64_t sequence, int32_t position, int block_size) {
  return paged_block(cache, sequence, position / block_size) * block_size + position % block_size;
}

INLINE int cache_bytes(int format) { return format == F32 ? 4 : format == I8 ? 1 : 2; }

/* LANES codes, or the `left` that remain of a head, as floats; the other lanes are 0. */
INLINE vf cache_load_codes(const int8_t *from, int64_t left) {
  if (left >= LANES) return vf_load_int8(from);
#if defined(__AVX512BW__) && defined(__AVX512VL__)
  const __m128i part = _mm_maskz_loadu_epi8((__mmask16)(left > 0 ? (1u << left) - 1u : 0u), from);
  return (vf)_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(part));
#else
  int8_t part[LANES] = {0};
  if (left > 0) memcpy(part, from, (size_t)left);
  return vf_load_int8(part);
#endif
}

/* What the elements of the head that begins at element `at` are multiplied by. */
INLINE vf cache_scale(const float *scales, int format, int64_t at, int head_dim) {
  return vf_set(format == I8 ? scales[at / head_dim] : 1.0f);
}

/* LANES elements from element `at` on, or the `left` that remain of a head; the other lanes are 0. */
INLINE vf cache_load(const void *pool, int format, vf scale, int64_t at, int64_t left) {
  if (format == F32) return vf_load_tail((const float *)pool + at, left);
  if (format == I8) return cache_load_codes((const int8_t *)pool + at, left) * scale;
  const uint16_t *const from = (const uint16_t *)pool + at;
  if (left >= LANES) return format == F16 ? vf_load_half(from) : vf_load_brain(from);
#if defined(__AVX512BW__) && defined(__AVX512VL__)
  /* In registers: what was stored in parts has to reach the cache before it can be loaded as a whole. */
  const __m256i part = _mm256_maskz_loadu_epi16((__mmask16)(left > 0 ? (1u << left) - 1u : 0u), from);
  if (format == F16) return (vf)_mm512_cvtph_ps(part);
  return (vf)_mm512_slli_epi32(_mm512_cvtepu16_epi32(part), 16);
#else
  uint16_t part[LANES] = {0};
  if (left > 0) memcpy(part, from, (size_t)left * 2);
  return format == F16 ? vf_load_half(part) : vf_load_brain(part);
#endif
}

/* Rounds numbers to the cache's format. */
INLINE void cache_store(void *pool, int format, int64_t at, vf value, int64_t left) {
  if (format == F32) {
    vf_store_tail((float *)pool + at, value, left);
    return;
  }
  uint16_t *const to = (uint16_t *)pool + at;
  uint16_t part[LANES];
  if (format == F16) vf_store_half(left < LANES ? part : to, value);
  else vf_store_brain(left < LANES ? part : to, value);
  if (left < LANES) memcpy(to, part, left > 0 ? (size_t)left * 2 : 0);
}

/* A head of `head_dim` numbers to element `at` and on. */
INLINE void cache_store_head(void *pool, float *scales, int format, int64_t at, const float *head, int head_dim) {
  if (format == I8) {
    round_to_codes(head, head_dim, (int8_t *)pool + at, &scales[at / head_dim]);
    return;
  }
  for (int d = 0; d < head_dim; d += LANES)
    cache_store(pool, format, at + d, vf_load_tail(head + d, head_dim - d), head_dim - d);
}

/* Brings the elements of one row to the second-level cache: a block is used once, so the first would be flooded. */
INLINE void cache_prefetch(const void *pool, int format, int64_t at, int64_t elements) {
  const char *const row = (const char *)pool + at * cache_bytes(format);
  for (int64_t byte = 0; byte < elements * cache_bytes(format); byte += CACHE_LINE_BYTES)
    __builtin_prefetch(row + byte, 0, 2);
}

#endif
