/*
 * The inner loops that all matrix products share: a tile of a few tokens by a few panels, its sums in
 * registers, one pass over k. Weights come as 16 floats a step of k (a panel, see matmul_f32.h).
 *
 * Every sum is made in the order of k, whatever the size of the tile, so that a result does not depend
 * on how tokens and panels were dealt out to threads.
 */
#ifndef LLMIR_PANEL_TILE_H
#define LLMIR_PANEL_TILE_H

#include "../runtime/vector.h"
#include "../runtime/worker.h"

/* Of a kernel with N columns. */
#define PANELS ((N + PANEL - 1) / PANEL)

/* Products of up to this many tokens read the packed weights directly, once; the most whose sums are kept at once. */
#define FEW_TOKENS 8

/* Steps of k whose weights are unpacked at a time for many tokens; see `matmul_scratch` in rows/products.ts. */
#define K_BLOCK 512

/* A tile for many tokens: as many sums as the registers hold. */
#if LANES == 16
#define TILE_TOKENS 8
#define TILE_PANELS 2
#elif LANES == 8
#define TILE_TOKENS 6
#define TILE_PANELS 1
#else
#define TILE_TOKENS 3
#define TILE_PANELS 1
#endif

/* Panels that a product of few tokens reads side by side: enough sums in flight to hide the latency of one. */
#define STRIP_PANELS(tokens) (LANES == 16 ? ((tokens) <= 2 ? 4 : (tokens) <= 4 ? 2 : 1) : (tokens) <= 1 ? 2 : 1)
#define MOST_STRIP_PANELS 4

/*
 * Weights are read once and from end to end. Products of one or two tokens leave that to the hardware where it keeps
 * up by itself (Zen 4: 30 GB/s, of 30; with any asking 20 to 27); elsewhere they ask for what comes a little later,
 * since its own prefetching stops at every page. Products of more tokens take longer than memory does: they ask the
 * second cache for what they need next, at an even pace.
 */
#define ALONE_TOKENS 2
#define PREFETCH_BYTES 2048
#define PREFETCH_FAR 16384
#if defined(__znver1__) || defined(__znver2__) || defined(__znver3__) || defined(__znver4__) || defined(__znver5__)
#define HARDWARE_STREAMS 1
#else
#define HARDWARE_STREAMS 0
#endif

/* By a product of `tokens` tokens that reads `bytes` bytes next. */
INLINE void ask(const void *from, int64_t bytes, int tokens) {
  if (tokens <= ALONE_TOKENS && HARDWARE_STREAMS) return;
  for (int64_t byte = 0; byte < bytes; byte += 64) {
    if (tokens <= ALONE_TOKENS) __builtin_prefetch((const char *)from + PREFETCH_BYTES + byte);
    else __builtin_prefetch((const char *)from + PREFETCH_FAR + byte, 0, 2);
  }
}

/* What is asked for, some lines at each of as many turns as its reader takes until then. */
typedef struct Ahead {
  const char *at;
  int64_t lines; /* still to be asked for */
  int64_t step;
  const char *then; /* what follows these lines, and its lines */
  int64_t then_lines;
} Ahead;

INLINE Ahead ahead_at(const void *at, int64_t bytes, int64_t turns) {
  return (Ahead){.at = at, .lines = bytes / 64, .step = bytes / 64 / turns + 1};
}

INLINE void ask_ahead(Ahead *ahead) {
  for (int64_t line = 0; line < ahead->step && line < ahead->lines; line++)
    __builtin_prefetch(ahead->at + 64 * line, 0, 2);
  ahead->lines -= ahead->step;
  ahead->at += 64 * ahead->step;
  if (ahead->lines > 0 || ahead->then_lines == 0) return;
  ahead->at = ahead->then;
  ahead->lines = ahead->then_lines;
  ahead->then_lines = 0;
}

#define MOST_TILE_VECTORS (MOST_STRIP_PANELS * PANEL_VECTORS)

typedef vf Sums[FEW_TOKENS][MOST_TILE_VECTORS];

/* `tokens` rows of `panels` panels, `stride` floats apart. */
INLINE void sums_read(Sums sums, int tokens, int panels, const float *from, int64_t stride) {
#pragma GCC unroll 8
  for (int t = 0; t < tokens; t++)
#pragma GCC unroll 16
    for (int v = 0; v < panels * PANEL_VECTORS; v++) sums[t][v] = vf_load(from + t * stride + v * LANES);
}

INLINE void sums_write(Sums sums, int tokens, int panels, float *to, int64_t stride) {
#pragma GCC unroll 8
  for (int t = 0; t < tokens; t++)
#pragma GCC unroll 16
    for (int v = 0; v < panels * PANEL_VECTORS; v++) vf_store(to + t * stride + v * LANES, sums[t][v]);
}

/*
 * Sums start at the addend's elements (row stride `n`), or at 0 when there is none. Columns behind the last
 * one exist only here: the last panel goes through a copy of its own.
 */
INLINE void sums_load(Sums sums, int tokens, int panels, const float *from, int64_t n, int64_t column) {
  const int width = panels * PANEL;
  if (from != NULL && column + width <= n) {
    sums_read(sums, tokens, panels, from + column, n);
    return;
  }
  float copy[FEW_TOKENS * MOST_STRIP_PANELS * PANEL] = {0};
  if (from != NULL)
    for (int t = 0; t < tokens; t++)
      for (int i = 0; i < (int)(n - column); i++) copy[t * width + i] = from[t * n + column + i];
  sums_read(sums, tokens, panels, copy, width);
}

INLINE void sums_store(Sums sums, int tokens, int panels, float *to, int64_t n, int64_t column) {
  const int width = panels * PANEL;
  if (column + width <= n) {
    sums_write(sums, tokens, panels, to + column, n);
    return;
  }
  float copy[FEW_TOKENS * MOST_STRIP_PANELS * PANEL];
  sums_write(sums, tokens, panels, copy, width);
  for (int t = 0; t < tokens; t++)
    for (int i = 0; i < (int)(n - column); i++) to[t * n + column + i] = copy[t * width + i];
}

/* sums += x[tokens, count] * weights[panels][count][16]; rows of x are `stride` apart, panels `panel_stride`. */
INLINE void tile_multiply(Sums sums, int tokens, int panels, const float *x, int64_t stride, int count,
                          const float *weights, int64_t panel_stride) {
  for (int k = 0; k < count; k++) {
#pragma GCC unroll 16
    for (int v = 0; v < panels * PANEL_VECTORS; v++) {
      const vf weight =
          vf_load(weights + (v / PANEL_VECTORS) * panel_stride + (int64_t)k * PANEL + v % PANEL_VECTORS * LANES);
#pragma GCC unroll 8
      for (int t = 0; t < tokens; t++) sums[t][v] += x[t * stride + k] * weight;
    }
  }
}

/* One tile of a product of many tokens: adds a block of k to `out`, or starts from `start` (may be NULL). */
INLINE void tile_block(int tokens, int panels, const float *x, int64_t stride, int count, const float *weights,
                       int64_t panel_stride, const float *start, float *out, int64_t n, int64_t column) {
  Sums sums;
  sums_load(sums, tokens, panels, start, n, column);
  tile_multiply(sums, tokens, panels, x, stride, count, weights, panel_stride);
  sums_store(sums, tokens, panels, out, n, column);
}

/* A tile's work: tokens first .. end-1 of the panels from `column` on, in tiles. */
typedef struct TileRun {
  const float *x; /* at the block's first k */
  int64_t stride;
  int count;
  const float *weights;
  int64_t panel_stride;
  const float *start; /* what the sums start from: the addend, `out` itself, or NULL */
  float *out;
  int64_t n, column;
} TileRun;

INLINE void tile_run_tokens(const TileRun *run, int tokens, int panels, int64_t t) {
  tile_block(tokens, panels, run->x + t * run->stride, run->stride, run->count, run->weights, run->panel_stride,
             run->start == NULL ? NULL : run->start + t * run->n, run->out + t * run->n, run->n, run->column);
}

INLINE void tile_run(const TileRun *run, int panels, int64_t first, int64_t end) {
  int64_t t = first;
  for (; t + TILE_TOKENS <= end; t += TILE_TOKENS) tile_run_tokens(run, TILE_TOKENS, panels, t);
  for (; TILE_TOKENS > 4 && t + 4 <= end; t += 4) tile_run_tokens(run, 4, panels, t);
  for (; t < end; t++) tile_run_tokens(run, 1, panels, t);
}

/* How a product of tokens (at least one) is dealt out: units of a tile's panels by a run of tokens. */
typedef struct Deal {
  int64_t groups, chunks, chunk_tokens;
} Deal;

/* Tokens are split too when there are few panels for the threads; each part unpacks the panel anew. */
static inline Deal deal_tiles(const Worker *worker, int64_t panels, int64_t tokens, int tile_panels, int tile_tokens,
                              int64_t most_tokens) {
  const int64_t tiles = (tokens + tile_tokens - 1) / tile_tokens;
  Deal deal = {(panels + tile_panels - 1) / tile_panels, (tokens + most_tokens - 1) / most_tokens, 0};
  if (worker->threads > 1 && deal.groups * deal.chunks < 4 * worker->threads)
    deal.chunks = (4 * worker->threads + deal.groups - 1) / deal.groups;
  if (deal.chunks > tiles) deal.chunks = tiles;
  deal.chunk_tokens = (tiles + deal.chunks - 1) / deal.chunks * tile_tokens;
  deal.chunks = (tokens + deal.chunk_tokens - 1) / deal.chunk_tokens;
  return deal;
}

#endif
