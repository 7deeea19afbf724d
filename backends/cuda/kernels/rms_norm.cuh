/*
 * out[rows, D] = x / sqrt(mean(x^2) + epsilon) * weight. One block a row, which it reads once and keeps in
 * registers, so that `out` may be `x` itself.
 *
 *   NAME     the launcher; its kernel is NAME_kernel
 *   D        elements of a row
 *   EPSILON  added to the mean square
 */
#include "../runtime/launch.cuh"
#include "warp.cuh"

#ifndef NAME
#define NAME rms_norm
#define D 4096
#define EPSILON 1e-5f
#endif

#define WARPS (D >= 4096 ? 32 : (D + 4 * WARP - 1) / (4 * WARP))
#define THREADS (WARPS * WARP)
#define ELEMENTS ((D + THREADS - 1) / THREADS)

static __global__ void __launch_bounds__(THREADS)
    JOIN(NAME, _kernel)(const float *x, const float *weight, float *out) {
  __shared__ float parts[WARPS];
  const float *const from = x + (int64_t)blockIdx.x * D;
  float *const to = out + (int64_t)blockIdx.x * D;
  float value[ELEMENTS], squares = 0.0f;
#pragma unroll
  for (int i = 0; i < ELEMENTS; i++) {
    const int at = i * THREADS + (int)threadIdx.x;
    value[i] = at < D ? from[at] : 0.0f;
    squares += value[i] * value[i];
  }
  const float mean = block_sum<WARPS>(squares, parts) / (float)D;
  const float scale = 1.0f / sqrtf(mean + EPSILON);
#pragma unroll
  for (int i = 0; i < ELEMENTS; i++) {
    const int at = i * THREADS + (int)threadIdx.x;
    if (at < D) to[at] = value[i] * scale * weight[at];
  }
}

LAUNCHER NAME(const Step *s, int64_t rows, const float *x, const float *weight, float *out) {
  launch(s, JOIN(NAME, _kernel), rows, THREADS, x, weight, out);
}

#undef WARPS
#undef THREADS
#undef ELEMENTS
#undef NAME
#undef D
#undef EPSILON
