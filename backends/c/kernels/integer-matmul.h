/*
 * out[T, N] = (addend[T, N] +) x[T, K] (codes * scales - minimums)[K, N], both factors as small integers with a scale
 * for each GROUP: integer sums within a group, floats from group to group. Included by integer_matmul_q8.h and
 * integer_matmul_bits.h, which say how a panel is stored:
 *
 *   SPAN, BLOCK_BYTES           rows of k of a block, and its bytes: a panel of 16 columns is a row of them
 *   NAME_block(w, panel, b)     block b of a panel; SLAB_BLOCKS of them lie one after another, in each of SLABS
 *   NAME_codes(block, i, q, v)  quad q (four rows of k) of group i of a block as bytes, register v
 *   NAME_scales(block, i, v)    the scales of group i, register v
 *   NAME_minimums(block, i, v)  the minimums, where HAS_MINIMUMS is 1
 *   ALONE                       tokens up to which memory keeps up unasked, where the hardware streams
 *   WEIGHTS_SIGNED              codes of 8 bits are multiplied with their sign: sums need no start for the offset
 *
 * A panel is multiplied by STRIP_TOKENS tokens at a time, their sums in registers: from memory by the first ones, from
 * the cache by the others of a run, while the next panel is asked for. Where there is but one such strip, all panels
 * are passed slab by slab, as they lie, and `out` keeps the sums meanwhile. A run of tokens is as long as its
 * activations stay in the second cache beside the panels; threads split panels, and tokens where panels are few.
 */
#include "integer-dot.h"
#include "panel-tile.h"
#include "quantized-rows.h"

#ifndef HAS_MINIMUMS
#define HAS_MINIMUMS 0
#endif

#define GROUP_BYTES (BLOCK_BYTES / (SPAN / GROUP))
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

/* Tokens whose sums, of integers and of floats, the registers hold. */
#if LANES == 16
#define STRIP_TOKENS 8
#elif PAIRED_TOKENS
#define STRIP_TOKENS 4
#else
#define STRIP_TOKENS 3
#endif

#define UNASKED (HARDWARE_STREAMS ? ALONE : ALONE_TOKENS)

/* Bytes from the codes that are multiplied to those that are asked for. */
#define CODES_AHEAD 128

/* Activations of a run. */
#define RUN_BYTES (384 << 10)
#define RUN_STRIPS (RUN_BYTES / (STRIP_TOKENS * ROW_BYTES(K, GROUP)))
#define RUN_TOKENS (RUN_STRIPS < 1 ? STRIP_TOKENS : RUN_STRIPS * STRIP_TOKENS)

INLINE vi JOIN(NAME, _weights)(const uint8_t *block, int index, int q, int v) {
  const vi codes = JOIN(NAME, _codes)(block, index, q, v);
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

/* Whole numbers of a strip. */
typedef vi JOIN(NAME, Parts)[STRIP_TOKENS][PANEL_VECTORS];

#if PAIRED_TOKENS
/* part[t] += codes of x[t] · weights: pairs of tokens by pairs of quads, and one token that is left over. */
INLINE void JOIN(NAME, _paired)(JOIN(NAME, Parts) part, int tokens, const uint8_t *x, const uint8_t *block, int index,
                                int64_t g) {
  const uint8_t *const codes = x + g * GROUP;
  const int paired = tokens / 2 * 2;
#pragma GCC unroll 2
  for (int t = 0; t < paired; t += 2)
#pragma GCC unroll 4
    for (int v = 0; v < PANEL_VECTORS; v++) exchange_halves(&part[t][v], &part[t + 1][v]);
  for (int q = 0; q < QUADS; q += 2)
#pragma GCC unroll 4
    for (int v = 0; v < PANEL_VECTORS; v++) {
      const vi quad = JOIN(NAME, _weights)(block, index, q, v), next = JOIN(NAME, _weights)(block, index, q + 1, v);
      const vi first = vi_first_columns(quad, next), last = vi_last_columns(quad, next);
#pragma GCC unroll 2
      for (int t = 0; t < paired; t += 2) {
        const uint8_t *const of = codes + t * ROW_BYTES(K, GROUP) + 4 * q;
        const vi pair = vi_pair_codes(of, of + ROW_BYTES(K, GROUP));
        part[t][v] = dot_tokens(part[t][v], pair, first);
        part[t + 1][v] = dot_tokens(part[t + 1][v], pair, last);
      }
      if (paired < tokens) {
        const uint8_t *const of = codes + paired * ROW_BYTES(K, GROUP) + 4 * q;
        part[paired][v] = dot_codes(dot_codes(part[paired][v], quad, of, WEIGHTS_SIGNED), next, of + 4, WEIGHTS_SIGNED);
      }
    }
#pragma GCC unroll 2
  for (int t = 0; t < paired; t += 2)
#pragma GCC unroll 4
    for (int v = 0; v < PANEL_VECTORS; v++) exchange_halves(&part[t][v], &part[t + 1][v]);
}
#endif

/* part[t] += codes of x[t] · weights */
INLINE void JOIN(NAME, _quads)(JOIN(NAME, Parts) part, int tokens, const uint8_t *x, const uint8_t *block, int index,
                               int64_t g) {
#if PAIRED_TOKENS
  if (tokens > 1 && QUADS % 2 == 0) {
    JOIN(NAME, _paired)(part, tokens, x, block, index, g);
    return;
  }
#endif
UNROLL_QUADS
  for (int q = 0; q < QUADS; q++) {
#pragma GCC unroll 4
    for (int v = 0; v < PANEL_VECTORS; v++) {
      const vi weights = JOIN(NAME, _weights)(block, index, q, v);
#pragma GCC unroll 8
      for (int t = 0; t < tokens; t++)
        part[t][v] =
            dot_codes(part[t][v], weights, x + t * ROW_BYTES(K, GROUP) + g * GROUP + 4 * q, WEIGHTS_SIGNED);
    }
  }
}

/* Group g of k, one of a block: sums[t] += scales * (codes of x[t] · weights). */
INLINE void JOIN(NAME, _group)(Sums sums, int tokens, const uint8_t *x, const uint8_t *block, int index, int64_t g) {
  JOIN(NAME, Parts) part;
#pragma GCC unroll 8
  for (int t = 0; t < tokens; t++)
#pragma GCC unroll 4
    for (int v = 0; v < PANEL_VECTORS; v++) part[t][v] = JOIN(NAME, _start)(x + t * ROW_BYTES(K, GROUP), g);
  JOIN(NAME, _quads)(part, tokens, x, block, index, g);
#pragma GCC unroll 4
  for (int v = 0; v < PANEL_VECTORS; v++) {
    const vf scales = JOIN(NAME, _scales)(block, index, v);
#pragma GCC unroll 8
    for (int t = 0; t < tokens; t++)
      sums[t][v] += scale_sum(part[t][v], scales) * JOIN(NAME, _row_scale)(x + t * ROW_BYTES(K, GROUP), g);
#if HAS_MINIMUMS
    const vf minimums = JOIN(NAME, _minimums)(block, index, v);
#pragma GCC unroll 8
    for (int t = 0; t < tokens; t++)
      sums[t][v] -= minimums * JOIN(NAME, _row_total)(x + t * ROW_BYTES(K, GROUP), g);
#endif
  }
}

/* A strip's way: which slabs of a panel it passes, and which of `strips` parts of the next panel it asks for. */
typedef struct JOIN(NAME, Pass) {
  const uint8_t *weights;
  int64_t panel;
  Share slabs;
  int64_t strip, strips;
} JOIN(NAME, Pass);

/* What is asked for while a slab is passed: a single strip goes on with what lies behind it. */
INLINE Ahead JOIN(NAME, _ahead)(const JOIN(NAME, Pass) *pass, int64_t slab) {
  const int64_t first = slab * SLAB_BLOCKS, blocks = JOIN(NAME, _blocks)(slab), turns = blocks * (SPAN / GROUP);
  const int64_t bytes = blocks * BLOCK_BYTES / pass->strips;
  if (pass->strips == 1)
    return ahead_at(JOIN(NAME, _block)(pass->weights, pass->panel, first) + PREFETCH_FAR, bytes, turns);
  return ahead_at(JOIN(NAME, _block)(pass->weights, pass->panel + 1, first) + pass->strip * bytes, bytes, turns);
}

/*
 * Where the hardware runs ahead in the weights by itself, the product of few tokens must not miss the first cache
 * elsewhere: it asks for its next codes and its next sums.
 */
INLINE void JOIN(NAME, _ask_codes)(int tokens, const uint8_t *x, int64_t g) {
  if (tokens > UNASKED || !HARDWARE_STREAMS) return;
  for (int t = 0; t < tokens; t++) __builtin_prefetch(x + t * ROW_BYTES(K, GROUP) + g * GROUP + CODES_AHEAD);
}

INLINE void JOIN(NAME, _ask_sums)(int tokens, const float *start, const float *out, int64_t column) {
  if (tokens > UNASKED || !HARDWARE_STREAMS) return;
  for (int t = 0; t < tokens; t++) {
    if (start != NULL) __builtin_prefetch(start + t * N + column + PANEL);
    __builtin_prefetch(out + t * N + column + PANEL, 1);
  }
}

INLINE void JOIN(NAME, _strip)(const JOIN(NAME, Pass) *pass, int tokens, const uint8_t *x, const float *start,
                               float *out) {
  Sums sums;
  sums_load(sums, tokens, 1, start, N, pass->panel * PANEL);
  JOIN(NAME, _ask_sums)(tokens, start, out, pass->panel * PANEL);
  for (int64_t slab = pass->slabs.first; slab < pass->slabs.end; slab++) {
    const uint8_t *const first = JOIN(NAME, _block)(pass->weights, pass->panel, slab * SLAB_BLOCKS);
    Ahead ahead = JOIN(NAME, _ahead)(pass, slab);
    for (int64_t b = 0; b < JOIN(NAME, _blocks)(slab); b++) {
      const uint8_t *const block = first + b * BLOCK_BYTES;
      for (int i = 0; i < SPAN / GROUP; i++) {
        const int64_t g = (slab * SLAB_BLOCKS + b) * (SPAN / GROUP) + i;
        if (tokens > UNASKED) ask_ahead(&ahead);
        else if (!HARDWARE_STREAMS) ask(block + i * GROUP_BYTES, GROUP_BYTES, tokens);
        JOIN(NAME, _ask_codes)(tokens, x, g);
        JOIN(NAME, _group)(sums, tokens, x, block, i, g);
      }
    }
  }
  sums_store(sums, tokens, 1, out, N, pass->panel * PANEL);
}

/* A panel by tokens first .. end-1, in strips of one size or one less. */
INLINE void JOIN(NAME, _panel)(JOIN(NAME, Pass) *pass, const uint8_t *x, const float *start, float *out,
                               Share tokens) {
  const int64_t count = tokens.end - tokens.first;
  pass->strips = (count + STRIP_TOKENS - 1) / STRIP_TOKENS;
  pass->strip = 0;
  for (int64_t t = tokens.first; pass->strip < pass->strips; pass->strip++) {
    const int64_t next = tokens.first + count * (pass->strip + 1) / pass->strips;
#define STRIP_OF(count)                                                                                              \
  case count:                                                                                                        \
    JOIN(NAME, _strip)(pass, count, x + t * ROW_BYTES(K, GROUP), start ? start + t * N : NULL, out + t * N);         \
    break
    switch (next - t) {
      STRIP_OF(1);
      STRIP_OF(2);
      STRIP_OF(3);
#if STRIP_TOKENS > 3
      STRIP_OF(4);
#endif
#if STRIP_TOKENS > 4
      STRIP_OF(5);
      STRIP_OF(6);
      STRIP_OF(7);
      STRIP_OF(8);
#endif
    }
#undef STRIP_OF
    t = next;
  }
}

/* Panels by a run of tokens: `slabs` at a time. */
INLINE void JOIN(NAME, _panels)(const uint8_t *weights, Share panels, int64_t slabs, const uint8_t *x,
                                const float *addend, float *out, Share tokens) {
  for (int64_t slab = 0; slab < SLABS; slab += slabs)
    for (int64_t panel = panels.first; panel < panels.end; panel++) {
      JOIN(NAME, Pass) pass = {.weights = weights, .panel = panel, .slabs = {slab, slab + slabs}};
      JOIN(NAME, _panel)(&pass, x, slab == 0 ? addend : out, out, tokens);
    }
}

KERNEL NAME(const Worker *worker, int32_t tokens, const uint8_t *x, const void *weights, const float *addend,
            float *out) {
#if !ADDEND
  addend = NULL;
#endif
  if (tokens == 0) return;
  const Deal deal = deal_tiles(worker, PANELS, tokens, 1, STRIP_TOKENS, RUN_TOKENS);
  const int64_t slabs = deal.chunk_tokens > STRIP_TOKENS ? SLABS : 1;
  for (Shares shares = shares_of(worker, deal.groups * deal.chunks); next_share(&shares);)
    for (int64_t unit = shares.first; unit < shares.end;) {
      const int64_t chunk = unit / deal.groups, first = chunk * deal.chunk_tokens, end = first + deal.chunk_tokens;
      const int64_t rest = (chunk + 1) * deal.groups < shares.end ? (chunk + 1) * deal.groups : shares.end;
      const Share panels = {unit - chunk * deal.groups, rest - chunk * deal.groups};
      JOIN(NAME, _panels)(weights, panels, slabs, x, addend, out, (Share){first, end < tokens ? end : tokens});
      unit = rest;
    }
}

#undef NAME
#undef K
#undef N
#undef ADDEND
#undef STRIP_TOKENS
#undef UNASKED
#undef CODES_AHEAD
#undef RUN_BYTES
#undef RUN_STRIPS
#undef RUN_TOKENS
#undef GROUP_BYTES
#undef QUADS
#undef WEIGHTS_SIGNED
#include "quads-end.h"
