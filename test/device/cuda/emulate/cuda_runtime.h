/*
 * CUDA C++ on a CPU, for tests: kernels compile unchanged as plain C++ and run for real, slowly. What is
 * kept:
 *
 *   - every thread of a block runs on a stack of its own and gives way only at barriers and shuffles. A warp
 *     gets as far as it may before the next one starts, in ascending order or, when LLMIR_EMULATE_ORDER is
 *     "reverse", in descending order: a forgotten barrier shows in one of the two;
 *   - a barrier or shuffle that not all threads reach ends the program with a word on why;
 *   - shared memory is one object for all threads of a block; blocks run one after the other;
 *   - device memory is ordinary memory, so that sanitizers see every access to it.
 *
 * Blocks never overlap, so races between blocks go unseen, and so does all that concerns time.
 */
#ifndef EMULATE_CUDA_RUNTIME_H
#define EMULATE_CUDA_RUNTIME_H

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <vector>

#include <math.h>
#include <setjmp.h>
#include <ucontext.h>

#define __global__
#define __device__
#define __host__
#define __shared__ static
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)

struct dim3 {
  unsigned x = 1, y = 1, z = 1;
  dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};

struct alignas(16) float4 { float x, y, z, w; };
struct alignas(16) uint4 { unsigned x, y, z, w; };
struct alignas(8) uint2 { unsigned x, y; };
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }

inline float __uint_as_float(unsigned bits) { float value; memcpy(&value, &bits, 4); return value; }
inline unsigned __float_as_uint(float value) { unsigned bits; memcpy(&bits, &value, 4); return bits; }

inline dim3 threadIdx, blockIdx, blockDim, gridDim;

/* ---- Threads of a block ------------------------------------------------------------------------------ */

namespace emulate {

constexpr size_t STACK_BYTES = 256 << 10;

enum State { READY, AT_BLOCK, AT_WARP, DONE };

/* `context` only starts a thread; after that jumps are used, which make no system call. */
struct Thread {
  ucontext_t context;
  jmp_buf place;
  bool started;
  char *stack = nullptr;
  State state;
  int shuffles; /* so far: two values are kept for each lane, since a lane may be one shuffle ahead */
};

struct Block {
  std::vector<Thread> threads;
  std::vector<uint64_t> exchanged; /* [2][threads] */
  jmp_buf scheduler;
  const std::function<void()> *body;
  unsigned current;
};

inline Block block;

[[noreturn]] inline void fault(const char *what) {
  fprintf(stderr, "emulated kernel, block %u: %s\n", blockIdx.x, what);
  exit(70);
}

inline void give_way(State state) {
  Thread &thread = block.threads[block.current];
  thread.state = state;
  if (_setjmp(thread.place) == 0) _longjmp(block.scheduler, 1);
}

inline void enter() {
  (*block.body)();
  give_way(DONE);
}

inline void start(unsigned i) {
  Thread &thread = block.threads[i];
  if (thread.stack == nullptr) thread.stack = (char *)malloc(STACK_BYTES);
  getcontext(&thread.context);
  thread.context.uc_stack.ss_sp = thread.stack;
  thread.context.uc_stack.ss_size = STACK_BYTES;
  thread.context.uc_link = nullptr;
  makecontext(&thread.context, enter, 0);
  thread.state = READY;
  thread.started = false;
  thread.shuffles = 0;
}

inline void resume(Thread &thread) {
  if (_setjmp(block.scheduler) != 0) return;
  if (thread.started) _longjmp(thread.place, 1);
  thread.started = true;
  setcontext(&thread.context);
}

/* Lets the lanes of a warp go on when all of them have arrived. */
inline bool release_warp(unsigned first, unsigned end) {
  unsigned waiting = 0;
  for (unsigned i = first; i < end; i++) waiting += block.threads[i].state == AT_WARP;
  if (waiting == 0) return false;
  for (unsigned i = first; i < end; i++)
    if (block.threads[i].state == DONE) fault("a lane left before a shuffle or barrier of its warp");
  if (waiting < end - first) return false;
  for (unsigned i = first; i < end; i++) block.threads[i].state = READY;
  return true;
}

/* A warp runs until each lane waits for other warps or has left: as far ahead of them as it may get. */
inline void run_warp(unsigned first, unsigned end, bool reverse) {
  do {
    for (unsigned i = first; i < end; i++) {
      block.current = reverse ? end - 1 - (i - first) : i;
      threadIdx.x = block.current;
      if (block.threads[block.current].state == READY) resume(block.threads[block.current]);
    }
  } while (release_warp(first, end));
}

inline bool release_block(unsigned count) {
  bool any = false;
  for (unsigned i = 0; i < count; i++) {
    if (block.threads[i].state == AT_WARP) fault("lanes of a warp wait for each other at different places");
    any = any || block.threads[i].state == AT_BLOCK;
  }
  for (unsigned i = 0; any && i < count; i++)
    if (block.threads[i].state == AT_BLOCK) block.threads[i].state = READY;
  return any;
}

inline void run_block(const std::function<void()> &body) {
  const unsigned count = blockDim.x, warps = (count + 31) / 32;
  const char *const order = getenv("LLMIR_EMULATE_ORDER");
  const bool reverse = order != nullptr && strcmp(order, "reverse") == 0;
  if (block.threads.size() < count) block.threads.resize(count);
  block.exchanged.resize(2 * count);
  block.body = &body;
  for (unsigned i = 0; i < count; i++) start(i);
  do {
    for (unsigned i = 0; i < warps; i++) {
      const unsigned first = 32 * (reverse ? warps - 1 - i : i);
      run_warp(first, first + 32 < count ? first + 32 : count, reverse);
    }
  } while (release_block(count));
}

} /* namespace emulate */

inline void __syncthreads() { emulate::give_way(emulate::AT_BLOCK); }
inline void __syncwarp() { emulate::give_way(emulate::AT_WARP); }

template <class T>
inline T __shfl_xor_sync(unsigned mask, T value, int offset) {
  if (mask != 0xffffffffu || blockDim.x % 32 != 0) emulate::fault("a shuffle of part of a warp");
  emulate::Thread &thread = emulate::block.threads[emulate::block.current];
  const unsigned lane = emulate::block.current;
  uint64_t *const slots = emulate::block.exchanged.data() + (thread.shuffles++ % 2) * blockDim.x;
  memcpy(&slots[lane], &value, sizeof value);
  emulate::give_way(emulate::AT_WARP);
  T other;
  memcpy(&other, &slots[lane ^ (unsigned)offset], sizeof other);
  return other;
}

/* Four signed bytes times four, added to a sum. */
inline int __dp4a(int a, int b, int sum) {
  for (int i = 0; i < 4; i++) sum += (int8_t)((unsigned)a >> 8 * i) * (int8_t)((unsigned)b >> 8 * i);
  return sum;
}

/* ---- The runtime ------------------------------------------------------------------------------------- */

enum cudaError_t {
  cudaSuccess = 0,
  cudaErrorInvalidValue = 1,
  cudaErrorMemoryAllocation = 2,
  cudaErrorInvalidConfiguration = 9
};
enum cudaMemcpyKind { cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost, cudaMemcpyDeviceToDevice };
typedef struct emulate_stream *cudaStream_t;
enum { cudaStreamNonBlocking = 1 };

inline const char *cudaGetErrorString(cudaError_t error) {
  return error == cudaSuccess ? "no error" : "emulated error";
}
inline cudaError_t cudaGetLastError() { return cudaSuccess; }
inline cudaError_t cudaDriverGetVersion(int *version) { *version = 1; return cudaSuccess; }
inline cudaError_t cudaGetDeviceCount(int *count) { *count = 1; return cudaSuccess; }
inline cudaError_t cudaMalloc(void **to, size_t bytes) {
  if (posix_memalign(to, 256, bytes) != 0) return cudaErrorMemoryAllocation;
  /* What a kernel reads before it is written is a NaN. */
  memset(*to, 0xff, bytes);
  return cudaSuccess;
}
inline cudaError_t cudaMallocHost(void **to, size_t bytes) { return cudaMalloc(to, bytes); }
inline cudaError_t cudaFree(void *memory) { free(memory); return cudaSuccess; }
inline cudaError_t cudaFreeHost(void *memory) { return cudaFree(memory); }
inline cudaError_t cudaMemset(void *to, int value, size_t bytes) {
  memset(to, value, bytes);
  return cudaSuccess;
}
inline cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes, cudaMemcpyKind) {
  memmove(to, from, bytes);
  return cudaSuccess;
}
inline cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind kind,
                                   cudaStream_t) {
  return cudaMemcpy(to, from, bytes, kind);
}
inline cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned) {
  *stream = (cudaStream_t)malloc(1);
  return cudaSuccess;
}
inline cudaError_t cudaStreamSynchronize(cudaStream_t) { return cudaSuccess; }
inline cudaError_t cudaDeviceSynchronize() { return cudaSuccess; }
inline cudaError_t cudaStreamDestroy(cudaStream_t stream) { free(stream); return cudaSuccess; }

struct cudaLaunchConfig_t {
  dim3 gridDim, blockDim;
  cudaStream_t stream;
};

template <typename... Parameters, typename... Arguments>
inline cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t *config, void (*kernel)(Parameters...),
                                      Arguments... arguments) {
  if (config->gridDim.x == 0 || config->blockDim.x == 0 || config->blockDim.x > 1024)
    return cudaErrorInvalidConfiguration;
  const std::function<void()> body = [&] { kernel(static_cast<Parameters>(arguments)...); };
  gridDim = config->gridDim;
  blockDim = config->blockDim;
  for (unsigned i = 0; i < config->gridDim.x; i++) {
    blockIdx.x = i;
    emulate::run_block(body);
  }
  return cudaSuccess;
}

#endif
