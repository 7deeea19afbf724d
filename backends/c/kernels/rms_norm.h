/*
 * out[rows, D] = x / sqrt(mean(x^2) + epsilon) * weight, row by row. Threads split the rows.
 *
 *   NAME     the function
 *   D        elements of a row
 *   EPSILON  added to the mean square
 *
 * `out` may be `x` itself.
 */
#ifndef NAME
#define NAME rms_norm
#define D 64
#define EPSILON 1e-5f
#endif

#include <math.h>

#include "../runtime/vector.h"
#include "../runtime/worker.h"

KERNEL NAME(const Worker *worker, int64_t rows, const float *x, const float *weight, float *out) {
  for (Shares shares = shares_of(worker, rows); next_share(&shares);)
    for (int64_t row = shares.first; row < shares.end; row++) {
      const float *const from = x + row * D;
      float *const to = out + row * D;
      /* Four sums in flight; they also keep the rounding error of long rows small. */
      vf sums[4] = {{0}};
      for (int i = 0; i < D; i += 4 * LANES) {
#pragma GCC unroll 4
        for (int s = 0; s < 4; s++) {
          const vf value = vf_load_tail(from + i + s * LANES, D - i - s * LANES);
          sums[s] += value * value;
        }
      }
      const float mean = vf_sum((sums[0] + sums[1]) + (sums[2] + sums[3])) / (float)D;
      const float scale = 1.0f / sqrtf(mean + EPSILON);
      for (int i = 0; i < D; i += LANES) {
        const vf gain = vf_load_tail(weight + i, D - i);
        vf_store_tail(to + i, vf_load_tail(from + i, D - i) * scale * gain, D - i);
      }
    }
}

#undef NAME
#undef D
#undef EPSILON
