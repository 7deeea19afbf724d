/*
 * Activations as 8-bit codes (codes.h), for products with integer weights. A row of K floats becomes
 *
 *   int8_t  codes[K]
 *   int32_t starts[K / GROUP]  what the integer sum of a group starts from, see below
 *   float   scales[K / GROUP]
 *   float   totals[K / GROUP]  scale times the sum of the codes
 *
 * padded to an odd number of cache lines, so that rows do not fall on one another in the cache.
 *
 * Instructions that multiply bytes take one factor without sign, so weights are stored plus OFFSET, and the
 * sum starts from -OFFSET * (sum of the codes). It also starts from INTEGER_ZERO, the bits of 1.5 * 2^23: a sum
 * below 2^22 in magnitude then is, read as a float, 1.5 * 2^23 plus its value, and needs no conversion.
 */
#ifndef LLMIR_QUANTIZED_ROWS_H
#define LLMIR_QUANTIZED_ROWS_H

#include "codes.h"

#define INTEGER_ZERO 0x4b400000
#define INTEGER_ZERO_FLOAT 12582912.0f

#define ROW_STARTS(k) ((int64_t)(k))
#define ROW_SCALES(k, group) ((int64_t)(k) + 4 * ((k) / (group)))
#define ROW_TOTALS(k, group) ((int64_t)(k) + 8 * ((k) / (group)))
#define ROW_USED(k, group) ((int64_t)(k) + 12 * ((k) / (group)))
#define ROW_BYTES(k, group) (((ROW_USED(k, group) + 63) / 64 | 1) * 64)

/* Group `index` of a row of `k` codes, from its floats. */
INLINE void quantize_group(const float *x, uint8_t *row, int64_t k, int group, int offset, int64_t index) {
  float scale;
  const int32_t total = round_to_codes(x, group, (int8_t *)row + index * group, &scale);
  ((int32_t *)(void *)(row + ROW_STARTS(k)))[index] = INTEGER_ZERO - offset * total;
  ((float *)(void *)(row + ROW_SCALES(k, group)))[index] = scale;
  ((float *)(void *)(row + ROW_TOTALS(k, group)))[index] = scale * (float)total;
}

/* Nothing reads the padding; it is made the same in every run all the same. */
INLINE void clear_padding(uint8_t *row, int64_t k, int group) {
  memset(row + ROW_USED(k, group), 0, (size_t)(ROW_BYTES(k, group) - ROW_USED(k, group)));
}

#endif
