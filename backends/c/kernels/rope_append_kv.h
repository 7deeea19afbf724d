/*
 * Puts the keys and values of a batch into the paged cache, keys turned by their positions. A row of
 * x[T, WIDTH] holds a token's keys from column KEY_OFFSET and its values from VALUE_OFFSET.
 * The slot is block_table[sequence][position / BLOCK_SIZE], row position % BLOCK_SIZE.
 * Threads split the KV heads of all tokens.
 *
 *   NAME          the function
 *   WIDTH         columns of x
 *   KEY_OFFSET    first column of the keys
 *   VALUE_OFFSET  first column of the values
 *   KV_HEADS      heads of the cache
 *   HEAD_DIM      elements of a head, even
 *   BLOCK_SIZE    token slots of a block
 *   FORMAT        elements of the cache: F32, F16, BF16 or I8
 *   INTERLEAVED   1: pairs are neighbours; 0: pairs are the halves of a head
 *
 * Scratch: 2 HEAD_DIM floats.
 */
#ifndef NAME
#define NAME rope_append_kv
#define WIDTH 256
#define KEY_OFFSET 0
#define VALUE_OFFSET 128
#define KV_HEADS 2
#define HEAD_DIM 64
#define BLOCK_SIZE 16
#define FORMAT F32
#define INTERLEAVED 0
#endif

#include "../runtime/worker.h"
#include "paged-cache.h"
#include "rotation.h"

KERNEL NAME(const Worker *worker, int32_t tokens, const PagedCache *cache, const float *x, const int32_t *sequences,
            const int32_t *positions, const float *frequencies) {
  float *const turn = worker->scratch;
  float *const key = turn + HEAD_DIM;
  int64_t turned = -1;
  for (Shares shares = shares_of(worker, (int64_t)tokens * KV_HEADS); next_share(&shares);)
    for (int64_t unit = shares.first; unit < shares.end; unit++) {
      const int64_t token = unit / KV_HEADS, head = unit % KV_HEADS;
      if (token != turned) rotation_of(positions[token], frequencies, HEAD_DIM / 2, turn);
      turned = token;
      const float *const row = x + token * WIDTH + head * HEAD_DIM;
      const int64_t slot = paged_slot(cache, sequences[token], positions[token], BLOCK_SIZE);
      const int64_t to = (slot * KV_HEADS + head) * HEAD_DIM;
      rotate_head(row + KEY_OFFSET, key, turn, HEAD_DIM / 2, INTERLEAVED);
      cache_store_head(cache->keys, cache->key_scales, FORMAT, to, key, HEAD_DIM);
      cache_store_head(cache->values, cache->value_scales, FORMAT, to, row + VALUE_OFFSET, HEAD_DIM);
    }
}

#undef NAME
#undef WIDTH
#undef KEY_OFFSET
#undef VALUE_OFFSET
#undef KV_HEADS
#undef HEAD_DIM
#undef BLOCK_SIZE
#undef FORMAT
#undef INTERLEAVED
