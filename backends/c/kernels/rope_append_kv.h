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
 *   INTERLEAVED   1: pairs are neighbours; 0: pairs are the halves of a head
 *
 * Scratch: HEAD_DIM floats.
 */
#ifndef NAME
#define NAME rope_append_kv
#define WIDTH 256
#define KEY_OFFSET 0
#define VALUE_OFFSET 128
#define KV_HEADS 2
#define HEAD_DIM 64
#define BLOCK_SIZE 16
#define INTERLEAVED 0
#endif

#include "../runtime/worker.h"
#include "paged-cache.h"
#include "rotation.h"

KERNEL NAME(const Worker *worker, int32_t tokens, const PagedCache *cache, const float *x, const int32_t *sequences,
            const int32_t *positions, const float *frequencies) {
  float *const turn = worker->scratch;
  const Share share = share_of(worker, (int64_t)tokens * KV_HEADS);
  int64_t turned = -1;
  for (int64_t unit = share.first; unit < share.end; unit++) {
    const int64_t token = unit / KV_HEADS, head = unit % KV_HEADS;
    const int32_t position = positions[token];
    if (token != turned) rotation_of(position, frequencies, HEAD_DIM / 2, turn);
    turned = token;
    const int64_t block = paged_block(cache, sequences[token], position / BLOCK_SIZE);
    const int64_t to = ((block * BLOCK_SIZE + position % BLOCK_SIZE) * KV_HEADS + head) * HEAD_DIM;
    const float *const row = x + token * WIDTH + head * HEAD_DIM;
    rotate_head(row + KEY_OFFSET, cache->keys + to, turn, HEAD_DIM / 2, INTERLEAVED);
    memcpy(cache->values + to, row + VALUE_OFFSET, HEAD_DIM * sizeof(float));
  }
}

#undef NAME
#undef WIDTH
#undef KEY_OFFSET
#undef VALUE_OFFSET
#undef KV_HEADS
#undef HEAD_DIM
#undef BLOCK_SIZE
#undef INTERLEAVED
