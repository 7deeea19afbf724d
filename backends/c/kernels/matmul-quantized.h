/*
 * out[T, N] = (addend[T, N] +) x[T, K] (codes * scales)[K, N] for integer weights with a scale for each GROUP rows
 * of a column. Included by matmul_q8.h and matmul_q4.h, which say how codes become floats.
 *
 * A panel is [K / GROUP] blocks of 16 half-precision scales, then the codes of GROUP rows by 16 columns.
 * Few tokens (decode): codes are multiplied as they are, and each group's sums once by the scales.
 * Many tokens (prefill): two panels are unpacked to floats, scales applied, a block of k at a time.
 */
#include "panel-tile.h"

#define GROUPS (K / GROUP)
#define SCALE_BYTES (PANEL * 2)
#define BLOCK_BYTES (SCALE_BYTES + GROUP * PANEL * BITS / 8)
#define PANEL_BYTES ((int64_t)GROUPS * BLOCK_BYTES)

/* Whole groups at a time: K_BLOCK steps of k, or one group if that is longer. */
#define BLOCK_GROUPS (GROUP >= K_BLOCK ? 1 : K_BLOCK / GROUP)

_Static_assert(K % GROUP == 0, "a group does not end in the middle of a column");
_Static_assert(GROUP % CODES_PER_BYTE == 0, "a group is whole bytes");

INLINE vf JOIN(NAME, _scales)(const uint8_t *block, int vector) {
  return vf_load_half((const uint16_t *)(const void *)block + vector * LANES);
}

/* One group of one panel: sums[t] += scales * (x[t] codes). */
INLINE void JOIN(NAME, _group)(Sums sums, int tokens, int panels, const float *x, const uint8_t *block) {
  vf part[FEW_TOKENS][MOST_TILE_VECTORS];
#pragma GCC unroll 8
  for (int t = 0; t < tokens; t++)
#pragma GCC unroll 16
    for (int v = 0; v < panels * PANEL_VECTORS; v++) part[t][v] = (vf){0};
#pragma GCC unroll 4
  for (int p = 0; p < panels; p++) ask(block + p * PANEL_BYTES, BLOCK_BYTES, tokens);
  for (int k = 0; k < GROUP; k += CODES_PER_BYTE) {
#pragma GCC unroll 16
    for (int v = 0; v < panels * PANEL_VECTORS; v++) {
      const uint8_t *const codes = block + (v / PANEL_VECTORS) * PANEL_BYTES + SCALE_BYTES +
                                   k / CODES_PER_BYTE * PANEL + v % PANEL_VECTORS * LANES;
      vf code[CODES_PER_BYTE];
      LOAD_CODES(code, codes);
#pragma GCC unroll 2
      for (int i = 0; i < CODES_PER_BYTE; i++)
#pragma GCC unroll 8
        for (int t = 0; t < tokens; t++) part[t][v] += x[t * K + k + i] * code[i];
    }
  }
#pragma GCC unroll 16
  for (int v = 0; v < panels * PANEL_VECTORS; v++) {
    const vf scales = JOIN(NAME, _scales)(block + (v / PANEL_VECTORS) * PANEL_BYTES, v % PANEL_VECTORS);
#pragma GCC unroll 8
    for (int t = 0; t < tokens; t++) sums[t][v] += part[t][v] * scales;
  }
}

INLINE void JOIN(NAME, _strip)(int tokens, int panels, const float *x, const uint8_t *w, const float *addend,
                               float *out, int64_t panel) {
  Sums sums;
  sums_load(sums, tokens, panels, addend, N, panel * PANEL);
  const uint8_t *const first = w + panel * PANEL_BYTES;
  for (int64_t g = 0; g < GROUPS; g++)
    JOIN(NAME, _group)(sums, tokens, panels, x + g * GROUP, first + g * BLOCK_BYTES);
  sums_store(sums, tokens, panels, out, N, panel * PANEL);
}

/* One block of scales and codes as floats [GROUP][16]. */
INLINE void JOIN(NAME, _unpack)(float *to, const uint8_t *block) {
  for (int v = 0; v < PANEL_VECTORS; v++) {
    const vf scales = JOIN(NAME, _scales)(block, v);
    for (int k = 0; k < GROUP; k += CODES_PER_BYTE) {
      vf code[CODES_PER_BYTE];
      LOAD_CODES(code, block + SCALE_BYTES + k / CODES_PER_BYTE * PANEL + v * LANES);
      for (int i = 0; i < CODES_PER_BYTE; i++) vf_store(to + (k + i) * PANEL + v * LANES, code[i] * scales);
    }
  }
}

INLINE void JOIN(NAME, _tiles)(const Worker *worker, int panels, const float *x, const uint8_t *w, const float *addend,
                               float *out, int64_t panel, Share tokens) {
  TileRun run = {.stride = K, .out = out, .n = N, .column = panel * PANEL};
  const uint8_t *const packed = w + run.column / PANEL * PANEL_BYTES;
  run.weights = worker->scratch;
  run.panel_stride = (int64_t)BLOCK_GROUPS * GROUP * PANEL;
  for (int64_t g = 0; g < GROUPS; g += BLOCK_GROUPS) {
    const int groups = (int)(GROUPS - g < BLOCK_GROUPS ? GROUPS - g : BLOCK_GROUPS);
    for (int p = 0; p < panels; p++)
      for (int i = 0; i < groups; i++)
        JOIN(NAME, _unpack)(worker->scratch + p * run.panel_stride + (int64_t)i * GROUP * PANEL,
                            packed + p * PANEL_BYTES + (g + i) * BLOCK_BYTES);
    run.count = groups * GROUP;
    run.x = x + g * GROUP;
    run.start = g == 0 ? addend : run.out;
    tile_run(&run, panels, tokens.first, tokens.end);
  }
}

/* Sums of a group and of the whole column are kept at once: few panels where registers are few. */
#define STRIP(tokens) (LANES == 16 ? STRIP_PANELS(tokens) : 1)
#define WEIGHT uint8_t
#define INPUT float
#define MANY_PANELS TILE_PANELS
#define MANY_TOKENS TILE_TOKENS
#include "matmul-threads.h"

#undef GROUPS
#undef SCALE_BYTES
#undef BLOCK_BYTES
#undef PANEL_BYTES
#undef BLOCK_GROUPS
#undef BITS
#undef CODES_PER_BYTE
#undef LOAD_CODES
#undef GROUP
