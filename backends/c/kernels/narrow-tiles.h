/*
 * Many tokens of bfloat16 times weights of bfloat16, in tile registers where there are some. Included by kernels
 * that define, beside NAME, K, N, ADDEND and SWIGLU,
 *
 *   WEIGHT   what a pointer into the packed weights points to
 *   K_CHUNK  rows of k whose weights are at hand at a time; a multiple of 32
 *   NAME_pairs(worker, w, slot, panel, k, count)
 *            weights of a panel, rows k .. k+count-1, as pairs: [count / 2][16]. Two panels are in use at a time,
 *            slots 0 and 1. Behind the last row are zeros, up to a multiple of 32.
 *   NAME_ahead(w, panel, k, count, turns)
 *            the same rows as they are stored, to be asked for
 *
 * A run of tokens whose activations stay in the second cache passes by all panels of a share. Sums are made in the
 * order of k, whatever the tile: results depend neither on the number of tokens nor on threads.
 */
#include "../runtime/amx.h"
#include "brain-pairs.h"
#include "narrow-rows.h"
#include "panel-tile.h"

#define PAIRS ((K + 31) / 32 * 16)
#define ROW NARROW_ROW(K)

/* A tile: this many tokens by two panels; its sums lie in rows of two panels. */
#define MANY_TOKENS 32
#define SUM_ROW (2 * PANEL)

/* Tokens of a run. A gated product needs whole sums, and so whole rows of activations. */
#define RUN_ELEMENTS (256 * 2048)
#if SWIGLU
#define RUN_TOKENS (RUN_ELEMENTS / (2 * PAIRS) >= 256 ? 256 : RUN_ELEMENTS / (2 * PAIRS) / 32 * 32 + 32)
#define OUT uint16_t
_Static_assert(N % (2 * PANEL) == 0, "gate and up are whole panels");
#else
#define RUN_TOKENS 256
#define OUT float
#endif

#if AMX_TILES
/* Tiles 0 to 3: sums of two runs of tokens by two panels. 4, 5: activations of both runs. 6, 7: weights. */
INLINE void JOIN(NAME, _tile_shape)(int above, int below) {
  AmxShape shape = {.palette = 1};
  for (int tile = 0; tile < 8; tile++) {
    shape.row_bytes[tile] = 64;
    shape.rows[tile] = tile >= 6 ? 16 : (uint8_t)(tile == 0 || tile == 1 || tile == 4 ? above : below);
  }
  amx_configure(&shape);
}

INLINE void JOIN(NAME, _tile_steps)(int has_below, int panels, const uint16_t *x, const uint32_t *const w[2],
                                    int64_t count, float *sums, Ahead ahead[2]) {
  enum { SUM_STRIDE = SUM_ROW * 4, X_STRIDE = ROW * 2 };
  _tile_loadd(0, sums, SUM_STRIDE);
  if (panels == 2) _tile_loadd(1, sums + PANEL, SUM_STRIDE);
  if (has_below) _tile_loadd(2, sums + 16 * SUM_ROW, SUM_STRIDE);
  if (has_below && panels == 2) _tile_loadd(3, sums + 16 * SUM_ROW + PANEL, SUM_STRIDE);
  for (int64_t k = 0; k < count; k += 32) {
    _tile_loadd(4, x + k, X_STRIDE);
    _tile_loadd(6, w[0] + k / 2 * PANEL, 64);
    _tile_dpbf16ps(0, 4, 6);
    if (panels == 2) _tile_loadd(7, w[1] + k / 2 * PANEL, 64);
    if (panels == 2) _tile_dpbf16ps(1, 4, 7);
    if (has_below) _tile_loadd(5, x + 16 * ROW + k, X_STRIDE);
    if (has_below) _tile_dpbf16ps(2, 5, 6);
    if (has_below && panels == 2) _tile_dpbf16ps(3, 5, 7);
    for (int p = 0; p < 2; p++) ask_ahead(&ahead[p]);
  }
  _tile_stored(0, sums, SUM_STRIDE);
  if (panels == 2) _tile_stored(1, sums + PANEL, SUM_STRIDE);
  if (has_below) _tile_stored(2, sums + 16 * SUM_ROW, SUM_STRIDE);
  if (has_below && panels == 2) _tile_stored(3, sums + 16 * SUM_ROW + PANEL, SUM_STRIDE);
}
#endif

INLINE void JOIN(NAME, _vector_steps)(int tokens, int panels, const uint16_t *x, const uint32_t *const w[2],
                                      int64_t count, float *sums) {
  Sums own;
  sums_read(own, tokens, panels, sums, SUM_ROW);
  for (int64_t pair = 0; pair < count / 2; pair++) {
#pragma GCC unroll 8
    for (int t = 0; t < tokens; t++) {
      const vu codes = vu_set_pair(x + (int64_t)t * ROW + 2 * pair);
#pragma GCC unroll 16
      for (int v = 0; v < panels * PANEL_VECTORS; v++) {
        const uint32_t *const weights = w[v / PANEL_VECTORS] + pair * PANEL + v % PANEL_VECTORS * LANES;
        own[t][v] = dot_pairs(own[t][v], vu_load(weights), codes);
      }
    }
  }
  sums_write(own, tokens, panels, sums, SUM_ROW);
}

/* sums += x w for up to MANY_TOKENS tokens, `count` rows of k, one or two panels. */
INLINE void JOIN(NAME, _steps)(int64_t tokens, int panels, const uint16_t *x, const uint32_t *const w[2], int64_t count,
                               float *sums, Ahead ahead[2]) {
#if AMX_TILES
  if (amx_allowed()) {
    if (tokens > 16) JOIN(NAME, _tile_steps)(1, panels, x, w, count, sums, ahead);
    else JOIN(NAME, _tile_steps)(0, panels, x, w, count, sums, ahead);
    return;
  }
#endif
  (void)ahead;
  int64_t t = 0;
#define STEPS_OF(many)                                                                                               \
  for (; t + (many) <= tokens; t += (many))                                                                          \
    for (int p = 0; p < panels; p += TILE_PANELS)                                                                    \
      JOIN(NAME, _vector_steps)(many, panels < TILE_PANELS ? panels : TILE_PANELS, x + t * ROW, w + p, count,        \
                                sums + t * SUM_ROW + p * PANEL)
  STEPS_OF(TILE_TOKENS);
#if TILE_TOKENS > 4
  STEPS_OF(4);
#endif
  STEPS_OF(2);
  STEPS_OF(1);
#undef STEPS_OF
}

/* Rows of `panels` panels to and from the sums of a tile; `from` may be NULL. */
INLINE void JOIN(NAME, _sums_from)(float *sums, int64_t tokens, int panels, const float *from, int64_t column) {
  for (int64_t t = 0; t < tokens; t++)
    for (int c = 0; c < panels * PANEL; c += LANES)
      vf_store(sums + t * SUM_ROW + c,
               from == NULL ? (vf){0} : vf_load_tail(from + t * N + column + c, N - column - c));
}

INLINE void JOIN(NAME, _sums_to)(const float *sums, int64_t tokens, int panels, float *to, int64_t column) {
  for (int64_t t = 0; t < tokens; t++)
    for (int c = 0; c < panels * PANEL; c += LANES)
      vf_store_tail(to + t * N + column + c, vf_load(sums + t * SUM_ROW + c), N - column - c);
}

/* A tile's end: whole sums of a gate's panel and of its up's become activations; zeros behind the last column. */
INLINE void JOIN(NAME, _gated_to)(const float *sums, int64_t tokens, uint16_t *to, int64_t column) {
  for (int64_t t = 0; t < tokens; t++) {
    const float *const gate = sums + t * SUM_ROW;
    uint16_t *const row = to + t * NARROW_ROW(N / 2);
    for (int c = 0; c < PANEL; c += LANES)
      vf_store_brain(row + column + c, vf_silu(vf_load(gate + c)) * vf_load(gate + PANEL + c));
    if (column + PANEL == N / 2) memset(row + N / 2, 0, 2 * (NARROW_ROW(N / 2) - N / 2));
  }
}

/* Where a run of tokens is: `shaped` tokens of a tile were the last that registers were shaped for. */
typedef struct JOIN(NAME, Run) {
  const Worker *worker;
  const uint16_t *x;
  const WEIGHT *w;
  const float *addend;
  OUT *out;
  int64_t shaped;
} JOIN(NAME, Run);

/* `panels` panels, `apart` from each other, before those at `next` (-1: none), rows k .. k+count-1, by tokens
 * first .. end-1. */
INLINE void JOIN(NAME, _panels)(JOIN(NAME, Run) *run, int panels, int64_t panel, int64_t apart, int64_t next,
                                int64_t k, Share tokens) {
  const int64_t count = 2 * PAIRS - k < K_CHUNK ? 2 * PAIRS - k : K_CHUNK;
  const uint32_t *weights[2];
  for (int p = 0; p < panels; p++)
    weights[p] = JOIN(NAME, _pairs)(run->worker, run->w, p, panel + p * apart, k, count);
  const int64_t tiles = (tokens.end - tokens.first + MANY_TOKENS - 1) / MANY_TOKENS;
  Ahead ahead[2] = {{.lines = 0}};
  for (int p = 0; p < 2 && next >= 0; p++)
    ahead[p] = JOIN(NAME, _ahead)(run->w, next + p * apart, k, count, tiles * (count / 32));
  for (int64_t t = tokens.first; t < tokens.end; t += MANY_TOKENS) {
    const int64_t here = tokens.end - t < MANY_TOKENS ? tokens.end - t : MANY_TOKENS;
#if AMX_TILES
    if (here != run->shaped) JOIN(NAME, _tile_shape)(here < 16 ? (int)here : 16, here > 16 ? (int)here - 16 : 1);
    run->shaped = here;
#endif
    const uint16_t *const x = run->x + t * ROW + k;
#if SWIGLU
    float *const sums = run->worker->scratch + SCRATCH_SUMS + (t - tokens.first) * SUM_ROW;
    if (k == 0) memset(sums, 0, sizeof(float) * SUM_ROW * (size_t)here);
    JOIN(NAME, _steps)(here, panels, x, weights, count, sums, ahead);
    if (k + count == 2 * PAIRS)
      JOIN(NAME, _gated_to)(sums, here, run->out + t * NARROW_ROW(N / 2), panel * PANEL);
#else
    float sums[MANY_TOKENS * SUM_ROW] __attribute__((aligned(64)));
    const float *const start = k == 0 ? run->addend : run->out;
    JOIN(NAME, _sums_from)(sums, here, panels, start == NULL ? NULL : start + t * N, panel * PANEL);
    JOIN(NAME, _steps)(here, panels, x, weights, count, sums, ahead);
    JOIN(NAME, _sums_to)(sums, here, panels, run->out + t * N, panel * PANEL);
#endif
  }
}

/* Pairs of panels first .. end-1, by a run of tokens: what is kept in the cache decides what goes outside. */
INLINE void JOIN(NAME, _run)(JOIN(NAME, Run) *run, Share pairs, Share tokens) {
#if SWIGLU
  for (int64_t pair = pairs.first; pair < pairs.end; pair++) {
    const int64_t next = pair + 1 < pairs.end ? pair + 1 : -1;
    for (int64_t k = 0; k < 2 * PAIRS; k += K_CHUNK) JOIN(NAME, _panels)(run, 2, pair, PANELS / 2, next, k, tokens);
  }
#else
  for (int64_t k = 0; k < 2 * PAIRS; k += K_CHUNK)
    for (int64_t pair = pairs.first; pair < pairs.end; pair++) {
      const int64_t next = pair + 1 < pairs.end ? 2 * pair + 2 : -1;
      if (2 * pair + 2 <= PANELS) JOIN(NAME, _panels)(run, 2, 2 * pair, 1, next, k, tokens);
      else JOIN(NAME, _panels)(run, 1, 2 * pair, 1, -1, k, tokens);
    }
#endif
}

KERNEL JOIN(NAME, _many)(const Worker *worker, int32_t tokens, const uint16_t *x, const WEIGHT *w,
                         const float *addend, OUT *out) {
  JOIN(NAME, Run) run = {worker, x, w, addend, out, 0};
  const Deal deal = deal_tiles(worker, PANELS, tokens, 2, MANY_TOKENS, RUN_TOKENS);
  for (Shares shares = shares_of(worker, deal.groups * deal.chunks); next_share(&shares);)
    for (int64_t unit = shares.first; unit < shares.end;) {
      const int64_t chunk = unit / deal.groups, end = (chunk + 1) * deal.groups;
      const Share pairs = {unit - chunk * deal.groups, (shares.end < end ? shares.end : end) - chunk * deal.groups};
      const int64_t first = chunk * deal.chunk_tokens, last = first + deal.chunk_tokens;
      JOIN(NAME, _run)(&run, pairs, (Share){first, last < tokens ? last : tokens});
      unit += pairs.end - pairs.first;
    }
#if AMX_TILES
  if (run.shaped != 0) _tile_release();
#endif
}
