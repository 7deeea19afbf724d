/*
 * The part of mma.h that kernels use: TF32 fragments of 16 x 16 x 8. The hardware spreads a fragment over the
 * lanes of a warp; here lane 0 has all of it and does the work, so elements may only be touched all alike.
 * Operands lose the bits that TF32 does not have, whether or not the kernel rounded them away.
 */
#ifndef EMULATE_MMA_H
#define EMULATE_MMA_H

#include "cuda_runtime.h"

namespace nvcuda {
namespace wmma {

struct matrix_a {};
struct matrix_b {};
struct accumulator {};
struct row_major {};
struct col_major {};
namespace precision {
struct tf32 {};
}
enum layout_t { mem_row_major };

template <class Use, int M, int N, int K, class T, class Layout = void>
struct fragment;

template <>
struct fragment<matrix_a, 16, 16, 8, precision::tf32, row_major> {
  enum { num_elements = 16 * 8 };
  float x[num_elements];
};

template <>
struct fragment<matrix_b, 16, 16, 8, precision::tf32, col_major> {
  enum { num_elements = 16 * 8 };
  float x[num_elements];
};

template <>
struct fragment<accumulator, 16, 16, 8, float> {
  enum { num_elements = 16 * 16 };
  float x[num_elements];
};

inline bool is_first_lane() { return threadIdx.x % 32 == 0; }

/* All lanes of the warp must come by; the work is done when the last one has. */
inline void meet(const void *place, unsigned stride) {
  if ((uintptr_t)place % 32 != 0 || stride % 4 != 0) emulate::fault("a fragment that is not aligned");
  __syncwarp();
}

/* To the nearest, ties away from zero. */
inline float __float_to_tf32(float value) {
  return isfinite(value) ? __uint_as_float((__float_as_uint(value) + 0x1000u) & 0xffffe000u) : value;
}

inline float truncated(float value) { return __uint_as_float(__float_as_uint(value) & 0xffffe000u); }

template <class Fragment>
inline void fill_fragment(Fragment &to, float value) {
  for (float &each : to.x) each = value;
}

/* Row-major left operands and column-major right ones alike: 16 lines of 8 neighbours. */
template <class Fragment>
inline void load_matrix_sync(Fragment &to, const float *from, unsigned stride) {
  meet(from, stride);
  for (int i = 0; is_first_lane() && i < 16 * 8; i++) to.x[i] = from[i / 8 * stride + i % 8];
  __syncwarp();
}

template <class Left, class Right, class Sum>
inline void mma_sync(Sum &to, const Left &left, const Right &right, const Sum &sum) {
  __syncwarp();
  if (!is_first_lane()) return;
  for (int i = 0; i < 16; i++) {
    for (int j = 0; j < 16; j++) {
      float total = sum.x[i * 16 + j];
      for (int k = 0; k < 8; k++) total += truncated(left.x[i * 8 + k]) * truncated(right.x[j * 8 + k]);
      to.x[i * 16 + j] = total;
    }
  }
}

template <class Sum>
inline void store_matrix_sync(float *to, const Sum &from, unsigned stride, layout_t) {
  meet(to, stride);
  for (int i = 0; is_first_lane() && i < 16 * 16; i++) to[i / 16 * stride + i % 16] = from.x[i];
}

} /* namespace wmma */
} /* namespace nvcuda */

#endif
