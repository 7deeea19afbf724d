/*
 * out[T, N] = (addend[T, N] +) x[T, K] w[K, N] for float weights. Included by matmul_f32.h, matmul_f16.h and
 * matmul_bf16.h, which say what a weight is (WEIGHT) and how LANES of them become floats (LOAD_WEIGHTS).
 *
 * Few tokens (decode): each panel is read once, straight into the sums of all tokens; threads split the panels.
 * Many tokens (prefill): a block of two panels is unpacked to floats once, then multiplied with every tile
 * of tokens; threads split panels, and tokens as well where panels are few.
 */
#include "panel-tile.h"

INLINE void JOIN(NAME, _strip)(int tokens, int panels, const float *x, const WEIGHT *w, const float *addend,
                               float *out, int64_t panel) {
  Sums sums;
  sums_load(sums, tokens, panels, addend, N, panel * PANEL);
  const WEIGHT *const first = w + panel * K * PANEL;
  for (int k = 0; k < K; k++) {
#pragma GCC unroll 4
    for (int p = 0; p < panels; p++) ask(first + ((int64_t)p * K + k) * PANEL, PANEL * sizeof(WEIGHT), tokens);
#pragma GCC unroll 16
    for (int v = 0; v < panels * PANEL_VECTORS; v++) {
      const vf weight = LOAD_WEIGHTS(first + ((int64_t)(v / PANEL_VECTORS) * K + k) * PANEL + v % PANEL_VECTORS * LANES);
#pragma GCC unroll 8
      for (int t = 0; t < tokens; t++) sums[t][v] += x[t * K + k] * weight;
    }
  }
  sums_store(sums, tokens, panels, out, N, panel * PANEL);
}

/* Two panels (or the last one alone) by tokens first .. end-1, in blocks of k. */
INLINE void JOIN(NAME, _tiles)(const Worker *worker, int panels, const float *x, const WEIGHT *w, const float *addend,
                               float *out, int64_t panel, Share tokens) {
  TileRun run = {.stride = K, .out = out, .n = N, .column = panel * PANEL};
  const WEIGHT *const packed = w + run.column * K;
  for (int64_t k = 0; k < K; k += K_BLOCK) {
    run.count = (int)(K - k < K_BLOCK ? K - k : K_BLOCK);
#if UNPACKED
    (void)worker;
    run.weights = (const float *)packed + k * PANEL;
    run.panel_stride = (int64_t)K * PANEL;
#else
    float *const block = worker->scratch;
    for (int p = 0; p < panels; p++)
      for (int64_t i = 0; i < (int64_t)run.count * PANEL; i += LANES)
        vf_store(block + (int64_t)p * K_BLOCK * PANEL + i, LOAD_WEIGHTS(packed + (p * K + k) * (int64_t)PANEL + i));
    run.weights = block;
    run.panel_stride = (int64_t)K_BLOCK * PANEL;
#endif
    run.x = x + k;
    run.start = k == 0 ? addend : run.out;
    tile_run(&run, panels, tokens.first, tokens.end);
  }
}

#define STRIP(tokens) STRIP_PANELS(tokens)
#define INPUT float
#define MANY_PANELS TILE_PANELS
#define MANY_TOKENS TILE_TOKENS
#include "matmul-threads.h"

#undef LOAD_WEIGHTS
#undef UNPACKED
