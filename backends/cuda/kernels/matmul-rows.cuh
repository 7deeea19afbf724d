/*
 * Products for few tokens: bound by how fast weights come from memory. A warp takes ROWS columns of the
 * result, reads their weights once, a chunk a lane, and multiplies them with each of up to TOKENS rows of x,
 * which stay in the caches. Tokens beyond the count repeat the last one and are not stored.
 */
#ifndef LLMIR_MATMUL_ROWS_CUH
#define LLMIR_MATMUL_ROWS_CUH

#include "warp.cuh"
#include "weight-rows.cuh"

#define ROWS_WARPS 4
#define ROWS_THREADS (ROWS_WARPS * WARP)

/* Columns of the result for each warp: more where they share more work on x. */
template <class Format>
__host__ __device__ constexpr int rows_of_warp(int tokens) {
  return tokens >= 4 || Format::SCALED ? 4 : tokens == 2 || Format::CHUNK > 4 ? 2 : 1;
}

template <class Format, int INNER, int TOKENS, int ROWS>
static __device__ __forceinline__ void sum_rows(const float *const (&x)[TOKENS], const void *w,
                                                int64_t columns,
                                                const int64_t (&row)[ROWS], float (&sum)[TOKENS][ROWS]) {
  /* Enough loads on their way, and not more text than the instruction cache holds. */
#pragma unroll (Format::CHUNK > 16 ? 1 : 2)
  for (int chunk = lane_of_warp(); chunk < Format::CHUNKS; chunk += WARP) {
    typename Format::Chunk weights[ROWS];
#pragma unroll
    for (int r = 0; r < ROWS; r++) weights[r] = Format::load(w, columns, row[r], chunk);
    float dot[TOKENS][ROWS] = {}, total[TOKENS] = {};
#pragma unroll
    for (int four = 0; four < Format::CHUNK / 4; four++) {
      float4 numbers[ROWS];
#pragma unroll
      for (int r = 0; r < ROWS; r++) numbers[r] = Format::numbers(weights[r], four);
#pragma unroll
      for (int t = 0; t < TOKENS; t++) {
        const float4 v = load_four_for<Format, INNER>(x[t], chunk * Format::CHUNK + 4 * four);
        if (Format::OFFSET != 0) total[t] += (v.x + v.y) + (v.z + v.w);
#pragma unroll
        for (int r = 0; r < ROWS; r++) {
          dot[t][r] += v.x * numbers[r].x;
          dot[t][r] += v.y * numbers[r].y;
          dot[t][r] += v.z * numbers[r].z;
          dot[t][r] += v.w * numbers[r].w;
        }
      }
    }
#pragma unroll
    for (int t = 0; t < TOKENS; t++)
#pragma unroll
      for (int r = 0; r < ROWS; r++)
        sum[t][r] = scaled_sum(weights[r], sum[t][r], dot[t][r], total[t], Format::OFFSET);
  }
}

/* out[tokens, OUTER] = x[tokens, INNER] w (+ addend); a block takes ROWS_WARPS * ROWS columns. */
template <class Format, int INNER, int OUTER, bool ADDS, int TOKENS>
static __device__ __forceinline__ void multiply_rows(int tokens, const float *x, const void *w,
                                                     const float *addend, float *out) {
  constexpr int ROWS = rows_of_warp<Format>(TOKENS);
  const int64_t first = ((int64_t)blockIdx.x * ROWS_WARPS + warp_of_block()) * ROWS;
  if (first >= OUTER) return;
  const float *x_rows[TOKENS];
#pragma unroll
  for (int t = 0; t < TOKENS; t++) x_rows[t] = x + (int64_t)(t < tokens ? t : tokens - 1) * INNER;
  int64_t rows[ROWS];
#pragma unroll
  for (int r = 0; r < ROWS; r++) rows[r] = first + r < OUTER ? first + r : OUTER - 1;
  float sum[TOKENS][ROWS] = {};
  sum_rows<Format, INNER, TOKENS, ROWS>(x_rows, w, OUTER, rows, sum);
#pragma unroll
  for (int t = 0; t < TOKENS; t++) {
#pragma unroll
    for (int r = 0; r < ROWS; r++) {
      const float whole = group_sum<WARP>(sum[t][r]);
      const int64_t at = t * (int64_t)OUTER + first + r;
      if (lane_of_warp() == 0 && t < tokens && first + r < OUTER) out[at] = ADDS ? addend[at] + whole : whole;
    }
  }
}

#endif
