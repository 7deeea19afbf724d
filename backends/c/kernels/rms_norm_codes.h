/*
 * Rows of x / sqrt(mean(x^2) + epsilon) * weight as 8-bit codes with a scale for each GROUP of them: rms_norm.h and
 * quantize_rows.h in one pass. Threads split the rows.
 *
 *   NAME     the function
 *   K        elements of a row
 *   EPSILON  added to the mean square
 *   GROUP    columns that share a scale; divides K
 *   OFFSET   what the weights that the rows will meet are stored plus
 */
#ifndef NAME
#define NAME rms_norm_codes
#define K 64
#define EPSILON 1e-5f
#define GROUP 32
#define OFFSET 128
#endif

#include "../runtime/worker.h"
#include "quantized-rows.h"
#include "row-norm.h"

KERNEL NAME(const Worker *worker, int32_t tokens, const float *x, const float *weight, uint8_t *out) {
  for (Shares shares = shares_of(worker, tokens); next_share(&shares);)
    for (int64_t row = shares.first; row < shares.end; row++) {
      const float *const from = x + row * K;
      uint8_t *const to = out + row * ROW_BYTES(K, GROUP);
      const float scale = row_norm(from, K, EPSILON);
      float values[K];
      for (int i = 0; i < K; i += LANES)
        vf_store_tail(values + i, vf_load_tail(from + i, K - i) * scale * vf_load_tail(weight + i, K - i), K - i);
      for (int group = 0; group < K / GROUP; group++)
        quantize_group(values + group * GROUP, to, K, GROUP, OFFSET, group);
      clear_padding(to, K, GROUP);
    }
}

#undef NAME
#undef K
#undef EPSILON
#undef GROUP
#undef OFFSET
