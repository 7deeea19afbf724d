/*
 * What a kernel knows of the thread that runs it. Every thread runs the whole step; inside a kernel it
 * does its own share, and a barrier after the kernel makes the shares one result.
 */
#ifndef LLMIR_WORKER_H
#define LLMIR_WORKER_H

#include <stdint.h>

struct llmir_pool;

typedef struct Worker {
  int32_t thread;  /* 0 .. threads-1 */
  int32_t threads;
  float *scratch;  /* this thread's own, 64-byte aligned, as large as the program asked for */
  struct llmir_pool *pool;
} Worker;

/* Units [first, end) of a kernel's work. */
typedef struct Share {
  int64_t first, end;
} Share;

/* One contiguous share of `units` for each thread; sizes differ by one at most. */
static inline Share share_of(const Worker *worker, int64_t units) {
  Share share;
  share.first = units * worker->thread / worker->threads;
  share.end = units * (worker->thread + 1) / worker->threads;
  return share;
}

void llmir_barrier(const Worker *worker);

/* Ends a kernel: no thread goes on before all have arrived. */
static inline void barrier(const Worker *worker) {
  if (worker->threads > 1) llmir_barrier(worker);
}

/* A kernel keeps its own frame, so that a profile names it. Alone in a file, it need not be called. */
#define KERNEL static __attribute__((noinline, unused)) void

#define JOIN_TEXT(a, b) a##b
#define JOIN(a, b) JOIN_TEXT(a, b)

#endif
