/*
 * One step as kernels and their launchers see it, and how a kernel is launched. Everything runs on one
 * stream, in order, so that a kernel finds what the kernels before it wrote; the host waits once, at the end
 * of a step.
 */
#ifndef LLMIR_LAUNCH_CUH
#define LLMIR_LAUNCH_CUH

#include <stddef.h>
#include <stdint.h>

#include <cuda_runtime.h>

/* The batch and the model's memory. All pointers are the device's, but for `fault`. */
struct Step {
  int32_t T, S, R, C, B, P; /* tokens, sequences, rows, context slots, table width, blocks in the pool */
  const int32_t *tokens, *positions, *sequences, *rows, *block_table, *context_sequences, *context_positions;
  const int32_t *layer_numbers; /* [layers] 0, 1, 2, ...: the layer as an operand in memory */
  float *logits;                /* [R, vocabulary] */
  unsigned char *arena;         /* activations, at the plan's offsets */
  const unsigned char *weights; /* the weight file from its first byte */
  void *keys, *values;          /* [layers, P, block size, heads, head dim] in the cache's format */
  cudaStream_t stream;
  cudaError_t *fault; /* the first one of the step, on the host */
};

/* A host function with a kernel's name. It need not be called: a kernel's file compiles alone. */
#define LAUNCHER static __attribute__((unused)) void

#define JOIN_TEXT(a, b) a##b
#define JOIN(a, b) JOIN_TEXT(a, b)

static inline __attribute__((unused)) int64_t whole(int64_t count, int64_t size) {
  return (count + size - 1) / size;
}

static inline __attribute__((unused)) void note_fault(const Step *s, cudaError_t error) {
  if (*s->fault == cudaSuccess) *s->fault = error;
}

/* Queues `blocks` blocks of `threads` threads; nothing when there are none, which CUDA would refuse. */
template <typename... Parameters, typename... Arguments>
static void launch(const Step *s, void (*kernel)(Parameters...), int64_t blocks, int threads,
                   Arguments... arguments) {
  if (blocks == 0) return;
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3((unsigned)blocks);
  config.blockDim = dim3((unsigned)threads);
  config.stream = s->stream;
  note_fault(s, cudaLaunchKernelEx(&config, kernel, arguments...));
}

/* For kernels whose threads take units in strides of the whole grid: enough blocks to fill any device. */
#define UNIT_THREADS 256
#define MOST_UNIT_BLOCKS 65536

template <typename... Parameters, typename... Arguments>
static void launch_units(const Step *s, void (*kernel)(Parameters...), int64_t units,
                         Arguments... arguments) {
  const int64_t blocks = whole(units, UNIT_THREADS);
  launch(s, kernel, blocks < MOST_UNIT_BLOCKS ? blocks : MOST_UNIT_BLOCKS, UNIT_THREADS, arguments...);
}

static __device__ __forceinline__ int64_t first_unit() {
  return (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
}
static __device__ __forceinline__ int64_t unit_stride() { return (int64_t)gridDim.x * blockDim.x; }

/* Moves a value to its place. */
static inline __attribute__((unused)) void copy_value(const Step *s, void *to, const void *from,
                                                      int64_t bytes) {
  note_fault(s, cudaMemcpyAsync(to, from, (size_t)bytes, cudaMemcpyDeviceToDevice, s->stream));
}

#endif
