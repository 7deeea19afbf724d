/*
 * out[T, N] = (addend[T, N] +) x[T, K] w[K, N], x and w in bfloat16, sums in single precision. The weights are stored
 * as small integers with scales (quads-q8.h, quads-bits.h), from which they are made where they are multiplied: two
 * panels at a time, once for each run of tokens.
 */
#include "brain-pairs.h"
#include "panel-tile.h"

#ifndef HAS_MINIMUMS
#define HAS_MINIMUMS 0
#endif

#define QUADS (GROUP / 4)
#define K_CHUNK (2048 / (8 * GROUP) * (8 * GROUP)) /* whole groups, and whole steps of tiles */
#define SLOT_FLOATS (K_CHUNK / 2 * PANEL)
#define SCRATCH_SUMS (2 * SLOT_FLOATS)
#define WEIGHT uint8_t

_Static_assert(K % GROUP == 0 && GROUP % 4 == 0, "groups are whole quads");
_Static_assert(GROUP <= 256, "a chunk holds whole groups");

/* Byte j of each lane, less OFFSET, times its scale; exact, and rounded once where there is a minimum. */
INLINE vf JOIN(NAME, _numbers)(vu codes, int j, vf scales, vf least) {
  const vi code = (vi)(j == 3 ? codes >> 24 : codes >> (8 * j) & 0xffu);
  return __builtin_convertvector(code, vf) * scales + least;
}

INLINE const uint32_t *JOIN(NAME, _pairs)(const Worker *worker, const uint8_t *w, int slot, int64_t panel, int64_t k,
                                          int64_t count) {
  uint32_t *const pairs = (uint32_t *)(void *)(worker->scratch + slot * SLOT_FLOATS);
  const int64_t end = k + count < K ? k + count : K;
  uint32_t *to = pairs;
  for (int64_t g = k / GROUP; g < end / GROUP; g++, to += GROUP / 2 * PANEL) {
    const uint8_t *const block = JOIN(NAME, _block)(w, panel, g / (SPAN / GROUP));
    const int index = (int)(g % (SPAN / GROUP));
    for (int v = 0; v < PANEL_VECTORS; v++) {
      const vf scales = JOIN(NAME, _scales)(block, index, v);
#if HAS_MINIMUMS
      const vf least = -JOIN(NAME, _minimums)(block, index, v);
#else
      const vf least = scales * -(float)OFFSET;
#endif
#pragma GCC unroll 32
      for (int q = 0; q < QUADS; q++) {
        const vu codes = (vu)JOIN(NAME, _codes)(block, index, q, v);
        uint32_t *const at = to + 2 * q * PANEL + v * LANES;
        vf weights[4];
        for (int i = 0; i < 4; i++) weights[i] = JOIN(NAME, _numbers)(codes, i, scales, least);
        vu_store(at, pairs_of(weights[0], weights[1]));
        vu_store(at + PANEL, pairs_of(weights[2], weights[3]));
      }
    }
  }
  memset(to, 0, (size_t)((char *)(pairs + count / 2 * PANEL) - (char *)to));
  return pairs;
}

/* A chunk's rows lie in two slabs at most, but where blocks are odd: then not all of them are asked for. */
INLINE Ahead JOIN(NAME, _ahead)(const uint8_t *w, int64_t panel, int64_t k, int64_t count, int64_t turns) {
  const int64_t first = k / SPAN, end = k + count < K ? (k + count + SPAN - 1) / SPAN : BLOCKS;
  const int64_t slab_end = (first / SLAB_BLOCKS + 1) * SLAB_BLOCKS, middle = end < slab_end ? end : slab_end;
  Ahead ahead = ahead_at(JOIN(NAME, _block)(w, panel, first), (end - first) * BLOCK_BYTES, turns);
  ahead.lines = (middle - first) * BLOCK_BYTES / 64;
  ahead.then = (const char *)JOIN(NAME, _block)(w, panel, middle);
  ahead.then_lines = (end - middle) * BLOCK_BYTES / 64;
  return ahead;
}

#include "narrow-tiles.h"

KERNEL NAME(const Worker *worker, int32_t tokens, const uint16_t *x, const void *weights, const float *addend,
            OUT *out) {
#if !ADDEND
  addend = NULL;
#endif
  JOIN(NAME, _many)(worker, tokens, x, weights, addend, out);
}

#undef QUADS
#undef SLOT_FLOATS
#undef SCRATCH_SUMS
#include "quads-end.h"
#include "narrow-end.h"
