/*
 * out[tokens, N] = x[tokens, K] w, or addend + x w, for packed codes w [K, N], with rows of x rounded to 8-bit
 * codes group by group; `out` may be the addend itself. Weights are read once for up to 8 tokens.
 *
 *   NAME     the launcher; its kernel is NAME_rows
 *   FORMAT   Q8Rows or Q4Rows, with its parameters (weight-rows.cuh)
 *   K, N     rows and columns of w
 *   ADDEND   1: adds addend [tokens, N]; 0: `addend` is NULL
 */
#include "../runtime/launch.cuh"
#include "rounded-rows.cuh"

#ifndef NAME
#define NAME rounded_matmul
#define FORMAT Q4Rows<4096, 32>
#define K 4096
#define N 6144
#define ADDEND 0
#endif

template <int TOKENS>
static __global__ void __launch_bounds__(ROWS_THREADS)
    JOIN(NAME, _rows)(int64_t tokens, const float *x, const void *w, const float *addend, float *out) {
  multiply_rounded<FORMAT, K, N, ADDEND, TOKENS>(tokens, x, w, addend, out);
}

template <int TOKENS>
LAUNCHER JOIN(NAME, _together)(const Step *s, int64_t tokens, const float *x, const void *w,
                               const float *addend, float *out) {
  const int64_t blocks = whole(N, ROWS_WARPS * rows_of_warp<FORMAT>(TOKENS)) * whole(tokens, TOKENS);
  launch(s, JOIN(NAME, _rows)<TOKENS>, blocks, ROWS_THREADS, tokens, x, w, addend, out);
}

LAUNCHER NAME(const Step *s, int64_t tokens, const float *x, const void *w, const float *addend, float *out) {
  if (tokens == 0) return;
  if (tokens == 1) return JOIN(NAME, _together)<1>(s, tokens, x, w, addend, out);
  if (tokens == 2) return JOIN(NAME, _together)<2>(s, tokens, x, w, addend, out);
  if (tokens <= 4) return JOIN(NAME, _together)<4>(s, tokens, x, w, addend, out);
  JOIN(NAME, _together)<8>(s, tokens, x, w, addend, out);
}

#undef NAME
#undef FORMAT
#undef K
#undef N
#undef ADDEND
