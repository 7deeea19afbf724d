/*
 * What this machine can do at most: bytes read from memory, and products of int8 and bfloat16, each by the
 * widest instruction it has. Loops that do nothing else, many short trials, the best and the middle one.
 *
 *   read THREADS MEBIBYTES   GB/s over a buffer of that size, all threads reading their own part
 *   peaks THREADS            G operations/s (a multiplication and an addition are two)
 */
#define _GNU_SOURCE
#include <immintrin.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "driver.h"

#define TRIALS 9
#define MAX_THREADS 64

typedef struct job {
  int index, threads;
  const char *bytes;
  size_t size;
  double (*work)(const char *, size_t);
  double amount, started, ended;
} job;

static pthread_barrier_t gate;
static volatile uint64_t sink;

static void *run_job(void *data) {
  job *own = data;
  size_t part = own->size / (size_t)own->threads & ~(size_t)4095;
  for (int trial = 0; trial < TRIALS; trial++) {
    pthread_barrier_wait(&gate);
    own->started = now();
    own->amount = own->work(own->bytes + part * (size_t)own->index, part);
    own->ended = now();
    pthread_barrier_wait(&gate);
  }
  return NULL;
}

/* Rates of the trials in units of work a second, ascending; from the first start to the last end. */
static void measure(int threads, double (*work)(const char *, size_t), const char *bytes, size_t size, double *rates) {
  pthread_t ids[MAX_THREADS];
  job jobs[MAX_THREADS];
  pthread_barrier_init(&gate, NULL, (unsigned)threads + 1);
  for (int i = 0; i < threads; i++) {
    jobs[i] = (job){.index = i, .threads = threads, .bytes = bytes, .size = size, .work = work};
    pthread_create(&ids[i], NULL, run_job, &jobs[i]);
  }
  for (int trial = 0; trial < TRIALS; trial++) {
    pthread_barrier_wait(&gate);
    pthread_barrier_wait(&gate);
    double started = jobs[0].started, ended = jobs[0].ended, amount = 0;
    for (int i = 0; i < threads; i++) {
      if (jobs[i].started < started) started = jobs[i].started;
      if (jobs[i].ended > ended) ended = jobs[i].ended;
      amount += jobs[i].amount;
    }
    rates[trial] = amount / (ended - started);
  }
  for (int i = 0; i < threads; i++) pthread_join(ids[i], NULL);
  pthread_barrier_destroy(&gate);
  qsort(rates, TRIALS, sizeof(double), ascending);
}

/* ---- Reading ---- */

#if defined(__AVX512F__)
static double read_all(const char *bytes, size_t size) {
  __m512i a = _mm512_setzero_si512(), b = a, c = a, d = a;
  for (size_t i = 0; i + 256 <= size; i += 256) {
    _mm_prefetch(bytes + i + 4096, _MM_HINT_T0);
    _mm_prefetch(bytes + i + 4160, _MM_HINT_T0);
    _mm_prefetch(bytes + i + 4224, _MM_HINT_T0);
    _mm_prefetch(bytes + i + 4288, _MM_HINT_T0);
    a = _mm512_xor_si512(a, _mm512_load_si512(bytes + i));
    b = _mm512_xor_si512(b, _mm512_load_si512(bytes + i + 64));
    c = _mm512_xor_si512(c, _mm512_load_si512(bytes + i + 128));
    d = _mm512_xor_si512(d, _mm512_load_si512(bytes + i + 192));
  }
  a = _mm512_xor_si512(_mm512_xor_si512(a, b), _mm512_xor_si512(c, d));
  sink += (uint64_t)_mm512_reduce_add_epi64(a);
  return (double)size;
}
#else
static double read_all(const char *bytes, size_t size) {
  const uint64_t *words = (const uint64_t *)bytes;
  uint64_t sum[8] = {0};
  for (size_t i = 0; i + 8 <= size / 8; i += 8) {
    for (int j = 0; j < 8; j++) sum[j] ^= words[i + (size_t)j];
  }
  for (int j = 0; j < 8; j++) sink += sum[j];
  return (double)size;
}
#endif

static void read_memory(int threads, size_t mebibytes) {
  static char *buffer;
  static size_t room;
  size_t size = mebibytes << 20;
  if (size > room) {
    if (buffer != NULL) munmap(buffer, room);
    buffer = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (buffer == MAP_FAILED) fail("no memory for the probe");
    madvise(buffer, size, MADV_HUGEPAGE);
    for (size_t i = 0; i < size; i += 64) buffer[i] = (char)(i >> 6);
    room = size;
  }
  double rates[TRIALS];
  measure(threads, read_all, buffer, size, rates);
  printf("{\"best\":%.3f,\"median\":%.3f}\n", 1e-9 * rates[TRIALS - 1], 1e-9 * rates[TRIALS / 2]);
  fflush(stdout);
}

/* ---- Products ---- */

/* Some milliseconds a trial: the first ones may find two threads on one core. */
#define ROUNDS 1000000

#if defined(__AVX512VNNI__)
static double vector_int8(const char *bytes, size_t size) {
  (void)bytes, (void)size;
  __m512i sum[12], a = _mm512_set1_epi8(3), b = _mm512_set1_epi8(-2);
  for (int i = 0; i < 12; i++) sum[i] = _mm512_setzero_si512();
  for (int r = 0; r < ROUNDS; r++) {
    for (int i = 0; i < 12; i++) sum[i] = _mm512_dpbusd_epi32(sum[i], a, b);
    __asm__ volatile("" : "+v"(a), "+v"(b));
  }
  for (int i = 0; i < 12; i++) sink += (uint64_t)_mm512_reduce_add_epi32(sum[i]);
  return 2.0 * 64 * 12 * ROUNDS;
}
#endif

#if defined(__AVX512BF16__)
static double vector_bf16(const char *bytes, size_t size) {
  (void)bytes, (void)size;
  __m512 sum[12];
  __m512i a = _mm512_set1_epi16(0x3f80), b = a;
  for (int i = 0; i < 12; i++) sum[i] = _mm512_setzero_ps();
  for (int r = 0; r < ROUNDS; r++) {
    for (int i = 0; i < 12; i++) sum[i] = _mm512_dpbf16_ps(sum[i], (__m512bh)a, (__m512bh)b);
    __asm__ volatile("" : "+v"(a), "+v"(b));
  }
  for (int i = 0; i < 12; i++) sink += (uint64_t)_mm512_reduce_add_ps(sum[i]);
  return 2.0 * 32 * 12 * ROUNDS;
}
#endif

#if defined(__AMX_INT8__) && defined(__AMX_BF16__)
#define HAS_TILES 1

/* The kernel lends the tile registers only to those who ask. */
static int tiles_allowed(void) { return syscall(SYS_arch_prctl, 0x1023, 18) == 0; }

static void configure_tiles(void) {
  struct {
    uint8_t palette, start, reserved[14];
    uint16_t bytes[16];
    uint8_t rows[16];
  } config = {1, 0, {0}, {0}, {0}};
  for (int i = 0; i < 8; i++) config.bytes[i] = 64, config.rows[i] = 16;
  /* Without this the compiler drops the stores: gcc 12 says of the instruction that it reads eight bytes. */
  __asm__ volatile("" ::"r"(&config) : "memory");
  _tile_loadconfig(&config);
  _tile_zero(0); _tile_zero(1); _tile_zero(2); _tile_zero(3); _tile_zero(4); _tile_zero(5); _tile_zero(6); _tile_zero(7);
}

/* Four sums from two tiles of each operand, as a blocked product uses them. */
static double tile_int8(const char *bytes, size_t size) {
  (void)bytes, (void)size;
  configure_tiles();
  for (int r = 0; r < ROUNDS / 10; r++) {
    _tile_dpbssd(0, 4, 6); _tile_dpbssd(1, 4, 7); _tile_dpbssd(2, 5, 6); _tile_dpbssd(3, 5, 7);
  }
  _tile_release();
  return 2.0 * 16 * 16 * 64 * 4 * (ROUNDS / 10);
}

static double tile_bf16(const char *bytes, size_t size) {
  (void)bytes, (void)size;
  configure_tiles();
  for (int r = 0; r < ROUNDS / 10; r++) {
    _tile_dpbf16ps(0, 4, 6); _tile_dpbf16ps(1, 4, 7); _tile_dpbf16ps(2, 5, 6); _tile_dpbf16ps(3, 5, 7);
  }
  _tile_release();
  return 2.0 * 16 * 16 * 32 * 4 * (ROUNDS / 10);
}
#endif

static void print_peak(const char *name, int threads, double (*work)(const char *, size_t)) {
  double rates[TRIALS];
  measure(threads, work, NULL, 0, rates);
  printf(",\"%s\":%.1f", name, 1e-9 * rates[TRIALS - 1]);
}

static void peaks(int threads) {
  printf("{\"threads\":%d", threads);
#if defined(__AVX512VNNI__)
  print_peak("vectorInt8", threads, vector_int8);
#endif
#if defined(__AVX512BF16__)
  print_peak("vectorBf16", threads, vector_bf16);
#endif
#if defined(HAS_TILES)
  if (tiles_allowed()) {
    print_peak("tileInt8", threads, tile_int8);
    print_peak("tileBf16", threads, tile_bf16);
  }
#endif
  printf("}\n");
  fflush(stdout);
}

int main(void) {
  static char line[1 << 10];
  char *word[MAX_WORDS];
  for (int count; (count = read_words(line, sizeof line, word)) > 0;) {
    int threads = count > 1 ? atoi(word[1]) : 0;
    if (threads < 1 || threads > MAX_THREADS) fail("1 to 64 threads");
    if (strcmp(word[0], "read") == 0 && count == 3) read_memory(threads, (size_t)atoi(word[2]));
    else if (strcmp(word[0], "peaks") == 0) peaks(threads);
    else fail("unknown command");
  }
  return 0;
}
