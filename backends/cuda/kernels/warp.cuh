/*
 * What the threads of a warp and of a block do together. All 32 lanes of a warp take part in each call.
 */
#ifndef LLMIR_WARP_CUH
#define LLMIR_WARP_CUH

#include <cuda_runtime.h>

#define WARP 32
#define ALL_LANES 0xffffffffu

static __device__ __forceinline__ int lane_of_warp() { return (int)threadIdx.x % WARP; }
static __device__ __forceinline__ int warp_of_block() { return (int)threadIdx.x / WARP; }

/* The sum over groups of `WIDTH` neighbouring lanes, the same in each lane of a group. */
template <int WIDTH>
static __device__ __forceinline__ float group_sum(float value) {
#pragma unroll
  for (int offset = WIDTH / 2; offset > 0; offset /= 2) value += __shfl_xor_sync(ALL_LANES, value, offset);
  return value;
}

/* The sum over a block of WARPS warps, the same in each thread. `parts` is WARPS floats of shared memory. */
template <int WARPS>
static __device__ __forceinline__ float block_sum(float value, float *parts) {
  const float part = group_sum<WARP>(value);
  if (WARPS == 1) return part;
  if (lane_of_warp() == 0) parts[warp_of_block()] = part;
  __syncthreads();
  float total = 0.0f;
#pragma unroll
  for (int i = 0; i < WARPS; i++) total += parts[i];
  return total;
}

#endif
