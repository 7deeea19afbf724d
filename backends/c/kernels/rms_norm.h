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

#include "../runtime/worker.h"
#include "row-norm.h"

KERNEL NAME(const Worker *worker, int64_t rows, const float *x, const float *weight, float *out) {
  for (Shares shares = shares_of(worker, rows); next_share(&shares);)
    for (int64_t row = shares.first; row < shares.end; row++) {
      const float *const from = x + row * D;
      float *const to = out + row * D;
      const float scale = row_norm(from, D, EPSILON);
      for (int i = 0; i < D; i += LANES) {
        const vf gain = vf_load_tail(weight + i, D - i);
        vf_store_tail(to + i, vf_load_tail(from + i, D - i) * scale * gain, D - i);
      }
    }
}

#undef NAME
#undef D
#undef EPSILON
