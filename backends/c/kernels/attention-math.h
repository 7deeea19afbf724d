/*
 * What the parts of paged_attention.h share: powers of two for the softmax, and sums of many registers.
 */
#ifndef LLMIR_ATTENTION_MATH_H
#define LLMIR_ATTENTION_MATH_H

#include "../runtime/vector.h"

/* Below every score and yet finite, so that a difference of two maxima is never infinity less infinity. */
#define NO_SCORE (-1e30f)

/* Scores are in units of ln 2, so that weights are powers of two. */
#define LOG2_E 1.44269504088896341f

/* 2^x for x <= 0, within 1 unit in the last place; 0 below -126; a NaN stays one. */
INLINE vf vf_exp2_negative(vf x) {
  const vf shifter = vf_set(12582912.0f); /* 1.5 * 2^23: adding it rounds to an integer */
  const vf bounded = vf_select(x < -127.0f, vf_set(-127.0f), x);
  const vf shifted = bounded + shifter;
  return vf_select(x < -126.0f, (vf){0}, vf_exp2_parts(shifted, bounded - (shifted - shifter)));
}

/* Lanes of a and b where `low` says, plus those where `high` says. */
#define VF_FOLD(a, b, low, high) (__builtin_shufflevector(a, b, low) + __builtin_shufflevector(a, b, high))
#if LANES == 16
#define VF_LOW8 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23
#define VF_HIGH8 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31
#define VF_LOW4 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27
#define VF_HIGH4 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31
#define VF_LOW2 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29
#define VF_HIGH2 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31
#define VF_LOW1 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30
#define VF_HIGH1 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31
#elif LANES == 8
#define VF_LOW4 0, 1, 2, 3, 8, 9, 10, 11
#define VF_HIGH4 4, 5, 6, 7, 12, 13, 14, 15
#define VF_LOW2 0, 1, 8, 9, 4, 5, 12, 13
#define VF_HIGH2 2, 3, 10, 11, 6, 7, 14, 15
#define VF_LOW1 0, 8, 2, 10, 4, 12, 6, 14
#define VF_HIGH1 1, 9, 3, 11, 5, 13, 7, 15
#endif

/* Lane i of the result is the sum of all lanes of part[i]: a tree that halves the registers at each step. */
INLINE vf vf_sums(const vf part[LANES]) {
#if LANES == 16
  vf a[8], b[4];
#pragma GCC unroll 8
  for (int i = 0; i < 8; i++) a[i] = VF_FOLD(part[i], part[i + 8], VF_LOW8, VF_HIGH8);
#pragma GCC unroll 4
  for (int i = 0; i < 4; i++) b[i] = VF_FOLD(a[i], a[i + 4], VF_LOW4, VF_HIGH4);
  const vf even = VF_FOLD(b[0], b[2], VF_LOW2, VF_HIGH2), odd = VF_FOLD(b[1], b[3], VF_LOW2, VF_HIGH2);
  return VF_FOLD(even, odd, VF_LOW1, VF_HIGH1);
#elif LANES == 8
  vf a[4];
#pragma GCC unroll 4
  for (int i = 0; i < 4; i++) a[i] = VF_FOLD(part[i], part[i + 4], VF_LOW4, VF_HIGH4);
  const vf even = VF_FOLD(a[0], a[2], VF_LOW2, VF_HIGH2), odd = VF_FOLD(a[1], a[3], VF_LOW2, VF_HIGH2);
  return VF_FOLD(even, odd, VF_LOW1, VF_HIGH1);
#else
  vf sums;
  for (int i = 0; i < LANES; i++) sums[i] = vf_sum(part[i]);
  return sums;
#endif
}

#endif
