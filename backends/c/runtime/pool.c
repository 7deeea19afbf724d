/*
 * The team of threads.
 *
 * A step is a row of phases with a barrier behind each. The shares of the present phase are claimed from one
 * counter, which carries the phase's number: whoever is still in an earlier phase finds nothing to claim. The thread
 * that finishes the last share opens the next phase. So a thread that the machine has put aside between two shares is
 * not waited for, and catches up when it runs again, even in a later step: it works on a copy of the step, and
 * touches nothing outside a share.
 *
 * A barrier is passed some hundred times a token, so a thread first spins; but the machine may have fewer free cores
 * than threads, and then the thread waited for cannot run while we spin: after some turns the waiting thread sleeps.
 *
 * Threads go where the system puts them. With LLMIR_PIN_THREADS=1 in the environment (Linux), thread i stays on the
 * i-th processor that the program may use; the caller, which is thread 0, is left alone.
 */
#define _GNU_SOURCE
#include "pool.h"

#include <pthread.h>
#include <sched.h>
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
  Phase phase;
  pthread_t thread;
} Member;

struct llmir_pool {
  int32_t threads;
  int32_t started; /* threads that run besides the caller */
  Member *members;
  float *scratch;
  void *shared_memory; /* as it was taken */
  /* Of the present step, under the mutex. */
  Step step;
  uint32_t first_phase;
  int32_t active; /* threads that take part; 0 asks all to end */
  pthread_mutex_t mutex;
  pthread_cond_t wake;
  _Alignas(CACHE_LINE) atomic_uint_least64_t claims; /* the phase in the upper half, its claimed shares in the lower */
  _Alignas(CACHE_LINE) atomic_int finished;          /* shares of the phase that are done, or threads that have come */
  _Alignas(CACHE_LINE) atomic_uint steps;            /* begun so far */
  atomic_int sleepers;
};

static inline void pause_briefly(void) {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  __asm__ __volatile__("yield");
#endif
}

static uint32_t present_phase(llmir_pool *pool) { return (uint32_t)(atomic_load(&pool->claims) >> 32); }

/* `sleepers` is read after what is waited for was written, and the other way round in wait_until. */
static void wake_sleepers(llmir_pool *pool) {
  if (atomic_load(&pool->sleepers) == 0) return;
  pthread_mutex_lock(&pool->mutex);
  pthread_cond_broadcast(&pool->wake);
  pthread_mutex_unlock(&pool->mutex);
}

static int has_phase_passed(llmir_pool *pool, uint32_t number) { return present_phase(pool) != number; }

static int has_step_begun(llmir_pool *pool, uint32_t number) { return atomic_load(&pool->steps) != number; }

static void wait_until(llmir_pool *pool, int (*is_over)(llmir_pool *, uint32_t), uint32_t number) {
  for (int turn = 0; turn < SPIN_TURNS; turn++) {
    if (is_over(pool, number)) return;
    pause_briefly();
  }
  pthread_mutex_lock(&pool->mutex);
  atomic_fetch_add(&pool->sleepers, 1);
  while (!is_over(pool, number)) pthread_cond_wait(&pool->wake, &pool->mutex);
  atomic_fetch_sub(&pool->sleepers, 1);
  pthread_mutex_unlock(&pool->mutex);
}

/* One of the `expected` shares or threads of a phase is done; the last one opens the next phase. */
static void finish(llmir_pool *pool, uint32_t phase, int32_t expected) {
  if (atomic_fetch_add(&pool->finished, 1) + 1 < expected) return;
  atomic_store(&pool->finished, 0);
  atomic_store(&pool->claims, (uint64_t)(phase + 1) << 32);
  wake_sleepers(pool);
}

int32_t llmir_claim(const Worker *worker, int32_t shares, int32_t claimed) {
  llmir_pool *const pool = worker->pool;
  const uint32_t phase = worker->phase->number;
  worker->phase->dealt = 1;
  if (claimed) finish(pool, phase, shares);
  uint_least64_t seen = atomic_load(&pool->claims);
  while ((uint32_t)(seen >> 32) == phase && (int32_t)(uint32_t)seen < shares)
    if (atomic_compare_exchange_weak(&pool->claims, &seen, seen + 1)) return (int32_t)(uint32_t)seen;
  return -1;
}

/* A phase in which nothing was dealt is over when all threads have come. */
void llmir_barrier(const Worker *worker) {
  Phase *const phase = worker->phase;
  if (!phase->dealt) finish(worker->pool, phase->number, worker->threads);
  wait_until(worker->pool, has_phase_passed, phase->number);
  phase->dealt = 0;
  phase->number++;
}

static void stay_where_asked(int32_t thread) {
#if defined(__linux__)
  const char *const wish = getenv("LLMIR_PIN_THREADS");
  cpu_set_t allowed, own;
  if (wish == NULL || strcmp(wish, "1") != 0 || sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  int before = thread % CPU_COUNT(&allowed), cpu = 0;
  while (!CPU_ISSET(cpu, &allowed) || before-- > 0) cpu++;
  CPU_ZERO(&own);
  CPU_SET(cpu, &own);
  pthread_setaffinity_np(pthread_self(), sizeof own, &own);
#else
  (void)thread;
#endif
}

static void *serve(void *argument) {
  Member *const member = argument;
  llmir_pool *const pool = member->worker.pool;
  stay_where_asked(member->worker.thread);
  Worker worker = member->worker;
  for (uint32_t seen = 0;;) {
    wait_until(pool, has_step_begun, seen);
    pthread_mutex_lock(&pool->mutex);
    seen = atomic_load(&pool->steps);
    const Step step = pool->step;
    member->phase = (Phase){.number = pool->first_phase};
    worker.threads = pool->active;
    pthread_mutex_unlock(&pool->mutex);
    if (worker.threads == 0) return NULL;
    if (worker.thread < worker.threads) llmir_program(&step, &worker);
  }
}

/* What the threads other than the caller are to do next. */
static void begin(llmir_pool *pool, const Step *step, int32_t active) {
  pthread_mutex_lock(&pool->mutex);
  if (step != NULL) pool->step = *step;
  pool->first_phase = present_phase(pool);
  pool->active = active;
  atomic_fetch_add(&pool->steps, 1);
  pthread_mutex_unlock(&pool->mutex);
  wake_sleepers(pool);
}

static void *take(size_t bytes) {
  void *memory = NULL;
  if (posix_memalign(&memory, CACHE_LINE, bytes) != 0) return NULL;
  return memory;
}

llmir_pool *llmir_pool_open(int32_t threads, size_t scratch_bytes, size_t shared_bytes) {
  const size_t stride = (scratch_bytes + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE + CACHE_LINE;
  llmir_pool *const pool = take(sizeof *pool);
  if (pool == NULL) return NULL;
  memset(pool, 0, sizeof *pool);
  pool->threads = threads;
  pthread_mutex_init(&pool->mutex, NULL);
  pthread_cond_init(&pool->wake, NULL);
  pool->members = calloc((size_t)threads, sizeof *pool->members);
  pool->scratch = take(stride * (size_t)threads);
  pool->shared_memory = calloc(shared_bytes + CACHE_LINE, 1);
  if (pool->members == NULL || pool->scratch == NULL || pool->shared_memory == NULL) {
    llmir_pool_close(pool);
    return NULL;
  }
  void *const shared = (char *)pool->shared_memory + CACHE_LINE - (uintptr_t)pool->shared_memory % CACHE_LINE;
  for (int32_t i = 0; i < threads; i++) {
    Member *const member = &pool->members[i];
    member->worker = (Worker){.thread = i, .threads = threads, .shared = shared, .phase = &member->phase};
    member->worker.scratch = pool->scratch + stride / sizeof(float) * (size_t)i;
    member->worker.pool = pool;
  }
  for (int32_t i = 1; i < threads; i++) {
    if (pthread_create(&pool->members[i].thread, NULL, serve, &pool->members[i]) != 0) {
      llmir_pool_close(pool);
      return NULL;
    }
    pool->started++;
  }
  return pool;
}

void llmir_pool_run(llmir_pool *pool, const Step *step, int32_t threads) {
  Member *const caller = &pool->members[0];
  caller->worker.threads = threads < pool->threads ? threads : pool->threads;
  if (caller->worker.threads > 1) {
    begin(pool, step, caller->worker.threads);
    caller->phase = (Phase){.number = pool->first_phase};
  }
  llmir_program(step, &caller->worker);
}

void llmir_pool_close(llmir_pool *pool) {
  if (pool == NULL) return;
  if (pool->started > 0) begin(pool, NULL, 0);
  for (int32_t i = 1; i <= pool->started; i++) pthread_join(pool->members[i].thread, NULL);
  pthread_cond_destroy(&pool->wake);
  pthread_mutex_destroy(&pool->mutex);
  free(pool->shared_memory);
  free(pool->scratch);
  free(pool->members);
  free(pool);
}
