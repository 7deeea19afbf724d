/*
 * Product of bfloat16 activations with bfloat16 weights, sums in single precision. Layout: [ceil(N / 16)] panels of
 * rows of 16 pairs: two neighbours of k of each column side by side, padded with zeros to 16 rows of
 * pairs and 16 columns. The rows of activations are those of narrow-rows.h.
 *
 *   NAME    the function
 *   K, N    rows and columns of the weights
 *   ADDEND  1: out = addend + x w; `addend` may be `out` itself
 *
 * Few tokens (decode): each panel is read once, straight into the sums of all tokens; threads split the panels.
 * Many tokens (prefill): tiles of tokens by two panels, in tile registers where there are some; threads split
 * panels, and tokens as well where panels are few. Which of the two computes depends on the number of tokens alone.
 */
#ifndef NAME
#define NAME narrow_matmul
#define K 64
#define N 48
#define ADDEND 0
#endif

#include "../runtime/amx.h"
#include "narrow-rows.h"
#include "panel-tile.h"

#define PAIRS ((K + 31) / 32 * 16)
#define ROW NARROW_ROW(K)
#define PANEL_PAIRS ((int64_t)PAIRS * PANEL)

#ifndef LLMIR_DOT_PAIRS
#define LLMIR_DOT_PAIRS
/* sums + products of both members of each pair of bfloat16. */
INLINE vf dot_pairs(vf sums, vu weights, vu x) {
#if defined(__AVX512BF16__)
  return (vf)_mm512_dpbf16_ps((__m512)sums, (__m512bh)weights, (__m512bh)x);
#else
  const vf even = sums + (vf)(weights << 16) * (vf)(x << 16);
  return even + (vf)(weights & 0xffff0000u) * (vf)(x & 0xffff0000u);
#endif
}

typedef uint32_t vu_unaligned __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
INLINE vu vu_load(const void *from) { return *(const vu_unaligned *)from; }

/* Two neighbours of a row, in every lane. */
INLINE vu vu_set_pair(const uint16_t *x) {
  uint32_t pair;
  memcpy(&pair, x, sizeof pair);
  return pair - (vu){0};
}
#endif

/* sums[t] += x[t] w for `panels` panels, over all of k. */
INLINE void JOIN(NAME, _multiply)(Sums sums, int tokens, int panels, const uint16_t *x, const uint32_t *w) {
  for (int64_t pair = 0; pair < PAIRS; pair++) {
#pragma GCC unroll 4
    for (int p = 0; p < panels; p++)
      __builtin_prefetch((const char *)(w + p * PANEL_PAIRS + pair * PANEL) + PREFETCH_BYTES);
#pragma GCC unroll 8
    for (int t = 0; t < tokens; t++) {
      const vu codes = vu_set_pair(x + (int64_t)t * ROW + 2 * pair);
#pragma GCC unroll 16
      for (int v = 0; v < panels * PANEL_VECTORS; v++)
        sums[t][v] = dot_pairs(
            sums[t][v], vu_load(w + v / PANEL_VECTORS * PANEL_PAIRS + pair * PANEL + v % PANEL_VECTORS * LANES), codes);
    }
  }
}

INLINE void JOIN(NAME, _strip)(int tokens, int panels, const uint16_t *x, const uint32_t *w, const float *addend,
                               float *out, int64_t panel) {
  Sums sums;
  sums_load(sums, tokens, panels, addend, N, panel * PANEL);
  JOIN(NAME, _multiply)(sums, tokens, panels, x, w + panel * PANEL_PAIRS);
  sums_store(sums, tokens, panels, out, N, panel * PANEL);
}

#if AMX_TILES

#define MANY_TOKENS 32
#define FEWEST_MANY 5 /* pairs that are multiplied one by one keep up with memory for so few tokens only */

/* Tiles 0 to 3: sums of two runs of tokens by two panels. 4, 5: activations of both runs. 6, 7: weights. */
INLINE void JOIN(NAME, _tile_shape)(int above, int below) {
  AmxShape shape = {.palette = 1};
  for (int tile = 0; tile < 8; tile++) {
    shape.row_bytes[tile] = 64;
    shape.rows[tile] = tile >= 6 ? 16 : (uint8_t)(tile == 0 || tile == 1 || tile == 4 ? above : below);
  }
  amx_configure(&shape);
}

/* Tokens, and steps of k, whose activations stay in the second cache while all panels pass by. */
#define MANY_CHUNK 256
#define K_CHUNK 2048

/* Up to 32 tokens by one or two panels, `count` steps of k; sums start from and end in `sums` [32][2 panels]. */
INLINE void JOIN(NAME, _tile)(int has_below, int panels, const uint16_t *x, const uint32_t *w, int64_t count,
                              float *sums) {
  enum { SUM_STRIDE = 2 * PANEL * 4, X_STRIDE = ROW * 2 };
  _tile_loadd(0, sums, SUM_STRIDE);
  if (panels == 2) _tile_loadd(1, sums + PANEL, SUM_STRIDE);
  if (has_below) _tile_loadd(2, sums + 16 * 2 * PANEL, SUM_STRIDE);
  if (has_below && panels == 2) _tile_loadd(3, sums + 16 * 2 * PANEL + PANEL, SUM_STRIDE);
  for (int64_t k = 0; k < count; k += 32) {
    _tile_loadd(4, x + k, X_STRIDE);
    _tile_loadd(6, w + k / 2 * PANEL, 64);
    _tile_dpbf16ps(0, 4, 6);
    if (panels == 2) _tile_loadd(7, w + PANEL_PAIRS + k / 2 * PANEL, 64);
    if (panels == 2) _tile_dpbf16ps(1, 4, 7);
    if (has_below) _tile_loadd(5, x + 16 * ROW + k, X_STRIDE);
    if (has_below) _tile_dpbf16ps(2, 5, 6);
    if (has_below && panels == 2) _tile_dpbf16ps(3, 5, 7);
  }
  _tile_stored(0, sums, SUM_STRIDE);
  if (panels == 2) _tile_stored(1, sums + PANEL, SUM_STRIDE);
  if (has_below) _tile_stored(2, sums + 16 * 2 * PANEL, SUM_STRIDE);
  if (has_below && panels == 2) _tile_stored(3, sums + 16 * 2 * PANEL + PANEL, SUM_STRIDE);
}

/* Rows of `panels` panels to and from the sums of a tile; `from` may be NULL. */
INLINE void JOIN(NAME, _sums_from)(float *sums, int64_t tokens, int panels, const float *from, int64_t column) {
  for (int64_t t = 0; t < tokens; t++)
    for (int c = 0; c < panels * PANEL; c += LANES)
      vf_store(sums + t * 2 * PANEL + c,
               from == NULL ? (vf){0} : vf_load_tail(from + t * N + column + c, N - column - c));
}

INLINE void JOIN(NAME, _sums_to)(const float *sums, int64_t tokens, int panels, float *to, int64_t column) {
  for (int64_t t = 0; t < tokens; t++)
    for (int c = 0; c < panels * PANEL; c += LANES)
      vf_store_tail(to + t * N + column + c, vf_load(sums + t * 2 * PANEL + c), N - column - c);
}

INLINE void JOIN(NAME, _tile_registers)(int panels, const uint16_t *x, const uint32_t *w, const float *addend,
                                        float *out, int64_t column, Share tokens) {
  float sums[MANY_TOKENS * 2 * PANEL] __attribute__((aligned(64)));
  for (int64_t k = 0, shaped = 0; k < 2 * PAIRS; k += K_CHUNK) {
    const int64_t steps = 2 * PAIRS - k < K_CHUNK ? 2 * PAIRS - k : K_CHUNK;
    const float *const start = k == 0 ? addend : out;
    for (int64_t t = tokens.first; t < tokens.end; t += MANY_TOKENS) {
      const int64_t count = tokens.end - t < MANY_TOKENS ? tokens.end - t : MANY_TOKENS;
      if (count != shaped) JOIN(NAME, _tile_shape)(count < 16 ? (int)count : 16, count > 16 ? (int)count - 16 : 1);
      shaped = count;
      JOIN(NAME, _sums_from)(sums, count, panels, start == NULL ? NULL : start + t * N, column);
      if (count > 16) JOIN(NAME, _tile)(1, panels, x + t * ROW + k, w + k / 2 * PANEL, steps, sums);
      else JOIN(NAME, _tile)(0, panels, x + t * ROW + k, w + k / 2 * PANEL, steps, sums);
      JOIN(NAME, _sums_to)(sums, count, panels, out + t * N, column);
    }
  }
  _tile_release();
}

#else
#define MANY_TOKENS TILE_TOKENS
#endif

/* One or two panels by a run of tokens. */
INLINE void JOIN(NAME, _tiles)(const Worker *worker, int panels, const uint16_t *x, const uint32_t *w,
                               const float *addend, float *out, int64_t panel, Share tokens) {
  (void)worker;
#if AMX_TILES
  if (amx_allowed()) {
    JOIN(NAME, _tile_registers)(panels, x, w + panel * PANEL_PAIRS, addend, out, panel * PANEL, tokens);
    return;
  }
#endif
  int64_t t = tokens.first;
#define STRIP_FROM(count) \
  JOIN(NAME, _strip)(count, panels, x + t * ROW, w, addend ? addend + t * N : NULL, out + t * N, panel)
  for (; t + TILE_TOKENS <= tokens.end; t += TILE_TOKENS) STRIP_FROM(TILE_TOKENS);
  for (; t < tokens.end; t++) STRIP_FROM(1);
#undef STRIP_FROM
}

#define INPUT uint16_t
#define WEIGHT uint32_t
#define STRIP(tokens) STRIP_PANELS(tokens)
#define MANY_PANELS (LANES == 16 ? 2 : TILE_PANELS)
#include "matmul-threads.h"

#undef PAIRS
#undef PANEL_PAIRS
#undef ROW
#undef K_CHUNK
