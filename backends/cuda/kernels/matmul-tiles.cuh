/*
 * Products for many tokens, on tensor cores, as exact as sums in single precision are. A block computes a
 * tile of 64 tokens and 128 columns; its 8 warps take 32 x 32 each. Steps of 32 along K go through shared
 * memory as f32; the next step's numbers are fetched into registers while this one's are multiplied.
 *
 * Tensor cores take TF32, 11 significant bits. A number becomes a large part and the small part that is left
 * (Markidis et al. 2018): 22 bits in two parts. f16 and bf16 weights are TF32 already and need one. The
 * product of two small parts is below the last bit and left out. Not for infinite x: the small part would be
 * a NaN.
 */
#ifndef LLMIR_MATMUL_TILES_CUH
#define LLMIR_MATMUL_TILES_CUH

#include <mma.h>

#include "warp.cuh"
#include "weight-rows.cuh"

#define TILE_TOKENS 64
#define TILE_COLUMNS 128
#define TILE_K 32
#define TILE_WARPS 8
#define TILE_THREADS (TILE_WARPS * WARP)
/* Rows of a tile in shared memory lie 36 apart: no two lanes of a load meet in a bank. */
#define TILE_STRIDE (TILE_K + 4)
#define FRAGMENT 16
#define FRAGMENT_K 8
#define FRAGMENT_STRIDE (FRAGMENT + 4)

typedef nvcuda::wmma::fragment<nvcuda::wmma::matrix_a, FRAGMENT, FRAGMENT, FRAGMENT_K,
                               nvcuda::wmma::precision::tf32, nvcuda::wmma::row_major> LeftFragment;
typedef nvcuda::wmma::fragment<nvcuda::wmma::matrix_b, FRAGMENT, FRAGMENT, FRAGMENT_K,
                               nvcuda::wmma::precision::tf32, nvcuda::wmma::col_major> RightFragment;
typedef nvcuda::wmma::fragment<nvcuda::wmma::accumulator, FRAGMENT, FRAGMENT, FRAGMENT_K, float> SumFragment;

struct ProductTiles {
  alignas(32) float x[TILE_TOKENS][TILE_STRIDE];
  alignas(32) float w[TILE_COLUMNS][TILE_STRIDE];
  /* Where a warp's fragments are put down to be stored row by row. */
  alignas(32) float sums[TILE_WARPS][FRAGMENT][FRAGMENT_STRIDE];
};

/* One step of K of a tile, on its way from memory: pieces of x and chunks of w of one thread. */
template <class Format, int INNER, int OUTER>
struct TileStep {
  enum {
    X_FOURS = TILE_TOKENS * TILE_K / 4 / TILE_THREADS,
    ROW_CHUNKS = TILE_K / Format::CHUNK,
    W_CHUNKS = (TILE_COLUMNS * ROW_CHUNKS + TILE_THREADS - 1) / TILE_THREADS
  };
  float4 x[X_FOURS];
  typename Format::Chunk w[W_CHUNKS];

  __device__ __forceinline__ void load(const float *from, const void *weights, int64_t tokens, int step) {
#pragma unroll
    for (int i = 0; i < X_FOURS; i++) {
      const int at = i * TILE_THREADS + (int)threadIdx.x, row = at / (TILE_K / 4);
      const int k = step * TILE_K + at % (TILE_K / 4) * 4;
      x[i] = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
      if (row < tokens) x[i] = load_four<INNER>(from + (int64_t)row * INNER, k);
    }
#pragma unroll
    for (int i = 0; i < W_CHUNKS; i++) {
      const int at = i * TILE_THREADS + (int)threadIdx.x, chunk = step * ROW_CHUNKS + at % ROW_CHUNKS;
      const int64_t row = first_column() + at / ROW_CHUNKS;
      w[i] = {};
      if (at < TILE_COLUMNS * ROW_CHUNKS && row < OUTER && chunk < Format::CHUNKS)
        w[i] = Format::load(weights, OUTER, row, chunk);
    }
  }

  __device__ __forceinline__ void put(ProductTiles &tiles) const {
#pragma unroll
    for (int i = 0; i < X_FOURS; i++) {
      const int at = i * TILE_THREADS + (int)threadIdx.x;
      *(float4 *)&tiles.x[at / (TILE_K / 4)][at % (TILE_K / 4) * 4] = Format::NARROW ? narrowed(x[i]) : x[i];
    }
#pragma unroll
    for (int i = 0; i < W_CHUNKS; i++) {
      const int at = i * TILE_THREADS + (int)threadIdx.x;
      if (at >= TILE_COLUMNS * ROW_CHUNKS) continue;
#pragma unroll
      for (int four = 0; four < Format::CHUNK / 4; four++)
        *(float4 *)&tiles.w[at / ROW_CHUNKS][at % ROW_CHUNKS * Format::CHUNK + 4 * four] =
            meaning_of(w[i], Format::numbers(w[i], four), Format::OFFSET);
    }
  }

  /* Tiles of one column follow each other, so that blocks that run at once read the same weights. */
  static __device__ __forceinline__ int64_t first_column() {
    return (int64_t)(blockIdx.x % ((OUTER + TILE_COLUMNS - 1) / TILE_COLUMNS)) * TILE_COLUMNS;
  }
  static __device__ __forceinline__ int64_t first_token() {
    return (int64_t)(blockIdx.x / ((OUTER + TILE_COLUMNS - 1) / TILE_COLUMNS)) * TILE_TOKENS;
  }
};

/* Leaves the large part in `number`. */
template <class Fragment>
static __device__ __forceinline__ void split(Fragment &number, Fragment &small) {
#pragma unroll
  for (int i = 0; i < number.num_elements; i++) {
    const float large = nvcuda::wmma::__float_to_tf32(number.x[i]);
    small.x[i] = nvcuda::wmma::__float_to_tf32(number.x[i] - large);
    number.x[i] = large;
  }
}

/* One step of K of a warp's 32 x 32 results. Numbers that are TF32 already have no small part. */
template <bool EXACT_X, bool EXACT_W>
static __device__ __forceinline__ void multiply_step(const ProductTiles &tiles, int token, int column,
                                                     SumFragment (&sum)[2][2]) {
  /* Not unrolled: two blocks share a multiprocessor's registers, and one computes while the other waits. */
#pragma unroll 1
  for (int k = 0; k < TILE_K; k += FRAGMENT_K) {
    LeftFragment left[2], left_small[2];
#pragma unroll
    for (int i = 0; i < 2; i++) {
      nvcuda::wmma::load_matrix_sync(left[i], &tiles.x[token + i * FRAGMENT][k], TILE_STRIDE);
      if (!EXACT_X) split(left[i], left_small[i]);
    }
#pragma unroll
    for (int j = 0; j < 2; j++) {
      RightFragment right, right_small;
      nvcuda::wmma::load_matrix_sync(right, &tiles.w[column + j * FRAGMENT][k], TILE_STRIDE);
      if (!EXACT_W) split(right, right_small);
#pragma unroll
      for (int i = 0; i < 2; i++) {
        if (!EXACT_X) nvcuda::wmma::mma_sync(sum[i][j], left_small[i], right, sum[i][j]);
        if (!EXACT_W) nvcuda::wmma::mma_sync(sum[i][j], left[i], right_small, sum[i][j]);
        nvcuda::wmma::mma_sync(sum[i][j], left[i], right, sum[i][j]);
      }
    }
  }
}

/* out[tokens, OUTER] = x[tokens, INNER] w (+ addend), a tile a block. */
template <class Format, int INNER, int OUTER, bool ADDS>
static __device__ __forceinline__ void multiply_tile(int64_t tokens, const float *x, const void *w,
                                                     const float *addend, float *out) {
  constexpr int STEPS = (INNER + TILE_K - 1) / TILE_K;
  typedef TileStep<Format, INNER, OUTER> Step;
  __shared__ ProductTiles tiles;
  const int64_t first_token = Step::first_token(), first_column = Step::first_column();
  const int64_t left = tokens - first_token;
  const int warp = warp_of_block(), token = warp / 4 * 32, column = warp % 4 * 32;
  SumFragment sum[2][2];
#pragma unroll
  for (int i = 0; i < 4; i++) nvcuda::wmma::fill_fragment(sum[i / 2][i % 2], 0.0f);
  Step next;
  next.load(x + first_token * INNER, w, left, 0);
  for (int step = 0; step < STEPS; step++) {
    next.put(tiles);
    __syncthreads();
    if (step + 1 < STEPS) next.load(x + first_token * INNER, w, left, step + 1);
    multiply_step<Format::NARROW, Format::EXACT_TF32>(tiles, token, column, sum);
    __syncthreads();
  }
#pragma unroll
  for (int i = 0; i < 4; i++) {
    nvcuda::wmma::store_matrix_sync(&tiles.sums[warp][0][0], sum[i / 2][i % 2], FRAGMENT_STRIDE,
                                    nvcuda::wmma::mem_row_major);
    __syncwarp();
    for (int at = lane_of_warp(); at < FRAGMENT * FRAGMENT; at += WARP) {
      const int64_t t = first_token + token + i / 2 * FRAGMENT + at / FRAGMENT;
      const int64_t n = first_column + column + i % 2 * FRAGMENT + at % FRAGMENT;
      const float whole = tiles.sums[warp][at / FRAGMENT][at % FRAGMENT];
      if (t < tokens && n < OUTER) out[t * OUTER + n] = ADDS ? addend[t * OUTER + n] + whole : whole;
    }
    __syncwarp();
  }
}

#endif
