/*
 * Causal attention over a paged cache: token t sees positions 0 .. positions[t] of its own sequence.
 * q and out are [T, HEADS, HEAD_DIM]; each KV head serves HEADS / KV_HEADS query heads, which share every load
 * of a key or a value. One pass over the blocks with a running maximum and sum (online softmax; Milakov and
 * Gimelshein 2018). Threads take (token, KV head) pairs in turn, since later tokens see more.
 *
 *   NAME        the function
 *   HEADS       query heads, a multiple of KV_HEADS
 *   KV_HEADS    heads of the cache
 *   HEAD_DIM    elements of a head
 *   BLOCK_SIZE  token slots of a block
 *   SCALE       what scores are multiplied by
 *
 * Scratch: HEADS / KV_HEADS rows of (HEAD_DIM + BLOCK_SIZE) rounded up to whole registers, plus 2.
 */
#ifndef NAME
#define NAME paged_attention
#define HEADS 8
#define KV_HEADS 2
#define HEAD_DIM 64
#define BLOCK_SIZE 16
#define SCALE 0.125f
#endif

#include <math.h>

#include "../runtime/vector.h"
#include "../runtime/worker.h"
#include "paged-cache.h"

#define GROUP_HEADS (HEADS / KV_HEADS)
#define WHOLE(count) (((count) + LANES - 1) / LANES * LANES)
#define ROW_FLOATS ((int64_t)KV_HEADS * HEAD_DIM)

_Static_assert(HEADS % KV_HEADS == 0, "every KV head serves equally many query heads");

/* scores[h][slot] = SCALE * q[h] . key[slot] */
INLINE void JOIN(NAME, _scores)(const float *q, const float *keys, int count, float *scores) {
  for (int slot = 0; slot < count; slot++) {
    const float *const key = keys + slot * ROW_FLOATS;
    for (int h = 0; h < GROUP_HEADS; h++) {
      vf sum = {0};
#pragma GCC unroll 8
      for (int d = 0; d < HEAD_DIM; d += LANES)
        sum += vf_load_tail(q + h * HEAD_DIM + d, HEAD_DIM - d) * vf_load_tail(key + d, HEAD_DIM - d);
      scores[h * WHOLE(BLOCK_SIZE) + slot] = vf_sum(sum) * SCALE;
    }
  }
}

/* Scores become weights relative to the new maximum; returns what earlier results are multiplied by. */
INLINE float JOIN(NAME, _weigh)(float *scores, int count, float *maximum, float *sum) {
  for (int slot = count; slot < (int)WHOLE(count); slot++) scores[slot] = -INFINITY;
  vf largest = vf_set(*maximum);
  for (int i = 0; i < count; i += LANES) largest = vf_max(largest, vf_load(scores + i));
  const float top = vf_largest(largest);
  vf total = {0};
  for (int i = 0; i < count; i += LANES) {
    const vf weight = vf_exp(vf_load(scores + i) - top);
    vf_store(scores + i, weight);
    total += weight;
  }
  const float correction = expf(*maximum - top);
  *sum = *sum * correction + vf_sum(total);
  *maximum = top;
  return correction;
}

/* result[h] = result[h] * correction[h] + sum over slots of weight[h][slot] * value[slot] */
INLINE void JOIN(NAME, _gather)(float *result, const float *weights, const float *values, int count,
                                const float *correction) {
  for (int h = 0; h < GROUP_HEADS; h++) {
    const float *const weight = weights + h * WHOLE(BLOCK_SIZE);
#pragma GCC unroll 8
    for (int d = 0; d < HEAD_DIM; d += LANES) {
      vf sum = vf_load(result + h * WHOLE(HEAD_DIM) + d) * correction[h];
      for (int slot = 0; slot < count; slot++)
        sum += weight[slot] * vf_load_tail(values + slot * ROW_FLOATS + d, HEAD_DIM - d);
      vf_store(result + h * WHOLE(HEAD_DIM) + d, sum);
    }
  }
}

INLINE void JOIN(NAME, _pair)(const Worker *worker, const PagedCache *cache, const float *q, int32_t sequence,
                              int32_t position, int kv_head, float *out) {
  float *const result = worker->scratch;                           /* [GROUP_HEADS, WHOLE(HEAD_DIM)] */
  float *const scores = result + GROUP_HEADS * WHOLE(HEAD_DIM);    /* [GROUP_HEADS, WHOLE(BLOCK_SIZE)] */
  float *const maximum = scores + GROUP_HEADS * WHOLE(BLOCK_SIZE); /* [GROUP_HEADS] */
  float *const sum = maximum + GROUP_HEADS;
  float correction[GROUP_HEADS];
  memset(result, 0, sizeof(float) * GROUP_HEADS * WHOLE(HEAD_DIM));
  for (int h = 0; h < GROUP_HEADS; h++) {
    maximum[h] = -INFINITY;
    sum[h] = 0.0f;
  }
  for (int32_t first = 0; first <= position; first += BLOCK_SIZE) {
    const int count = position - first + 1 < BLOCK_SIZE ? position - first + 1 : BLOCK_SIZE;
    const int64_t block = paged_block(cache, sequence, first / BLOCK_SIZE);
    const int64_t at = block * BLOCK_SIZE * ROW_FLOATS + (int64_t)kv_head * HEAD_DIM;
    JOIN(NAME, _scores)(q, cache->keys + at, count, scores);
    for (int h = 0; h < GROUP_HEADS; h++)
      correction[h] = JOIN(NAME, _weigh)(scores + h * WHOLE(BLOCK_SIZE), count, maximum + h, sum + h);
    JOIN(NAME, _gather)(result, scores, cache->values + at, count, correction);
  }
  for (int h = 0; h < GROUP_HEADS; h++)
    for (int d = 0; d < HEAD_DIM; d += LANES)
      vf_store_tail(out + h * HEAD_DIM + d, vf_load(result + h * WHOLE(HEAD_DIM) + d) / sum[h], HEAD_DIM - d);
}

KERNEL NAME(const Worker *worker, int32_t tokens, const float *q, const PagedCache *cache, const int32_t *sequences,
            const int32_t *positions, float *out) {
  for (int64_t unit = worker->thread; unit < (int64_t)tokens * KV_HEADS; unit += worker->threads) {
    const int64_t token = unit / KV_HEADS;
    const int kv_head = (int)(unit % KV_HEADS);
    const int64_t at = (token * HEADS + kv_head * GROUP_HEADS) * (int64_t)HEAD_DIM;
    JOIN(NAME, _pair)(worker, cache, q + at, sequences[token], positions[token], kv_head, out + at);
  }
}

#undef GROUP_HEADS
#undef WHOLE
#undef ROW_FLOATS
#undef NAME
#undef HEADS
#undef KV_HEADS
#undef HEAD_DIM
#undef BLOCK_SIZE
#undef SCALE
