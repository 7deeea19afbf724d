/*
 * Causal attention over a paged cache: token t sees positions 0 .. positions[t] of its own sequence, or the last
 * WINDOW of them. q and out are [T, HEADS, HEAD_DIM]; each KV head serves HEADS / KV_HEADS query heads, which
 * share every load of a key or a value.
 *
 * Few tokens (decode) are split by positions into up to SPANS spans whose results are merged; many tokens are done
 * in tiles. How a token is split depends on its position alone: results are the same for any number of threads.
 *
 *   NAME        the function
 *   HEADS       query heads, a multiple of KV_HEADS
 *   KV_HEADS    heads of the cache
 *   HEAD_DIM    elements of a head
 *   BLOCK_SIZE  token slots of a block
 *   FORMAT      elements of the cache: F32, F16, BF16 or I8
 *   WINDOW      positions that a token sees, its own included; 0: all
 *   SCALE       what scores are multiplied by
 *
 * Scratch: see `attentionScratch` in rows/attention.ts. Shared: SPANS * FEW results and FEW counters, at first 0.
 */
#ifndef NAME
#define NAME paged_attention
#define HEADS 8
#define KV_HEADS 2
#define HEAD_DIM 64
#define BLOCK_SIZE 16
#define FORMAT F32
#define WINDOW 0
#define SCALE 0.125f
#endif

#include <math.h>
#include <stdatomic.h>

#include "../runtime/vector.h"
#include "../runtime/worker.h"
#include "attention-math.h"
#include "paged-cache.h"

_Static_assert(HEADS % KV_HEADS == 0, "every KV head serves equally many query heads");

#define GROUP (HEADS / KV_HEADS)
#define VECTORS ((HEAD_DIM + LANES - 1) / LANES)
#define WIDE (VECTORS * LANES)
/* Elements between two positions of a block. */
#define ROW ((int64_t)KV_HEADS * HEAD_DIM)
#define FIRST_SEEN(position) (WINDOW > 0 && (position) >= WINDOW ? (position) - WINDOW + 1 : 0)

/* Registers that a loop can keep sums in. */
#if LANES == 16 || defined(__aarch64__)
#define SUMS 24
#define STRIP 4
#else
#define SUMS 12
#define STRIP 2
#endif

/* Up to so many tokens are done one by one. */
#define FEW 16
#define SPANS 16
#define LEAST_SPAN 64
#define QUERY_TOKENS (GROUP < 64 ? 64 / GROUP : 1)

#include "attention-span.h"
#include "attention-tile.h"

/* What threads pass to each other: one for each of FEW tokens. */
typedef struct JOIN(NAME, _Shared) {
  _Alignas(64) atomic_int done[FEW]; /* spans of the token that are finished; 0 between steps */
  _Alignas(64) JOIN(NAME, _Sums) sums[FEW][SPANS];
} JOIN(NAME, _Shared);

/* Positions of a span of a token that sees `seen` positions. */
INLINE int32_t JOIN(NAME, _span_length)(int32_t seen) {
  const int32_t even = (seen + SPANS - 1) / SPANS;
  return even <= LEAST_SPAN ? LEAST_SPAN : (even + PIECE - 1) / PIECE * PIECE;
}

INLINE void JOIN(NAME, _scaled)(const float *q, int from, int to, float *scaled) {
  for (int head = from * GROUP; head < to * GROUP; head++)
    for (int d = 0; d < WIDE; d += LANES)
      vf_store(scaled + head * WIDE + d, vf_load_tail(q + head * HEAD_DIM + d, HEAD_DIM - d) * (SCALE * LOG2_E));
}

/* Span `index` of a token; whoever finishes the last one merges them. */
INLINE void JOIN(NAME, _part)(const Worker *worker, const PagedCache *cache, const float *q, int32_t sequence,
                              int32_t position, int index, int token, float *out) {
  JOIN(NAME, _Shared) *const shared = worker->shared;
  const int32_t seen_from = FIRST_SEEN(position), seen = position + 1 - seen_from;
  const int32_t length = JOIN(NAME, _span_length)(seen);
  const int spans = (seen + length - 1) / length;
  if (index >= spans) return;
  const int32_t first = seen_from + index * length;
  const int32_t end = index + 1 < spans ? first + length : position + 1;
  JOIN(NAME, _scaled)(q, 0, KV_HEADS, worker->scratch);
  JOIN(NAME, _span)(cache, worker->scratch, sequence, first, end, 0, KV_HEADS, &shared->sums[token][index]);
  if (atomic_fetch_add(&shared->done[token], 1) + 1 < spans) return;
  atomic_store(&shared->done[token], 0);
  JOIN(NAME, _merge)(shared->sums[token], spans, 0, KV_HEADS, out);
}

/* Tokens first .. end-1 for one KV head: runs of neighbours as tiles, single tokens by themselves. */
INLINE void JOIN(NAME, _runs)(const Worker *worker, const PagedCache *cache, const float *q, const int32_t *sequences,
                              const int32_t *positions, int64_t first, int64_t end, int kv_head, float *out) {
  for (int64_t token = first, next; token < end; token = next) {
    next = token + 1;
    while (next < end && sequences[next] == sequences[token] && positions[next] == positions[next - 1] + 1) next++;
    const int64_t row = token * HEADS * HEAD_DIM;
    if ((next - token) * GROUP >= QUERY_ROWS / 8) {
      JOIN(NAME, _tile)((void *)worker->scratch, cache, q + row, sequences[token], positions[token],
                        (int)(next - token), kv_head, out + row);
      continue;
    }
    next = token + 1;
    JOIN(NAME, _Sums) *const sums = (void *)(worker->scratch + HEADS * WIDE);
    JOIN(NAME, _scaled)(q + row, kv_head, kv_head + 1, worker->scratch);
    JOIN(NAME, _span)(cache, worker->scratch, sequences[token], FIRST_SEEN(positions[token]), positions[token] + 1,
                      kv_head, kv_head + 1, sums);
    JOIN(NAME, _merge)(sums, 1, kv_head, kv_head + 1, out + row);
  }
}

KERNEL NAME(const Worker *worker, int32_t tokens, const float *q, const PagedCache *cache, const int32_t *sequences,
            const int32_t *positions, float *out) {
  if (tokens <= FEW) {
    for (Shares shares = shares_of(worker, (int64_t)tokens * SPANS); next_share(&shares);)
      for (int64_t unit = shares.first; unit < shares.end; unit++) {
        const int token = (int)(unit / SPANS);
        const int64_t row = (int64_t)token * HEADS * HEAD_DIM;
        JOIN(NAME, _part)(worker, cache, q + row, sequences[token], positions[token], (int)(unit % SPANS), token,
                          out + row);
      }
    return;
  }
  /* Later tokens see more: they come first, so that what is left at the end is short. */
  const int64_t tiles = (tokens + QUERY_TOKENS - 1) / QUERY_TOKENS;
  for (Shares shares = shares_of(worker, tiles * KV_HEADS); next_share(&shares);)
    for (int64_t unit = shares.first; unit < shares.end; unit++) {
      const int64_t first = (tiles - 1 - unit / KV_HEADS) * QUERY_TOKENS;
      const int64_t end = first + QUERY_TOKENS < tokens ? first + QUERY_TOKENS : tokens;
      JOIN(NAME, _runs)(worker, cache, q, sequences, positions, first, end, (int)(unit % KV_HEADS), out);
    }
}

#undef GROUP
#undef VECTORS
#undef WIDE
#undef ROW
#undef FIRST_SEEN
#undef SUMS
#undef STRIP
#undef FEW
#undef SPANS
#undef LEAST_SPAN
#undef QUERY_TOKENS
#undef TEAM
#undef SPREAD
#undef KEYS
#undef PIECE
#undef SLICE
#undef TEAMS
#undef TEAM_START
#undef TILE_KEYS
#undef STRIP_ROWS
#undef QUERY_ROWS
#undef SIDE
#undef NAME
#undef HEADS
#undef KV_HEADS
#undef HEAD_DIM
#undef BLOCK_SIZE
#undef FORMAT
#undef WINDOW
#undef SCALE
