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

/* Groups whose numbers are made before any of them is rounded: see swiglu_codes.h. */
#define PIECE 8

KERNEL NAME(const Worker *worker, int32_t tokens, const float *x, const float *weight, uint8_t *out) {
  for (Shares shares = shares_of(worker, tokens); next_share(&shares);)
    for (int64_t row = shares.first; row < shares.end; row++) {
      const float *const from = x + row * K;
      uint8_t *const to = out + row * ROW_BYTES(K, GROUP);
      const float scale = row_norm(from, K, EPSILON);
      for (int first = 0; first < K; first += PIECE * GROUP) {
        const int count = first + PIECE * GROUP < K ? PIECE * GROUP : K - first;
        float values[PIECE * GROUP];
        for (int i = 0; i < count; i += LANES) {
          const vf gain = vf_load_tail(weight + first + i, count - i);
          vf_store_tail(values + i, vf_load_tail(from + first + i, count - i) * scale * gain, count - i);
        }
        for (int i = 0; i < count; i += GROUP)
          quantize_group(values + i, to, K, GROUP, OFFSET, (first + i) / GROUP);
      }
      clear_padding(to, K, GROUP);
    }
}

#undef PIECE
#undef NAME
#undef K
#undef EPSILON
#undef GROUP
#undef OFFSET
