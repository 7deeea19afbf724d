/*
 * Keys and values in blocks of a pool [layers, P, block size, heads, head dim], and the table that says which
 * block holds which positions of a sequence. Block numbers were checked when the step began.
 */
#ifndef LLMIR_PAGED_CACHE_CUH
#define LLMIR_PAGED_CACHE_CUH

#include <stdint.h>

#include <cuda_runtime.h>

struct PagedCache {
  float *keys, *values;
  const int32_t *layer;       /* one number */
  int32_t blocks;             /* P */
  const int32_t *block_table; /* [S, table_width] */
  int32_t table_width;        /* B */
};

/* The number of a block among those of all layers: block `index` of a sequence, in this layer. */
static __device__ __forceinline__ int64_t paged_block(const PagedCache &cache, int64_t sequence, int index) {
  return (int64_t)*cache.layer * cache.blocks + cache.block_table[sequence * cache.table_width + index];
}

#endif
