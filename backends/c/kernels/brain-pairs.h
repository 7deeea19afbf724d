/*
 * Pairs of bfloat16 in 32-bit lanes: two neighbours of k, the first in the low half.
 */
#ifndef LLMIR_BRAIN_PAIRS_H
#define LLMIR_BRAIN_PAIRS_H

#include "../runtime/vector.h"

typedef uint32_t vu_unaligned __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
INLINE vu vu_load(const void *from) { return *(const vu_unaligned *)from; }
INLINE void vu_store(void *to, vu value) { *(vu_unaligned *)to = value; }

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

/* Finite numbers to nearest, ties to even. */
INLINE vu pairs_of(vf first, vf second) {
#if defined(__AVX512BF16__)
  /* Halves of the second number above those of the first. */
  const __m512i order = _mm512_set_epi32(0x1f000f, 0x1e000e, 0x1d000d, 0x1c000c, 0x1b000b, 0x1a000a, 0x190009, 0x180008,
                                         0x170007, 0x160006, 0x150005, 0x140004, 0x130003, 0x120002, 0x110001, 0x100000);
  return (vu)_mm512_permutexvar_epi16(order, (__m512i)_mm512_cvtne2ps_pbh((__m512)second, (__m512)first));
#else
  const vu low = (vu)first, high = (vu)second;
  return (low + 0x7fffu + ((low >> 16) & 1u)) >> 16 | ((high + 0x7fffu + ((high >> 16) & 1u)) & 0xffff0000u);
#endif
}

#endif
