/*
 * Causal attention over a paged cache: token t sees positions 0 .. positions[t] of its own sequence.
 * q and out are [T, HEADS, HEAD_DIM]; each KV head serves HEADS / KV_HEADS query heads.
 *
 * A block computes HEADS_TOGETHER query heads of one token that share a KV head. Its warps are cut into
 * streams of SLOT_LANES lanes; each stream walks over its own slots, UNROLL at a time, with a running maximum
 * and sum for each head (online softmax; Milakov and Gimelshein 2018), and the streams are merged at the end
 * (Dao 2022).
 *
 *   NAME            the launcher; its kernel is NAME_kernel
 *   HEADS           query heads, a multiple of KV_HEADS
 *   KV_HEADS        heads of the cache
 *   HEAD_DIM        elements of a head
 *   BLOCK_SIZE      token slots of a block
 *   STORED          what the cache holds: float, StoredHalf or StoredBrain
 *   SCALE           what scores are multiplied by
 *   HEADS_TOGETHER  divides HEADS / KV_HEADS; times HEAD_DIM at most 512
 *   SLOT_LANES      16 or 32: lanes that share a slot
 */
#include "../runtime/launch.cuh"
#include "paged-cache.cuh"
#include "warp.cuh"

#ifndef NAME
#define NAME paged_attention
#define HEADS 32
#define KV_HEADS 8
#define HEAD_DIM 128
#define BLOCK_SIZE 16
#define STORED float
#define SCALE 0.088388346f
#define HEADS_TOGETHER 4
#define SLOT_LANES 16
#endif

#define WARPS 16
#define THREADS (WARPS * WARP)
#define UNROLL 2
#define STREAMS (WARP / SLOT_LANES)
/* Elements of a head in a lane, in pieces of 4 where a head is a whole number of them for each lane. */
#define PIECE (HEAD_DIM % (4 * SLOT_LANES) == 0 ? 4 : 1)
#define PIECES ((HEAD_DIM + PIECE * SLOT_LANES - 1) / (PIECE * SLOT_LANES))
#define LANE_ELEMENTS (PIECE * PIECES)
/* Blocks for each token. */
#define PARTS (HEADS / HEADS_TOGETHER)

static_assert(HEADS % KV_HEADS == 0 && HEADS / KV_HEADS % HEADS_TOGETHER == 0,
              "query heads share KV heads evenly");
static_assert(HEADS_TOGETHER * HEAD_DIM <= 512, "results of a block fit into shared memory");

/* A lane's elements of a head. */
template <class Stored>
static __device__ __forceinline__ void JOIN(NAME, _load)(const Stored *head, int lane,
                                                         float (&value)[LANE_ELEMENTS]) {
#pragma unroll
  for (int i = 0; i < PIECES; i++) {
    const int at = (i * SLOT_LANES + lane) * PIECE;
    if (PIECE == 4) {
      const float4 four = load_four_stored(head + at);
      value[i * PIECE] = four.x;
      value[i * PIECE + 1 % PIECE] = four.y;
      value[i * PIECE + 2 % PIECE] = four.z;
      value[i * PIECE + 3 % PIECE] = four.w;
    } else {
      value[i] = at < HEAD_DIM ? number_of(head[at]) : 0.0f;
    }
  }
}

static __global__ void __launch_bounds__(THREADS)
    JOIN(NAME, _kernel)(const float *__restrict__ q, PagedCache<STORED> cache, const int32_t *__restrict__ sequences,
                        const int32_t *__restrict__ positions, float *__restrict__ out) {
  __shared__ float results[WARPS][HEADS_TOGETHER][HEAD_DIM];
  __shared__ float maxima[WARPS][HEADS_TOGETHER], sums[WARPS][HEADS_TOGETHER];
  const int64_t token = blockIdx.x / PARTS;
  const int first_head = (int)(blockIdx.x % PARTS) * HEADS_TOGETHER;
  const int kv_head = first_head / (HEADS / KV_HEADS);
  const int lane = lane_of_warp() % SLOT_LANES, stream = lane_of_warp() / SLOT_LANES, warp = warp_of_block();
  const int64_t sequence = sequences[token];
  const int slots = positions[token] + 1;

  float query[HEADS_TOGETHER][LANE_ELEMENTS], result[HEADS_TOGETHER][LANE_ELEMENTS];
  float maximum[HEADS_TOGETHER], sum[HEADS_TOGETHER];
#pragma unroll
  for (int h = 0; h < HEADS_TOGETHER; h++) {
    JOIN(NAME, _load)(q + (token * HEADS + first_head + h) * HEAD_DIM, lane, query[h]);
    maximum[h] = -INFINITY;
    sum[h] = 0.0f;
#pragma unroll
    for (int i = 0; i < LANE_ELEMENTS; i++) result[h][i] = 0.0f;
  }

  /* All lanes of a warp go round equally often; a stream that is past the end takes part with nothing. */
  for (int first = warp * STREAMS * UNROLL; first < slots; first += WARPS * STREAMS * UNROLL) {
    float key[UNROLL][LANE_ELEMENTS], value[UNROLL][LANE_ELEMENTS];
    bool filled[UNROLL];
#pragma unroll
    for (int u = 0; u < UNROLL; u++) {
      const int slot = first + u * STREAMS + stream, known = slot < slots ? slot : slots - 1;
      const int64_t block = paged_block(cache, sequence, known / BLOCK_SIZE);
      const int64_t at = ((block * BLOCK_SIZE + known % BLOCK_SIZE) * KV_HEADS + kv_head) * HEAD_DIM;
      filled[u] = slot < slots;
      JOIN(NAME, _load)(cache.keys + at, lane, key[u]);
      JOIN(NAME, _load)(cache.values + at, lane, value[u]);
    }
#pragma unroll
    for (int u = 0; u < UNROLL; u++) {
#pragma unroll
      for (int h = 0; h < HEADS_TOGETHER; h++) {
        float part = 0.0f;
#pragma unroll
        for (int i = 0; i < LANE_ELEMENTS; i++) part += query[h][i] * key[u][i];
        const float score = group_sum<SLOT_LANES>(part) * SCALE;
        if (!filled[u]) continue;
        const float greatest = fmaxf(maximum[h], score);
        const float correction = expf(maximum[h] - greatest), weight = expf(score - greatest);
        maximum[h] = greatest;
        sum[h] = sum[h] * correction + weight;
#pragma unroll
        for (int i = 0; i < LANE_ELEMENTS; i++)
          result[h][i] = result[h][i] * correction + weight * value[u][i];
      }
    }
  }

  /* Streams of a warp become one. A stream that saw nothing has a sum of 0 and a maximum of -infinity. */
#pragma unroll
  for (int h = 0; h < HEADS_TOGETHER; h++) {
#pragma unroll
    for (int offset = SLOT_LANES; offset < WARP; offset *= 2) {
      const float greatest = fmaxf(maximum[h], __shfl_xor_sync(ALL_LANES, maximum[h], offset));
      const float correction = maximum[h] == -INFINITY ? 0.0f : expf(maximum[h] - greatest);
      maximum[h] = greatest;
      sum[h] *= correction;
      sum[h] += __shfl_xor_sync(ALL_LANES, sum[h], offset);
#pragma unroll
      for (int i = 0; i < LANE_ELEMENTS; i++) {
        result[h][i] *= correction;
        result[h][i] += __shfl_xor_sync(ALL_LANES, result[h][i], offset);
      }
    }
    if (stream == 0) {
#pragma unroll
      for (int i = 0; i < LANE_ELEMENTS; i++) {
        const int at = (i / PIECE * SLOT_LANES + lane) * PIECE + i % PIECE;
        if (at < HEAD_DIM) results[warp][h][at] = result[h][i];
      }
    }
    if (lane_of_warp() == 0) {
      maxima[warp][h] = maximum[h];
      sums[warp][h] = sum[h];
    }
  }
  __syncthreads();

  /* Warps become one; warp 0 always saw slot 0. */
  for (int at = (int)threadIdx.x; at < HEADS_TOGETHER * HEAD_DIM; at += THREADS) {
    const int h = at / HEAD_DIM, d = at % HEAD_DIM;
    float greatest = maxima[0][h];
    for (int w = 1; w < WARPS; w++) greatest = fmaxf(greatest, maxima[w][h]);
    float total = 0.0f, weighted = 0.0f;
    for (int w = 0; w < WARPS; w++) {
      const float correction = expf(maxima[w][h] - greatest);
      total += sums[w][h] * correction;
      weighted += results[w][h][d] * correction;
    }
    out[(token * HEADS + first_head + h) * HEAD_DIM + d] = weighted / total;
  }
}

LAUNCHER NAME(const Step *s, int64_t tokens, const float *q, PagedCache<STORED> cache, const int32_t *sequences,
              const int32_t *positions, float *out) {
  launch(s, JOIN(NAME, _kernel), tokens * PARTS, THREADS, q, cache, sequences, positions, out);
}

#undef WARPS
#undef THREADS
#undef UNROLL
#undef STREAMS
#undef PIECE
#undef PIECES
#undef LANE_ELEMENTS
#undef PARTS
#undef NAME
#undef HEADS
#undef KV_HEADS
#undef HEAD_DIM
#undef BLOCK_SIZE
#undef STORED
#undef SCALE
#undef HEADS_TOGETHER
#undef SLOT_LANES
