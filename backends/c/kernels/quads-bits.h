/*
 * How quads of weights of 4, 5 or 6 bits are stored: panels of 16 columns in blocks of SPAN rows, those that share a
 * half-precision scale, which lie as quads-slabs.h says. A block:
 *
 *   16 scales; 16 minimums                      half precision
 *   SPAN / GROUP times 16 factors of the scale  int8_t, of two levels the lower; then those of the minimums
 *   SPAN / GROUP groups of codes                GROUP / 8 vectors of 64 bytes: the low halves hold a quad (four rows of
 *                                               16 columns, column by column), the high halves the quad GROUP / 8
 *                                               further on; then vectors with the bits above four, of 8 or of 4 quads
 *
 * each code plus OFFSET. A weight is code * scale - minimum.
 */
#include "panel-tile.h"

#if SUPER
#define SPAN SUPER
#define FACTOR_BYTES (SPAN / GROUP * PANEL)
#else
#define SPAN GROUP
#define FACTOR_BYTES 0
#endif

#define HALF_BYTES ((1 + HAS_MINIMUMS) * PANEL * 2)
#define CODES_AT (HALF_BYTES + (1 + HAS_MINIMUMS) * FACTOR_BYTES)
#define CODE_BYTES (GROUP * PANEL * BITS / 8)
#define BLOCK_BYTES (CODES_AT + SPAN / GROUP * CODE_BYTES)
#define ALONE 2
#define OFFSET (HAS_MINIMUMS ? 0 : 1 << (BITS - 1))

_Static_assert(GROUP % 8 == 0 && GROUP * (BITS - 4) % 32 == 0, "vectors of codes are full");
_Static_assert(K % SPAN == 0 && SPAN % GROUP == 0, "blocks are whole groups");

#include "quads-slabs.h"

/* Quad q of group `index` of a block, register v. */
INLINE vi JOIN(NAME, _codes)(const uint8_t *block, int index, int q, int v) {
  const uint8_t *const codes = block + CODES_AT + index * CODE_BYTES;
  const int low = q % (GROUP / 8);
  const vu bytes = (vu)vi_load(codes + (low * PANEL + v * LANES) * 4);
  const vu nibbles = (q == low ? bytes : bytes >> 4) & 0x0f0f0f0fu;
#if BITS > 4
  const int at = q * (BITS - 4), shift = at % 8;
  const vu extra = (vu)vi_load(codes + GROUP * PANEL / 2 + (at / 8 * PANEL + v * LANES) * 4);
  const vu high = shift <= 4 ? extra << (4 - shift) : extra >> (shift - 4);
  return (vi)(nibbles | (high & 0x10101010u * ((1u << (BITS - 4)) - 1)));
#else
  return (vi)nibbles;
#endif
}

/* Number `kind` of a group: 0 the scales, 1 the minimums; register v. */
INLINE vf JOIN(NAME, _number)(const uint8_t *block, int index, int v, int kind) {
  const vf coarse = vf_load_half((const uint16_t *)(const void *)block + kind * PANEL + v * LANES);
#if SUPER
  const uint8_t *const factors = block + HALF_BYTES + kind * FACTOR_BYTES + index * PANEL;
  return coarse * vf_load_int8((const int8_t *)factors + v * LANES);
#else
  (void)index;
  return coarse;
#endif
}

INLINE vf JOIN(NAME, _scales)(const uint8_t *block, int index, int v) {
  return JOIN(NAME, _number)(block, index, v, 0);
}

#if HAS_MINIMUMS
INLINE vf JOIN(NAME, _minimums)(const uint8_t *block, int index, int v) {
  return JOIN(NAME, _number)(block, index, v, 1);
}
#endif
