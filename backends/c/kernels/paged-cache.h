/*
 * Keys and values in blocks of a pool [layers, P, block size, heads, head dim], and the table that says
 * which block holds which positions of a sequence. Block numbers were checked when the step began.
 */
#ifndef LLMIR_PAGED_CACHE_H
#define LLMIR_PAGED_CACHE_H

#include <stdint.h>

typedef struct PagedCache {
  float *keys, *values;
  int32_t layer;
  int32_t blocks;             /* P */
  const int32_t *block_table; /* [S, table_width] */
  int32_t table_width;        /* B */
} PagedCache;

/* The number of a block among those of all layers: block `index` of a sequence, in this layer. */
static inline __attribute__((unused)) int64_t paged_block(const PagedCache *cache, int64_t sequence, int64_t index) {
  return (int64_t)cache->layer * cache->blocks + cache->block_table[sequence * cache->table_width + index];
}

#endif
