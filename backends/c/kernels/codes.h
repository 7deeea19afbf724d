/*
 * A group of numbers as 8-bit codes and a scale, max |x| / 127: a number is code * scale, the code x / scale to the
 * nearest, halves away from zero. GGML's Q8_0: scales are rounded to half precision, but only where they are normal
 * numbers of it. The scale of a group that holds an infinity or a NaN is a NaN.
 */
#ifndef LLMIR_CODES_H
#define LLMIR_CODES_H

#include <math.h>

#include "../runtime/numbers.h"
#include "../runtime/vector.h"

/* A number to the nearest one that a half is, ties to even; its magnitude is that of a normal half. */
INLINE float round_to_half(float value) {
  const uint32_t bits = bits_of(value);
  return float_of((bits + 0xfffu + ((bits >> 13) & 1u)) & ~0x1fffu);
}

/* The codes of `count` numbers, and their sum. */
INLINE int32_t round_to_codes(const float *x, int count, int8_t *codes, float *scale) {
  /* As bits: a NaN is larger than infinity, and that than all numbers. */
  vi largest = {0};
  for (int i = 0; i < count; i += LANES) largest = vi_max(largest, (vi)vf_abs(vf_load_tail(x + i, count - i)));
  const float most = float_of((uint32_t)vi_largest(largest));
  const float exact = most / 127.0f;
  const int is_half = exact >= 0x1p-14f && exact <= 65504.0f;
  *scale = (is_half ? round_to_half(exact) : exact) + (most - most); /* NaN unless all are numbers */
  const float inverse = most > 0.0f ? 127.0f / most : 0.0f;
  int32_t total = 0;
  vi sums = {0};
  int i = 0;
  for (; i + LANES <= count; i += LANES) {
    const vi code = vi_round(vf_rounded(vf_load(x + i) * inverse));
    vi_store_int8(codes + i, code);
    sums += code;
  }
  for (; i < count; i++) {
    const int32_t code = (int32_t)roundf(x[i] * inverse);
    codes[i] = (int8_t)code;
    total += code;
  }
  return total + vi_sum(sums);
}

#endif
