/*
 * What a kernel knows of the thread that runs it. Every thread runs the whole step. A kernel's work is cut into
 * shares that threads claim one after another, so that none waits for a thread which the machine has put aside:
 * a barrier is passed when all shares are done, not when all threads have come.
 *
 *     for (Shares shares = shares_of(worker, units); next_share(&shares);)
 *       for (int64_t unit = shares.first; unit < shares.end; unit++) ...
 *
 * A thread that comes late finds every share claimed and follows the others from barrier to barrier, maybe after
 * the step's caller has gone on. So a kernel reads and writes nothing outside its shares, deals once between two
 * barriers, and leaves the loop by its end.
 */
#ifndef LLMIR_WORKER_H
#define LLMIR_WORKER_H

#include <stdint.h>

struct llmir_pool;

/* Where a thread is in the program. */
typedef struct Phase {
  uint32_t number; /* barriers passed, by all steps together */
  int32_t dealt;   /* whether shares were dealt since the last one */
} Phase;

typedef struct Worker {
  int32_t thread;  /* 0 .. threads-1 */
  int32_t threads;
  float *scratch;  /* this thread's own, 64-byte aligned, as large as the program asked for */
  void *shared;    /* the same for all threads; a kernel leaves the counters that it keeps there at 0 */
  Phase *phase;
  struct llmir_pool *pool;
} Worker;

/* More than one for each thread, so that one that is held up leaves its part to the others. */
#define SHARES_PER_THREAD 4

typedef struct Shares {
  const Worker *worker;
  int64_t units;
  int64_t first, end; /* of the present share */
  int32_t count;
  int32_t claimed;
} Shares;

/* Says that the present share is done; the next one, or -1. */
int32_t llmir_claim(const Worker *worker, int32_t shares, int32_t claimed);
void llmir_barrier(const Worker *worker);

/* `units` units of work in shares whose sizes differ by one at most. */
static inline Shares shares_of(const Worker *worker, int64_t units) {
  const int64_t most = worker->threads == 1 ? 1 : (int64_t)worker->threads * SHARES_PER_THREAD;
  return (Shares){.worker = worker, .units = units, .count = (int32_t)(units > most ? most : units > 1 ? units : 1)};
}

static inline int next_share(Shares *shares) {
  int32_t share = 0;
  if (shares->worker->threads > 1) share = llmir_claim(shares->worker, shares->count, shares->claimed);
  else if (shares->claimed) share = -1;
  if (share < 0) return 0;
  shares->claimed = 1;
  shares->first = shares->units * share / shares->count;
  shares->end = shares->units * (share + 1) / shares->count;
  return 1;
}

/* Units [first, end) of a kernel's work. */
typedef struct Share {
  int64_t first, end;
} Share;

/* One share for each thread, which no other thread takes over: the barrier behind it waits for all threads. */
static inline Share share_of(const Worker *worker, int64_t units) {
  Share share;
  share.first = units * worker->thread / worker->threads;
  share.end = units * (worker->thread + 1) / worker->threads;
  return share;
}

/* Ends a kernel: no thread goes on before its work is done. */
static inline void barrier(const Worker *worker) {
  if (worker->threads > 1) llmir_barrier(worker);
}

/* A kernel keeps its own frame, so that a profile names it. Alone in a file, it need not be called. */
#define KERNEL static __attribute__((noinline, unused)) void

#define JOIN_TEXT(a, b) a##b
#define JOIN(a, b) JOIN_TEXT(a, b)

#endif
