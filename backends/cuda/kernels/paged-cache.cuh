/*
 * Keys and values in blocks of a pool [layers, P, block size, heads, head dim], and the table that says which
 * block holds which positions of a sequence. Block numbers were checked when the step began.
 */
#ifndef LLMIR_PAGED_CACHE_CUH
#define LLMIR_PAGED_CACHE_CUH

#include <stdint.h>

#include "../runtime/launch.cuh"
#include "../runtime/numbers.cuh"

/* What a cache may hold: floats, or 16-bit floats by their bits. */
struct StoredHalf {
  uint16_t bits;
};
struct StoredBrain {
  uint16_t bits;
};

NUMBER float number_of(float stored) { return stored; }
NUMBER float number_of(StoredHalf stored) { return from_half(stored.bits); }
NUMBER float number_of(StoredBrain stored) { return from_brain(stored.bits); }

NUMBER void store_number(float *to, float value) { *to = value; }
NUMBER void store_number(StoredHalf *to, float value) { to->bits = to_half(value); }
NUMBER void store_number(StoredBrain *to, float value) { to->bits = to_brain(value); }

/* Four neighbours, aligned as a whole. */
NUMBER float4 load_four_stored(const float *from) { return *(const float4 *)from; }

template <class Stored>
NUMBER float4 load_four_stored(const Stored *from) {
  const uint2 words = *(const uint2 *)from;
  const Stored a = {(uint16_t)words.x}, b = {(uint16_t)(words.x >> 16)};
  const Stored c = {(uint16_t)words.y}, d = {(uint16_t)(words.y >> 16)};
  return make_float4(number_of(a), number_of(b), number_of(c), number_of(d));
}

template <class Stored>
struct PagedCache {
  Stored *keys, *values;
  const int32_t *layer;       /* one number */
  int32_t blocks;             /* P */
  const int32_t *block_table; /* [S, table_width] */
  int32_t table_width;        /* B */
};

/* The cache of a step at a layer. */
template <class Stored>
static inline __attribute__((unused)) PagedCache<Stored> paged_cache(const Step *s, const int32_t *layer,
                                                                     const int32_t *block_table) {
  return {(Stored *)s->keys, (Stored *)s->values, layer, s->P, block_table, s->B};
}

/* The number of a block among those of all layers: block `index` of a sequence, in this layer. */
template <class Stored>
static __device__ __forceinline__ int64_t paged_block(const PagedCache<Stored> &cache, int64_t sequence, int index) {
  return (int64_t)*cache.layer * cache.blocks + cache.block_table[sequence * cache.table_width + index];
}

#endif
