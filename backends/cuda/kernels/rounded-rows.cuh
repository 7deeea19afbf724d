/*
 * Products of rows of x that are rounded to 8-bit codes, group by group, with codes of weights: four at a
 * time. A warp takes ROWS columns of the result as in matmul-rows.cuh; it rounds what a chunk of weights
 * meets in registers, the lanes that share a group of columns together. Tokens beyond the count repeat the
 * last one and are not stored.
 */
#ifndef LLMIR_ROUNDED_ROWS_CUH
#define LLMIR_ROUNDED_ROWS_CUH

#include <float.h>

#include "matmul-rows.cuh"

/* A lane's part of a row, as codes four in a word, and the scale of its group. */
template <int FOURS>
struct RoundedChunk {
  int words[FOURS];
  float scale;
};

static __device__ __forceinline__ int code_of(float value, float inverse) {
  const float steps = value * inverse;
  /* Halves go away from zero. */
  return (int)(steps + copysignf(0.5f, steps)) & 0xff;
}

/* The greatest number of WIDTH neighbouring lanes, the same in each of them. */
template <int WIDTH>
static __device__ __forceinline__ float group_maximum(float value) {
#pragma unroll
  for (int offset = WIDTH / 2; offset > 0; offset /= 2)
    value = fmaxf(value, __shfl_xor_sync(ALL_LANES, value, offset));
  return value;
}

/*
 * The scale is the largest magnitude / 127, in half precision where that has it as a normal number. A group
 * with an infinity or a NaN has codes 0 and a NaN for scale.
 */
template <int FOURS, int GROUP_LANES>
static __device__ __forceinline__ RoundedChunk<FOURS> round_chunk(const float4 (&x)[FOURS]) {
  float largest = 0.0f;
#pragma unroll
  for (int i = 0; i < FOURS; i++) {
    const float four[] = {x[i].x, x[i].y, x[i].z, x[i].w};
#pragma unroll
    for (int k = 0; k < 4; k++) largest = fabsf(four[k]) <= FLT_MAX ? fmaxf(largest, fabsf(four[k])) : INFINITY;
  }
  largest = group_maximum<GROUP_LANES>(largest);
  const float exact = largest / 127.0f, inverse = largest > 0.0f ? 127.0f / largest : 0.0f;
  const bool is_half = exact >= 0x1p-14f && exact <= 65504.0f;
  RoundedChunk<FOURS> rounded;
  rounded.scale = largest > FLT_MAX ? NAN : is_half ? from_half(to_half(exact)) : exact;
#pragma unroll
  for (int i = 0; i < FOURS; i++) {
    const int a = code_of(x[i].x, inverse), b = code_of(x[i].y, inverse);
    const int c = code_of(x[i].z, inverse), d = code_of(x[i].w, inverse);
    rounded.words[i] = largest > FLT_MAX ? 0 : a | b << 8 | c << 16 | (int)((unsigned)d << 24);
  }
  return rounded;
}

template <class Format, int INNER, int TOKENS, int ROWS>
static __device__ __forceinline__ void sum_rounded(const float *const (&x)[TOKENS], const void *w,
                                                   int64_t columns, const int64_t (&row)[ROWS],
                                                   float (&sum)[TOKENS][ROWS]) {
  constexpr int FOURS = Format::CHUNK / 4, GROUP_LANES = Format::GROUP_SIZE / Format::CHUNK;
  static_assert(GROUP_LANES >= 1 && WARP % GROUP_LANES == 0, "lanes of a group are lanes of one warp");
  /* Lanes past the end take part in shuffles with zeros. */
#pragma unroll 1
  for (int first = 0; first < Format::CHUNKS; first += WARP) {
    const int chunk = first + lane_of_warp();
    const bool has = chunk < Format::CHUNKS;
    typename Format::Chunk weights[ROWS];
#pragma unroll
    for (int r = 0; r < ROWS; r++) weights[r] = Format::load(w, columns, row[r], has ? chunk : 0);
#pragma unroll
    for (int t = 0; t < TOKENS; t++) {
      float4 fours[FOURS];
#pragma unroll
      for (int i = 0; i < FOURS; i++) fours[i] = load_four<INNER>(x[t], chunk * Format::CHUNK + 4 * i);
      const RoundedChunk<FOURS> rounded = round_chunk<FOURS, GROUP_LANES>(fours);
      int total = 0;
      if (Format::OFFSET != 0) {
#pragma unroll
        for (int i = 0; i < FOURS; i++) total = __dp4a(rounded.words[i], 0x01010101, total);
      }
#pragma unroll
      for (int r = 0; r < ROWS; r++) {
        int dot = -Format::OFFSET * total;
#pragma unroll
        for (int i = 0; i < FOURS; i++) dot = __dp4a(rounded.words[i], (int)Format::codes(weights[r], i), dot);
        if (has) sum[t][r] += (float)dot * rounded.scale * weights[r].scale;
      }
    }
  }
}

/*
 * out[tokens, OUTER] = rounded x[tokens, INNER] w (+ addend); a block takes ROWS_WARPS * ROWS columns of
 * TOKENS tokens, blocks of the same tokens follow each other.
 */
template <class Format, int INNER, int OUTER, bool ADDS, int TOKENS>
static __device__ __forceinline__ void multiply_rounded(int64_t tokens, const float *x, const void *w,
                                                        const float *addend, float *out) {
  constexpr int ROWS = rows_of_warp<Format>(TOKENS);
  constexpr int BLOCKS = (OUTER + ROWS_WARPS * ROWS - 1) / (ROWS_WARPS * ROWS);
  const int64_t first = ((int64_t)(blockIdx.x % BLOCKS) * ROWS_WARPS + warp_of_block()) * ROWS;
  const int64_t first_token = (int64_t)(blockIdx.x / BLOCKS) * TOKENS;
  if (first >= OUTER) return;
  const float *x_rows[TOKENS];
#pragma unroll
  for (int t = 0; t < TOKENS; t++) {
    const int64_t token = first_token + t;
    x_rows[t] = x + (token < tokens ? token : tokens - 1) * INNER;
  }
  int64_t rows[ROWS];
#pragma unroll
  for (int r = 0; r < ROWS; r++) rows[r] = first + r < OUTER ? first + r : OUTER - 1;
  float sum[TOKENS][ROWS] = {};
  sum_rounded<Format, INNER, TOKENS, ROWS>(x_rows, w, OUTER, rows, sum);
#pragma unroll
  for (int t = 0; t < TOKENS; t++) {
#pragma unroll
    for (int r = 0; r < ROWS; r++) {
      const float whole = group_sum<WARP>(sum[t][r]);
      const int64_t token = first_token + t, at = token * OUTER + first + r;
      if (lane_of_warp() == 0 && token < tokens && first + r < OUTER) out[at] = ADDS ? addend[at] + whole : whole;
    }
  }
}

#endif
