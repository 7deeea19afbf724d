/*
 * What the elements of a row are divided by in RMS normalisation, as a factor.
 */
#ifndef LLMIR_ROW_NORM_H
#define LLMIR_ROW_NORM_H

#include <math.h>

#include "../runtime/vector.h"

/* 1 / sqrt(mean(x^2) + epsilon) over `width` elements. */
INLINE float row_norm(const float *x, int width, float epsilon) {
  /* Four sums in flight; they also keep the rounding error of long rows small. */
  vf sums[4] = {{0}};
  for (int i = 0; i < width; i += 4 * LANES) {
#pragma GCC unroll 4
    for (int s = 0; s < 4; s++) {
      const vf value = vf_load_tail(x + i + s * LANES, width - i - s * LANES);
      sums[s] += value * value;
    }
  }
  const float mean = vf_sum((sums[0] + sums[1]) + (sums[2] + sums[3])) / (float)width;
  return 1.0f / sqrtf(mean + epsilon);
}

#endif
