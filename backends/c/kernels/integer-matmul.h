/*
 * out[T, N] = (addend[T, N] +) x[T, K] (codes * scales - minimums)[K, N], both factors as small integers with a scale
 * for each GROUP: integer sums within a group, floats from group to group. Included by integer_matmul_q8.h and
 * integer_matmul_bits.h, which say how a panel is stored:
 *
 *   PANEL_BYTES                 bytes of a panel of 16 columns
 *   NAME_codes(panel, g, q, v)  quad q (four rows of k) of group g as bytes, register v of the panel
 *   NAME_scales(panel, g, v)    the scales of group g, register v
 *   NAME_minimums(panel, g, v)  the minimums, where HAS_MINIMUMS is 1
 *   WEIGHTS_SIGNED              codes of 8 bits are multiplied with their sign: sums need no start for the offset
 *
 * Few tokens (decode): each panel is read once, straight into the sums of all tokens; threads split the panels.
 * Several tokens (decode of a batch): the same group by group, the sums of all tokens in the cache.
 * Many tokens (prefill): two panels are unpacked to bytes and floats once, then multiplied with every tile of
 * tokens; threads split panels, and tokens as well where panels are few.
 */
#include "integer-dot.h"
#include "panel-tile.h"
#include "quantized-rows.h"

#ifndef HAS_MINIMUMS
#define HAS_MINIMUMS 0
#endif

#define GROUPS (K / GROUP)
#define QUADS (GROUP / 4)

_Static_assert(K % GROUP == 0, "a group does not end in the middle of a column");
_Static_assert(GROUP % 4 == 0 && GROUP <= 128, "a group is whole quads, and its sum stays below 2^22");

/* The quads of a group one by one where a quad is many instructions. */
#ifndef UNROLL_QUADS
#if LANES >= 8
#define UNROLL_QUADS _Pragma("GCC unroll 32")
#else
#define UNROLL_QUADS _Pragma("GCC unroll 1")
#endif
#endif

/* A tile for many tokens: as many sums, of integers and of floats, as the registers hold. */
#if LANES == 16
#define INTEGER_TILE_TOKENS 6
#define INTEGER_TILE_PANELS 2
#else
#define INTEGER_TILE_TOKENS 3
#define INTEGER_TILE_PANELS 1
#endif

INLINE vi JOIN(NAME, _weights)(const uint8_t *panel, int64_t g, int q, int v) {
  const vi codes = JOIN(NAME, _codes)(panel, g, q, v);
  return WEIGHTS_SIGNED ? codes ^ (vi)((vu){0} + 0x80808080u) : codes;
}

/* Where a group's sums of token t start. */
INLINE vi JOIN(NAME, _start)(const uint8_t *x, int64_t g) {
#if WEIGHTS_SIGNED
  (void)x, (void)g;
  return vi_set(INTEGER_ZERO);
#else
  return vi_set_codes(x + ROW_STARTS(K) + 4 * g);
#endif
}

INLINE float JOIN(NAME, _row_scale)(const uint8_t *x, int64_t g) {
  return ((const float *)(const void *)(x + ROW_SCALES(K, GROUP)))[g];
}

/* The codes of a group of x, added up and scaled: what a minimum is multiplied by. */
INLINE float JOIN(NAME, _row_total)(const uint8_t *x, int64_t g) {
  return ((const float *)(const void *)(x + ROW_TOTALS(K, GROUP)))[g];
}

/* One group of `panels` panels: sums[t] += scales * (codes of x[t] · weights). */
INLINE void JOIN(NAME, _group)(Sums sums, int tokens, int panels, const uint8_t *x, const uint8_t *w, int64_t g) {
  vi part[FEW_TOKENS][MOST_TILE_VECTORS];
#pragma GCC unroll 8
  for (int t = 0; t < tokens; t++)
#pragma GCC unroll 16
    for (int v = 0; v < panels * PANEL_VECTORS; v++) part[t][v] = JOIN(NAME, _start)(x + t * ROW_BYTES(K, GROUP), g);
UNROLL_QUADS
  for (int q = 0; q < QUADS; q++) {
#pragma GCC unroll 16
    for (int v = 0; v < panels * PANEL_VECTORS; v++) {
      const vi weights = JOIN(NAME, _weights)(w + v / PANEL_VECTORS * PANEL_BYTES, g, q, v % PANEL_VECTORS);
#pragma GCC unroll 8
      for (int t = 0; t < tokens; t++)
        part[t][v] = dot_bytes(part[t][v], weights, vi_set_codes(x + t * ROW_BYTES(K, GROUP) + g * GROUP + 4 * q),
                               WEIGHTS_SIGNED);
    }
  }
#pragma GCC unroll 16
  for (int v = 0; v < panels * PANEL_VECTORS; v++) {
    const vf scales = JOIN(NAME, _scales)(w + v / PANEL_VECTORS * PANEL_BYTES, g, v % PANEL_VECTORS);
#pragma GCC unroll 8
    for (int t = 0; t < tokens; t++)
      sums[t][v] += scale_sum(part[t][v], scales) * JOIN(NAME, _row_scale)(x + t * ROW_BYTES(K, GROUP), g);
#if HAS_MINIMUMS
    const vf minimums = JOIN(NAME, _minimums)(w + v / PANEL_VECTORS * PANEL_BYTES, g, v % PANEL_VECTORS);
#pragma GCC unroll 8
    for (int t = 0; t < tokens; t++)
      sums[t][v] -= minimums * JOIN(NAME, _row_total)(x + t * ROW_BYTES(K, GROUP), g);
#endif
  }
}

/* Asks for what comes some way behind a group of `panels` panels. */
INLINE void JOIN(NAME, _ask)(const uint8_t *first, int panels, int64_t g) {
#pragma GCC unroll 4
  for (int p = 0; p < panels; p++)
    for (int64_t line = 0; line < PANEL_BYTES / GROUPS; line += 64)
      __builtin_prefetch(first + p * PANEL_BYTES + g * (PANEL_BYTES / GROUPS) + PREFETCH_BYTES + line);
}

INLINE void JOIN(NAME, _strip)(int tokens, int panels, const uint8_t *x, const uint8_t *w, const float *addend,
                               float *out, int64_t panel) {
  Sums sums;
  sums_load(sums, tokens, panels, addend, N, panel * PANEL);
  const uint8_t *const first = w + panel * PANEL_BYTES;
  for (int64_t g = 0; g < GROUPS; g++) {
    JOIN(NAME, _ask)(first, panels, g);
    JOIN(NAME, _group)(sums, tokens, panels, x, first, g);
  }
  sums_store(sums, tokens, panels, out, N, panel * PANEL);
}

/* ---- Several tokens ---- */

/* Tokens whose sums of a group the registers hold, and panels that are read side by side. */
#if LANES == 16
#define PART_TOKENS 6
#define PART_PANELS 2
#else
#define PART_TOKENS 3
#define PART_PANELS 1
#endif
#define MOST_SEVERAL 32

/* A group by all tokens, in parts of one size or one less; what the parts share of the weights is in the cache. */
INLINE void JOIN(NAME, _parts)(vf (*sums)[MOST_TILE_VECTORS], int tokens, int parts, int panels, const uint8_t *x,
                               const uint8_t *w, int64_t g) {
  for (int part = 0, t = 0; part < parts; part++) {
    const int next = tokens * (part + 1) / parts;
#define PART_OF(count)                                                                  \
  case count: JOIN(NAME, _group)(sums + t, count, panels, x + t * ROW_BYTES(K, GROUP), w, g); break
    switch (next - t) {
      PART_OF(2);
      PART_OF(3);
#if PART_TOKENS > 3
      PART_OF(4);
      PART_OF(5);
      PART_OF(6);
#endif
    }
#undef PART_OF
    t = next;
  }
}

INLINE void JOIN(NAME, _wide_strip)(int tokens, int panels, const uint8_t *x, const uint8_t *w, const float *addend,
                                    float *out, int64_t panel) {
  vf sums[MOST_SEVERAL][MOST_TILE_VECTORS];
  const int parts = (tokens + PART_TOKENS - 1) / PART_TOKENS;
  const uint8_t *const first = w + panel * PANEL_BYTES;
  for (int t = 0; t < tokens; t += FEW_TOKENS)
    sums_load(sums + t, tokens - t < FEW_TOKENS ? tokens - t : FEW_TOKENS, panels, addend ? addend + t * N : NULL, N,
              panel * PANEL);
  for (int64_t g = 0; g < GROUPS; g++) {
    JOIN(NAME, _ask)(first, panels, g);
    JOIN(NAME, _parts)(sums, tokens, parts, panels, x, first, g);
  }
  for (int t = 0; t < tokens; t += FEW_TOKENS)
    sums_store(sums + t, tokens - t < FEW_TOKENS ? tokens - t : FEW_TOKENS, panels, out + t * N, N, panel * PANEL);
}

INLINE void JOIN(NAME, _several)(const Worker *worker, int32_t tokens, const uint8_t *x, const uint8_t *w,
                                 const float *addend, float *out) {
  for (Shares shares = shares_of(worker, (N + PANEL - 1) / PANEL); next_share(&shares);) {
    int64_t panel = shares.first;
    for (; panel + PART_PANELS <= shares.end; panel += PART_PANELS)
      JOIN(NAME, _wide_strip)(tokens, PART_PANELS, x, w, addend, out, panel);
    for (; panel < shares.end; panel++) JOIN(NAME, _wide_strip)(tokens, 1, x, w, addend, out, panel);
  }
}

/* ---- Many tokens ---- */

/* Floats of a group's numbers: GROUPS times so many scales, then as many minimums. */
#define HEAD_FLOATS(vectors) ((int64_t)GROUPS * (vectors) * LANES)

/* Unpacked: scales [GROUPS][panels][16] floats, minimums, then weights [GROUPS][QUADS][panels][16] quads of bytes. */
INLINE void JOIN(NAME, _unpack)(float *scales, uint8_t *bytes, int panels, const uint8_t *w) {
  const int vectors = panels * PANEL_VECTORS;
  for (int64_t g = 0; g < GROUPS; g++) {
    for (int v = 0; v < vectors; v++) {
      const uint8_t *const panel = w + v / PANEL_VECTORS * PANEL_BYTES;
      vf_store(scales + (g * vectors + v) * LANES, JOIN(NAME, _scales)(panel, g, v % PANEL_VECTORS));
#if HAS_MINIMUMS
      vf_store(scales + HEAD_FLOATS(vectors) + (g * vectors + v) * LANES,
               JOIN(NAME, _minimums)(panel, g, v % PANEL_VECTORS));
#endif
UNROLL_QUADS
      for (int q = 0; q < QUADS; q++) {
        const vi weights = JOIN(NAME, _weights)(panel, g, q, v % PANEL_VECTORS);
        *(vi *)(void *)(bytes + ((g * QUADS + q) * vectors + v) * (4 * LANES)) = weights;
      }
    }
  }
}

INLINE void JOIN(NAME, _tile)(int tokens, int panels, const uint8_t *x, const float *scales, const uint8_t *bytes,
                              const float *addend, float *out, int64_t column) {
  const int vectors = panels * PANEL_VECTORS;
  Sums sums;
  sums_load(sums, tokens, panels, addend, N, column);
  for (int64_t g = 0; g < GROUPS; g++) {
    vi part[FEW_TOKENS][MOST_TILE_VECTORS];
#pragma GCC unroll 8
    for (int t = 0; t < tokens; t++)
#pragma GCC unroll 4
      for (int v = 0; v < vectors; v++) part[t][v] = JOIN(NAME, _start)(x + t * ROW_BYTES(K, GROUP), g);
UNROLL_QUADS
    for (int q = 0; q < QUADS; q++) {
      const vi *const weights = (const vi *)(const void *)bytes + (g * QUADS + q) * vectors;
#pragma GCC unroll 8
      for (int t = 0; t < tokens; t++) {
        const vi codes = vi_set_codes(x + t * ROW_BYTES(K, GROUP) + g * GROUP + 4 * q);
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) part[t][v] = dot_bytes(part[t][v], weights[v], codes, WEIGHTS_SIGNED);
      }
    }
#pragma GCC unroll 8
    for (int t = 0; t < tokens; t++) {
      const float row_scale = JOIN(NAME, _row_scale)(x + t * ROW_BYTES(K, GROUP), g);
#pragma GCC unroll 4
      for (int v = 0; v < vectors; v++)
        sums[t][v] += scale_sum(part[t][v], vf_load(scales + (g * vectors + v) * LANES)) * row_scale;
#if HAS_MINIMUMS
      const float total = JOIN(NAME, _row_total)(x + t * ROW_BYTES(K, GROUP), g);
#pragma GCC unroll 4
      for (int v = 0; v < vectors; v++)
        sums[t][v] -= vf_load(scales + HEAD_FLOATS(vectors) + (g * vectors + v) * LANES) * total;
#endif
    }
  }
  sums_store(sums, tokens, panels, out, N, column);
}

/* `panels` panels from `panel` on by tokens first .. end-1. */
INLINE void JOIN(NAME, _tiles)(const Worker *worker, int panels, const uint8_t *x, const uint8_t *w,
                               const float *addend, float *out, int64_t panel, Share tokens) {
  float *const scales = worker->scratch;
  uint8_t *const bytes = (uint8_t *)(scales + (1 + HAS_MINIMUMS) * HEAD_FLOATS(panels * PANEL_VECTORS));
  JOIN(NAME, _unpack)(scales, bytes, panels, w + panel * PANEL_BYTES);
  int64_t t = tokens.first;
#define TILE_FROM(count)                                                                                     \
  JOIN(NAME, _tile)(count, panels, x + t * ROW_BYTES(K, GROUP), scales, bytes, addend ? addend + t * N : NULL, \
                    out + t * N, panel * PANEL)
  for (; t + INTEGER_TILE_TOKENS <= tokens.end; t += INTEGER_TILE_TOKENS) TILE_FROM(INTEGER_TILE_TOKENS);
  for (; t < tokens.end; t++) TILE_FROM(1);
#undef TILE_FROM
}

#define LEAST_SEVERAL (PART_TOKENS + 1)
#define INPUT uint8_t
#define WEIGHT uint8_t
#define STRIP(tokens) (LANES == 16 && (tokens) <= PART_TOKENS ? 2 : 1)
#define MANY_PANELS INTEGER_TILE_PANELS
#define MANY_TOKENS INTEGER_TILE_TOKENS
#include "matmul-threads.h"

#undef GROUPS
#undef QUADS
#undef GROUP
#undef PANEL_BYTES
#undef WEIGHTS_SIGNED
#undef OFFSET
#undef HAS_MINIMUMS
#undef HEAD_FLOATS
#undef INTEGER_TILE_TOKENS
#undef INTEGER_TILE_PANELS
#undef PART_TOKENS
#undef PART_PANELS
