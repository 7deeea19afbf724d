/*
 * Activations as 8-bit codes, for products with integer weights. A row of K floats becomes
 *
 *   int8_t  codes[K]           x / scale to the nearest, halves away from zero
 *   int32_t starts[K / GROUP]  what the integer sum of a group starts from, see below
 *   float   scales[K / GROUP]  max |x| / 127 of the group; NaN where the group holds an infinity or a NaN
 *   float   totals[K / GROUP]  scale times the sum of the codes
 *
 * padded to an odd number of cache lines, so that rows do not fall on one another in the cache. GGML's
 * Q8_0: scales are rounded to half precision, but only where they are normal numbers of it.
 *
 * Instructions that multiply bytes take one factor without sign, so weights are stored plus OFFSET, and the
 * sum starts from -OFFSET * (sum of the codes). It also starts from INTEGER_ZERO, the bits of 1.5 * 2^23: a sum
 * below 2^22 in magnitude then is, read as a float, 1.5 * 2^23 plus its value, and needs no conversion.
 */
#ifndef LLMIR_QUANTIZED_ROWS_H
#define LLMIR_QUANTIZED_ROWS_H

#include <math.h>

#include "../runtime/numbers.h"
#include "../runtime/vector.h"

#define INTEGER_ZERO 0x4b400000
#define INTEGER_ZERO_FLOAT 12582912.0f

#define ROW_STARTS(k) ((int64_t)(k))
#define ROW_SCALES(k, group) ((int64_t)(k) + 4 * ((k) / (group)))
#define ROW_TOTALS(k, group) ((int64_t)(k) + 8 * ((k) / (group)))
#define ROW_USED(k, group) ((int64_t)(k) + 12 * ((k) / (group)))
#define ROW_BYTES(k, group) (((ROW_USED(k, group) + 63) / 64 | 1) * 64)

/* A number to the nearest one that a half is, ties to even; its magnitude is that of a normal half. */
INLINE float round_to_half(float value) {
  const uint32_t bits = bits_of(value);
  return float_of((bits + 0xfffu + ((bits >> 13) & 1u)) & ~0x1fffu);
}

/* Group `index` of a row of `k` codes, from its floats. */
INLINE void quantize_group(const float *x, uint8_t *row, int64_t k, int group, int offset, int64_t index) {
  /* As bits: a NaN is larger than infinity, and that than all numbers. */
  vi largest = {0};
  for (int i = 0; i < group; i += LANES) largest = vi_max(largest, (vi)vf_abs(vf_load_tail(x + i, group - i)));
  const float most = float_of((uint32_t)vi_largest(largest));
  const float exact = most / 127.0f;
  const int is_half = exact >= 0x1p-14f && exact <= 65504.0f;
  const float scale = (is_half ? round_to_half(exact) : exact) + (most - most); /* NaN unless all are numbers */
  const float inverse = most > 0.0f ? 127.0f / most : 0.0f;
  int32_t total = 0;
  vi sums = {0};
  int8_t *const codes = (int8_t *)row + index * group;
  int i = 0;
  for (; i + LANES <= group; i += LANES) {
    const vi code = vi_round(vf_rounded(vf_load(x + i) * inverse));
    vi_store_int8(codes + i, code);
    sums += code;
  }
  for (; i < group; i++) {
    const int32_t code = (int32_t)roundf(x[i] * inverse);
    codes[i] = (int8_t)code;
    total += code;
  }
  total += vi_sum(sums);
  ((int32_t *)(void *)(row + ROW_STARTS(k)))[index] = INTEGER_ZERO - offset * total;
  ((float *)(void *)(row + ROW_SCALES(k, group)))[index] = scale;
  ((float *)(void *)(row + ROW_TOTALS(k, group)))[index] = scale * (float)total;
}

/* Nothing reads the padding; it is made the same in every run all the same. */
INLINE void clear_padding(uint8_t *row, int64_t k, int group) {
  memset(row + ROW_USED(k, group), 0, (size_t)(ROW_BYTES(k, group) - ROW_USED(k, group)));
}

#endif
