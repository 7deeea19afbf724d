/*
 * What this machine's processors can do, for the cost model: a program that prints `name value` lines.
 *
 *   measure THREADS BYTES BYTES …    BYTES: sizes that each level of cache holds for one thread, smallest first
 *
 *   clock_hz                         cycles of a thread in a second
 *   f32_ops, int8_ops, bf16_ops      operations of one thread in a second, two for a product and its sum, by the vector
 *                                    layer that kernels are written in; what a machine lacks is missing
 *   cache_bytes                      bytes that one thread reads in a second, a line for each level
 *   memory_bytes_one, memory_bytes   the same from memory, for one thread and for all together
 *   barrier_ns                       nanoseconds for all threads to meet once, by the pool that runs models
 *
 * Rates are the best of several short trials: what others do on the machine is not its property. Threads that meet
 * are late by chance, so the middle one counts there.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include "../kernels/brain-pairs.h"
#include "../kernels/integer-dot.h"
#include "../runtime/pool.h"
#include "../runtime/program.h"
#include "../runtime/vector.h"

#define TRIALS 15
#define MEMORY_BYTES ((size_t)256 << 20)

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* Keeps the compiler from leaving out what nobody reads. */
static volatile uint64_t sink;

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Units of work in a second, trial by trial: the slowest first. */
static const double *rates_of(double (*work)(void)) {
  static double rates[TRIALS];
  for (int trial = 0; trial < TRIALS; trial++) {
    const double start = now(), units = work();
    rates[trial] = units / (now() - start);
  }
  qsort(rates, TRIALS, sizeof rates[0], ascending);
  return rates;
}

static double fastest(double (*work)(void)) { return rates_of(work)[TRIALS - 1]; }

static double usual(double (*work)(void)) { return rates_of(work)[TRIALS / 2]; }

/* ---- Arithmetic ---- */

#define ROUNDS 20000

/* Additions that wait for each other: one a cycle. */
static double dependent_additions(void) {
  uint64_t value = 1;
  for (int i = 0; i < ROUNDS; i++) {
#pragma GCC unroll 64
    for (int j = 0; j < 64; j++) {
      value += 3;
      __asm__ volatile("" : "+r"(value));
    }
  }
  sink += value;
  return 64.0 * ROUNDS;
}

/* Registers of sums, enough to hide the latency of an addition to one. */
#define SUMS (LANES == 16 ? 16 : 10)

#if defined(__x86_64__)
#define OPAQUE(value) __asm__ volatile("" : "+v"(value))
#elif defined(__aarch64__)
#define OPAQUE(value) __asm__ volatile("" : "+w"(value))
#else
#define OPAQUE(value) __asm__ volatile("" : "+m"(value))
#endif

/* For all that the compiler knows: else one sum would do. */
#define DIFFERENT(sums) \
  for (int s = 0; s < SUMS; s++) OPAQUE(sums[s])

static double multiply_floats(void) {
  vf sums[SUMS] = {{0}}, a = vf_set(0.5f), b = vf_set(1e-3f);
  DIFFERENT(sums);
  for (int i = 0; i < ROUNDS; i++) {
#pragma GCC unroll 16
    for (int s = 0; s < SUMS; s++) sums[s] = sums[s] * a + b;
    OPAQUE(a);
  }
  vf total = {0};
  for (int s = 0; s < SUMS; s++) total += sums[s];
  sink += (uint64_t)vf_sum(total);
  return 2.0 * LANES * SUMS * ROUNDS;
}

static double multiply_bytes(void) {
  vi sums[SUMS] = {{0}}, a = vi_set(0x01020304), b = vi_set(0x05060708);
  DIFFERENT(sums);
  for (int i = 0; i < ROUNDS; i++) {
#pragma GCC unroll 16
    for (int s = 0; s < SUMS; s++) sums[s] = dot_bytes(sums[s], a, b, SIGNED_BYTES);
    OPAQUE(a);
    OPAQUE(b);
  }
  vi total = {0};
  for (int s = 0; s < SUMS; s++) total += sums[s];
  sink += (uint64_t)vi_sum(total);
  return 8.0 * LANES * SUMS * ROUNDS;
}

static double multiply_pairs(void) {
  vf sums[SUMS] = {{0}};
  vu a = vu_set_pair((const uint16_t[]){0x3f80, 0x3f00}), b = a;
  DIFFERENT(sums);
  for (int i = 0; i < ROUNDS; i++) {
#pragma GCC unroll 16
    for (int s = 0; s < SUMS; s++) sums[s] = dot_pairs(sums[s], a, b);
    OPAQUE(a);
    OPAQUE(b);
  }
  vf total = {0};
  for (int s = 0; s < SUMS; s++) total += sums[s];
  sink += (uint64_t)vf_sum(total);
  return 4.0 * LANES * SUMS * ROUNDS;
}

/* ---- Memory ---- */

static uint64_t read_bytes(const char *from, size_t bytes) {
  vi sums[4] = {{0}};
  for (size_t at = 0; at + 16 * LANES <= bytes; at += 16 * LANES) {
#pragma GCC unroll 4
    for (int s = 0; s < 4; s++) sums[s] ^= vi_load(from + at + (size_t)s * 4 * LANES);
  }
  return (uint64_t)vi_sum(sums[0] ^ sums[1] ^ sums[2] ^ sums[3]);
}

static char *memory;
static size_t window; /* bytes that are read again and again */

static double read_window(void) {
  size_t done = 0;
  for (; done < MEMORY_BYTES / 16; done += window) sink += read_bytes(memory, window);
  return (double)done;
}

/* ---- Threads ---- */

#define MEETINGS 2000

static enum { READ, MEET } task;

/* What a model's step is to the pool. */
void llmir_program(const Step *step, const Worker *worker) {
  (void)step;
  if (task == READ) {
    const Share part = share_of(worker, (int64_t)(MEMORY_BYTES / 4096));
    sink += read_bytes(memory + 4096 * part.first, (size_t)(4096 * (part.end - part.first)));
    barrier(worker);
  } else {
    for (int i = 0; i < MEETINGS; i++) barrier(worker);
  }
}

static llmir_pool *pool;
static int32_t active;

static double run_pool(void) {
  llmir_pool_run(pool, &(Step){.T = 1}, active);
  return task == READ ? (double)MEMORY_BYTES : MEETINGS;
}

int main(int argc, char **argv) {
  const int32_t threads = argc > 1 ? (int32_t)atoi(argv[1]) : 0;
  if (threads < 1) {
    fprintf(stderr, "usage: measure THREADS BYTES ...\n");
    return 2;
  }
  memory = mmap(NULL, MEMORY_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  pool = llmir_pool_open(threads, 64, 64);
  if (memory == MAP_FAILED || pool == NULL) {
    fprintf(stderr, "not enough memory\n");
    return 1;
  }
#ifdef MADV_HUGEPAGE
  madvise(memory, MEMORY_BYTES, MADV_HUGEPAGE);
#endif
  for (size_t i = 0; i < MEMORY_BYTES; i += 64) memory[i] = (char)(i >> 6);
  printf("clock_hz %.6e\n", fastest(dependent_additions));
  printf("f32_ops %.6e\n", fastest(multiply_floats));
  printf("int8_ops %.6e\n", fastest(multiply_bytes));
#if !defined(__AMX_BF16__)
  printf("bf16_ops %.6e\n", fastest(multiply_pairs));
#endif
  for (int i = 2; i < argc; i++) {
    window = (size_t)strtoul(argv[i], NULL, 10) / (16 * LANES) * (16 * LANES);
    if (window < 16 * LANES) window = 16 * LANES;
    if (window > MEMORY_BYTES) window = MEMORY_BYTES;
    printf("cache_bytes %.6e\n", fastest(read_window));
  }
  active = 1;
  printf("memory_bytes_one %.6e\n", fastest(run_pool));
  active = threads;
  printf("memory_bytes %.6e\n", fastest(run_pool));
  task = MEET;
  if (threads > 1) printf("barrier_ns %.6e\n", 1e9 / usual(run_pool));
  llmir_pool_close(pool);
  return 0;
}
