/*
 * Puts the keys and values of a batch into the paged cache, keys turned by their positions. A row of
 * x[T, WIDTH] holds a token's keys from column KEY_OFFSET and its values from VALUE_OFFSET.
 * The slot is block_table[sequence][position / BLOCK_SIZE], row position % BLOCK_SIZE. One thread a pair.
 *
 *   NAME          the launcher; its kernel is NAME_kernel
 *   WIDTH         columns of x
 *   KEY_OFFSET    first column of the keys
 *   VALUE_OFFSET  first column of the values
 *   KV_HEADS      heads of the cache
 *   HEAD_DIM      elements of a head, even
 *   BLOCK_SIZE    token slots of a block
 *   STORED        what the cache holds: float, StoredHalf or StoredBrain
 *   INTERLEAVED   1: pairs are neighbours; 0: pairs are the halves of a head
 */
#include "../runtime/launch.cuh"
#include "paged-cache.cuh"
#include "rotation.cuh"

#ifndef NAME
#define NAME rope_append_kv
#define WIDTH 6144
#define KEY_OFFSET 4096
#define VALUE_OFFSET 5120
#define KV_HEADS 8
#define HEAD_DIM 128
#define BLOCK_SIZE 16
#define STORED float
#define INTERLEAVED 0
#endif

#define PAIRS (HEAD_DIM / 2)

static __global__ void __launch_bounds__(UNIT_THREADS)
    JOIN(NAME, _kernel)(int64_t tokens, PagedCache<STORED> cache, const float *__restrict__ x,
                        const int32_t *__restrict__ sequences, const int32_t *__restrict__ positions,
                        const float *__restrict__ frequencies) {
  for (int64_t unit = first_unit(); unit < tokens * KV_HEADS * PAIRS; unit += unit_stride()) {
    const int pair = (int)(unit % PAIRS), head = (int)(unit / PAIRS % KV_HEADS);
    const int64_t token = unit / (PAIRS * KV_HEADS);
    const int32_t position = positions[token];
    const int64_t block = paged_block(cache, sequences[token], position / BLOCK_SIZE);
    const int64_t to = ((block * BLOCK_SIZE + position % BLOCK_SIZE) * KV_HEADS + head) * HEAD_DIM;
    const float *const row = x + token * WIDTH + head * HEAD_DIM;
    rotate_pair(row + KEY_OFFSET, cache.keys + to, pair, PAIRS, INTERLEAVED,
                (float)position * frequencies[pair]);
    store_number(cache.values + to + pair, row[VALUE_OFFSET + pair]);
    store_number(cache.values + to + PAIRS + pair, row[VALUE_OFFSET + PAIRS + pair]);
  }
}

LAUNCHER NAME(const Step *s, int64_t tokens, PagedCache<STORED> cache, const float *x, const int32_t *sequences,
              const int32_t *positions, const float *frequencies) {
  launch_units(s, JOIN(NAME, _kernel), tokens * KV_HEADS * PAIRS, tokens, cache, x, sequences, positions,
               frequencies);
}

#undef PAIRS
#undef NAME
#undef WIDTH
#undef KEY_OFFSET
#undef VALUE_OFFSET
#undef KV_HEADS
#undef HEAD_DIM
#undef BLOCK_SIZE
#undef STORED
#undef INTERLEAVED
