/*
 * out[tokens, N] = x[tokens, K] w, or addend + x w, for packed weights w [K, N]; `out` may be the addend
 * itself. Up to 8 tokens go through matmul-rows.cuh, more through the tensor cores of matmul-tiles.cuh.
 *
 *   NAME     the launcher; its kernels are NAME_rows and NAME_tiles
 *   FORMAT   F32Rows, F16Rows, Bf16Rows, NarrowBf16Rows, Q8Rows or Q4Rows, with its parameters (weight-rows.cuh)
 *   K, N     rows and columns of w
 *   ADDEND   1: adds addend [tokens, N]; 0: `addend` is NULL
 */
#include "../runtime/launch.cuh"
#include "matmul-rows.cuh"
#include "matmul-tiles.cuh"

#ifndef NAME
#define NAME matmul
#define FORMAT F16Rows<4096>
#define K 4096
#define N 6144
#define ADDEND 0
#endif

/* Rounding x takes registers that ptxas would rather spill for one row than take: eight blocks leave it 64. */
template <int TOKENS>
static __global__ void __launch_bounds__(ROWS_THREADS, FORMAT::NARROW && TOKENS == 1 ? 8 : 0)
    JOIN(NAME, _rows)(int tokens, const float *x, const void *w, const float *addend, float *out) {
  multiply_rows<FORMAT, K, N, ADDEND, TOKENS>(tokens, x, w, addend, out);
}

static __global__ void __launch_bounds__(TILE_THREADS, 2)
    JOIN(NAME, _tiles)(int64_t tokens, const float *x, const void *w, const float *addend, float *out) {
  multiply_tile<FORMAT, K, N, ADDEND>(tokens, x, w, addend, out);
}

template <int TOKENS>
LAUNCHER JOIN(NAME, _few)(const Step *s, int tokens, const float *x, const void *w, const float *addend,
                          float *out) {
  const int64_t blocks = whole(N, ROWS_WARPS * rows_of_warp<FORMAT>(TOKENS));
  launch(s, JOIN(NAME, _rows)<TOKENS>, blocks, ROWS_THREADS, tokens, x, w, addend, out);
}

LAUNCHER NAME(const Step *s, int64_t tokens, const float *x, const void *w, const float *addend, float *out) {
  if (tokens == 0) return;
  if (tokens == 1) return JOIN(NAME, _few)<1>(s, 1, x, w, addend, out);
  if (tokens == 2) return JOIN(NAME, _few)<2>(s, 2, x, w, addend, out);
  if (tokens <= 4) return JOIN(NAME, _few)<4>(s, (int)tokens, x, w, addend, out);
  if (tokens <= 8) return JOIN(NAME, _few)<8>(s, (int)tokens, x, w, addend, out);
  launch(s, JOIN(NAME, _tiles), whole(tokens, TILE_TOKENS) * whole(N, TILE_COLUMNS), TILE_THREADS, tokens,
         x, w, addend, out);
}

#undef NAME
#undef FORMAT
#undef K
#undef N
#undef ADDEND
