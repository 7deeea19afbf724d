/*
 * The part of a matrix product that all number formats share: which thread computes what. Included last by
 * matmul-dense.h, matmul-quantized.h and narrow_matmul.h, after they define
 *
 *   INPUT, WEIGHT  what pointers to the activations and into the packed weights point to
 *   STRIP(t)       panels that a product of t tokens reads side by side
 *   MANY_PANELS, MANY_TOKENS  the tile for many tokens
 *   NAME_strip     panels for few tokens, over all of k
 *   NAME_tiles     one or MANY_PANELS panels for many tokens
 *
 * and may define
 *
 *   FEWEST_MANY    tokens from which on they are many; one more than FEW_TOKENS if it does not
 *   OWN_MANY       where NAME_many is there already, and NAME_tiles is not
 *
 * Decode splits the panels; prefill splits panels, and tokens as well where panels are few.
 */

#ifndef FEWEST_MANY
#define FEWEST_MANY (FEW_TOKENS + 1)
#endif

INLINE void JOIN(NAME, _few)(const Worker *worker, int tokens, const INPUT *x, const WEIGHT *w, const float *addend,
                             float *out) {
  const int strip = STRIP(tokens);
  for (Shares shares = shares_of(worker, PANELS); next_share(&shares);) {
    int64_t panel = shares.first;
    for (; panel + strip <= shares.end; panel += strip) JOIN(NAME, _strip)(tokens, strip, x, w, addend, out, panel);
    for (; panel < shares.end; panel++) JOIN(NAME, _strip)(tokens, 1, x, w, addend, out, panel);
  }
}

#ifndef OWN_MANY
KERNEL JOIN(NAME, _many)(const Worker *worker, int32_t tokens, const INPUT *x, const WEIGHT *w, const float *addend,
                         float *out) {
  const Deal deal = deal_tiles(worker, PANELS, tokens, MANY_PANELS, MANY_TOKENS, INT32_MAX);
  for (Shares shares = shares_of(worker, deal.groups * deal.chunks); next_share(&shares);)
    for (int64_t unit = shares.first; unit < shares.end; unit++) {
      const int64_t panel = unit % deal.groups * MANY_PANELS;
      const int64_t first = unit / deal.groups * deal.chunk_tokens;
      const Share rows = {first, first + deal.chunk_tokens < tokens ? first + deal.chunk_tokens : tokens};
      if (panel + MANY_PANELS <= PANELS) JOIN(NAME, _tiles)(worker, MANY_PANELS, x, w, addend, out, panel, rows);
      else JOIN(NAME, _tiles)(worker, 1, x, w, addend, out, panel, rows);
    }
}
#endif

KERNEL NAME(const Worker *worker, int32_t tokens, const INPUT *x, const void *weights, const float *addend,
            float *out) {
  const WEIGHT *const w = weights;
#if !ADDEND
  addend = NULL;
#endif
  if (tokens >= FEWEST_MANY) {
    JOIN(NAME, _many)(worker, tokens, x, w, addend, out);
    return;
  }
  switch (tokens) {
    case 0: break;
    case 1: JOIN(NAME, _few)(worker, 1, x, w, addend, out); break;
    case 2: JOIN(NAME, _few)(worker, 2, x, w, addend, out); break;
    case 3: JOIN(NAME, _few)(worker, 3, x, w, addend, out); break;
    case 4: JOIN(NAME, _few)(worker, 4, x, w, addend, out); break;
    case 5: JOIN(NAME, _few)(worker, 5, x, w, addend, out); break;
    case 6: JOIN(NAME, _few)(worker, 6, x, w, addend, out); break;
    case 7: JOIN(NAME, _few)(worker, 7, x, w, addend, out); break;
    case 8: JOIN(NAME, _few)(worker, 8, x, w, addend, out); break;
  }
}

#undef FEWEST_MANY
#undef OWN_MANY
#undef STRIP
#undef MANY_PANELS
#undef MANY_TOKENS
#undef INPUT
#undef WEIGHT
#undef NAME
#undef K
#undef N
#undef ADDEND
