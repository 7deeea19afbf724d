/*
 * Pairs of bfloat16 in 32-bit lanes: two neighbours of k, the first in the low half.
 */
#ifndef LLMIR_BRAIN_PAIRS_H
#define LLMIR_BRAIN_PAIRS_H

#include "../runtime/vector.h"

typedef uint32_t vu_unaligned __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
INLINE vu vu_load(const void *from) { return *(const vu_unaligned *)from; }

/* Two neighbours of a row, in every lane. */
INLINE vu vu_set_pair(const uint16_t *x) {
  uint32_t pair;
  memcpy(&pair, x, sizeof pair);
  return pair - (vu){0};
}

/* sums + products of both members of each pair of bfloat16. */
INLINE vf dot_pairs(vf sums, vu weights, vu x) {
#if defined(__AVX512BF16__)
  return (vf)_mm512_dpbf16_ps((__m512)sums, (__m512bh)weights, (__m512bh)x);
#else
  const vf even = sums + (vf)(weights << 16) * (vf)(x << 16);
  return even + (vf)(weights & 0xffff0000u) * (vf)(x & 0xffff0000u);
#endif
}

#endif
