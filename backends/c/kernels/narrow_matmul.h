/*
 * Product of bfloat16 activations with bfloat16 weights, sums in single precision. Layout: [ceil(N / 16)] panels of
 * rows of 16 pairs: two neighbours of k of each column side by side, padded with zeros to 16 rows of
 * pairs and 16 columns. The rows of activations are those of narrow-rows.h.
 *
 *   NAME    the function
 *   K, N    rows and columns of the weights
 *   ADDEND  1: out = addend + x w; `addend` may be `out` itself
 *   SWIGLU  1: out = silu(gate) * up, as rows of bfloat16; gate and up are the halves of x w
 *
 * Few tokens (decode): each panel is read once, straight into the sums of all tokens; threads split the panels.
 * Many tokens (prefill): narrow-tiles.h. Which of the two computes depends on the number of tokens alone.
 */
#ifndef NAME
#define NAME narrow_matmul
#define K 64
#define N 48
#define ADDEND 0
#define SWIGLU 0
#endif

#include "brain-pairs.h"
#include "narrow-rows.h"
#include "panel-tile.h"

#define WEIGHT uint32_t
#define K_CHUNK 2048
#define SCRATCH_SUMS 0
#define PANEL_PAIRS ((int64_t)((K + 31) / 32 * 16) * PANEL)

INLINE const uint32_t *JOIN(NAME, _pairs)(const Worker *worker, const uint32_t *w, int slot, int64_t panel, int64_t k,
                                          int64_t count) {
  (void)worker, (void)slot, (void)count;
  return w + panel * PANEL_PAIRS + k / 2 * PANEL;
}

INLINE Ahead JOIN(NAME, _ahead)(const uint32_t *w, int64_t panel, int64_t k, int64_t count, int64_t turns) {
  return ahead_at(w + panel * PANEL_PAIRS + k / 2 * PANEL, count / 2 * PANEL * 4, turns);
}

#include "narrow-tiles.h"

#if SWIGLU

KERNEL NAME(const Worker *worker, int32_t tokens, const uint16_t *x, const void *weights, const float *addend,
            OUT *out) {
  JOIN(NAME, _many)(worker, tokens, x, weights, addend, out);
}

#else

/* sums[t] += x[t] w for `panels` panels, over all of k. */
INLINE void JOIN(NAME, _multiply)(Sums sums, int tokens, int panels, const uint16_t *x, const uint32_t *w) {
  for (int64_t pair = 0; pair < PAIRS; pair++) {
#pragma GCC unroll 4
    for (int p = 0; p < panels; p++) ask(w + p * PANEL_PAIRS + pair * PANEL, PANEL * 4, tokens);
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
#define FEWEST_MANY 5 /* pairs that are multiplied one by one keep up with memory for so few tokens only */
#endif
#define INPUT uint16_t
#define STRIP(tokens) (LANES == 16 ? 1 : STRIP_PANELS(tokens))
#define OWN_MANY
#include "matmul-threads.h"
#endif

#undef PANEL_PAIRS
#include "narrow-end.h"
