/*
 * The team of threads and its barrier.
 *
 * A barrier is passed some hundred times a token, so a thread first spins on the barrier's generation;
 * but the machine may have fewer free cores than threads, and then the thread waited for cannot run
 * while we spin. After a bounded number of turns the waiting thread therefore sleeps.
 */
#define _GNU_SOURCE
#include "pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* Some tens of microseconds: as long as a sleep and a wake-up cost. */
#define SPIN_TURNS 1000
#define CACHE_LINE 64

typedef struct Member {
  Worker worker;
  pthread_t thread;
} Member;

struct llmir_pool {
  int32_t threads;
  int32_t started; /* threads that run besides the caller */
  Member *members;
  float *scratch;
  const Step *step; /* of the present run; NULL asks the threads to end */
  pthread_mutex_t mutex;
  pthread_cond_t wake;
  /* Each on a line of its own: all threads write `arrived`, all read `generation`. */
  _Alignas(CACHE_LINE) atomic_int arrived;
  _Alignas(CACHE_LINE) atomic_uint generation;
  _Alignas(CACHE_LINE) atomic_int sleepers;
};

static inline void pause_briefly(void) {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  __asm__ __volatile__("yield");
#endif
}

/* The last to arrive. `sleepers` is read after `generation` is written, and the other way round below. */
static void release(llmir_pool *pool, unsigned next) {
  atomic_store_explicit(&pool->arrived, 0, memory_order_relaxed);
  atomic_store(&pool->generation, next);
  if (atomic_load(&pool->sleepers) == 0) return;
  pthread_mutex_lock(&pool->mutex);
  pthread_cond_broadcast(&pool->wake);
  pthread_mutex_unlock(&pool->mutex);
}

static void sleep_until_released(llmir_pool *pool, unsigned generation) {
  pthread_mutex_lock(&pool->mutex);
  atomic_fetch_add(&pool->sleepers, 1);
  while (atomic_load(&pool->generation) == generation) pthread_cond_wait(&pool->wake, &pool->mutex);
  atomic_fetch_sub(&pool->sleepers, 1);
  pthread_mutex_unlock(&pool->mutex);
}

void llmir_barrier(const Worker *worker) {
  llmir_pool *const pool = worker->pool;
  const unsigned generation = atomic_load_explicit(&pool->generation, memory_order_relaxed);
  if (atomic_fetch_add(&pool->arrived, 1) + 1 == pool->threads) {
    release(pool, generation + 1);
    return;
  }
  for (int turn = 0; turn < SPIN_TURNS; turn++) {
    if (atomic_load_explicit(&pool->generation, memory_order_acquire) != generation) return;
    pause_briefly();
  }
  sleep_until_released(pool, generation);
}

static void *serve(void *argument) {
  const Worker *const worker = argument;
  for (;;) {
    llmir_barrier(worker);
    const Step *const step = worker->pool->step;
    if (step == NULL) return NULL;
    llmir_program(step, worker);
    llmir_barrier(worker);
  }
}

llmir_pool *llmir_pool_open(int32_t threads, size_t scratch_bytes) {
  const size_t scratch_stride = (scratch_bytes + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE + CACHE_LINE;
  llmir_pool *pool = NULL;
  if (posix_memalign((void **)&pool, CACHE_LINE, sizeof *pool) != 0) return NULL;
  memset(pool, 0, sizeof *pool);
  pool->threads = threads;
  pthread_mutex_init(&pool->mutex, NULL);
  pthread_cond_init(&pool->wake, NULL);
  pool->members = calloc((size_t)threads, sizeof *pool->members);
  if (pool->members == NULL ||
      posix_memalign((void **)&pool->scratch, CACHE_LINE, scratch_stride * (size_t)threads) != 0) {
    pool->scratch = NULL;
    llmir_pool_close(pool);
    return NULL;
  }
  for (int32_t i = 0; i < threads; i++) {
    Worker *const worker = &pool->members[i].worker;
    *worker = (Worker){.thread = i, .threads = threads, .pool = pool};
    worker->scratch = pool->scratch + scratch_stride / sizeof(float) * (size_t)i;
  }
  for (int32_t i = 1; i < threads; i++) {
    if (pthread_create(&pool->members[i].thread, NULL, serve, &pool->members[i].worker) != 0) {
      llmir_pool_close(pool);
      return NULL;
    }
    pool->started++;
  }
  return pool;
}

void llmir_pool_run(llmir_pool *pool, const Step *step) {
  const Worker *const worker = &pool->members[0].worker;
  if (pool->threads == 1) {
    llmir_program(step, worker);
    return;
  }
  pool->step = step;
  llmir_barrier(worker);
  llmir_program(step, worker);
  llmir_barrier(worker);
}

/* Also ends a team that is not complete: the barrier then waits for those that started. */
void llmir_pool_close(llmir_pool *pool) {
  if (pool == NULL) return;
  if (pool->started > 0) {
    pool->step = NULL;
    /* Threads that never started arrive here all at once; the caller's own arrival releases the rest. */
    atomic_fetch_add(&pool->arrived, pool->threads - 1 - pool->started);
    llmir_barrier(&pool->members[0].worker);
    for (int32_t i = 1; i <= pool->started; i++) pthread_join(pool->members[i].thread, NULL);
  }
  pthread_cond_destroy(&pool->wake);
  pthread_mutex_destroy(&pool->mutex);
  free(pool->scratch);
  free(pool->members);
  free(pool);
}
