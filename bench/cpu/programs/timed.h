/*
 * What both timed programs share. The clock starts right before the first call of the model's C interface and
 * stops right after the last: neither side samples, and neither process does anything else meanwhile.
 */
#ifndef TIMED_H
#define TIMED_H

#include <sys/resource.h>

#include "driver.h"

/* Processor time of all threads, so that the reader can tell our load from that of others. */
static double processor_seconds(void) {
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + 1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

/* When the present command came. */
static double processor_seconds_before;

static int next_command(char *line, int size, char **words) {
  const int count = read_words(line, size, words);
  processor_seconds_before = processor_seconds();
  return count;
}

/* The same pseudo-random token for a place on both sides. */
static int32_t token_at(int32_t sequence, int32_t position, int32_t vocabulary) {
  uint32_t x = 2654435761u * (uint32_t)(position + 1) ^ 0x9e3779b9u * (uint32_t)(sequence + 1);
  x ^= x >> 16;
  x *= 0x7feb352du;
  x ^= x >> 15;
  return (int32_t)(x % (uint32_t)vocabulary);
}

/* Calls of a loop, each with its time. */
typedef struct timing {
  double started, cpu;
  double *steps;
  int32_t count;
} timing;

static timing start_timing(int32_t most) {
  timing t = {0, 0, malloc(sizeof(double) * (size_t)(most > 0 ? most : 1)), 0};
  t.cpu = processor_seconds();
  t.started = now();
  return t;
}

static void reply_timing(timing *t) {
  double seconds = now() - t->started, cpu = processor_seconds() - t->cpu;
  qsort(t->steps, (size_t)t->count, sizeof(double), ascending);
  double fastest = t->count > 0 ? t->steps[0] : seconds, median = t->count > 0 ? t->steps[t->count / 2] : seconds;
  double of_command = processor_seconds() - processor_seconds_before;
  printf("{\"seconds\":%.9f,\"cpu\":%.6f,\"commandCpu\":%.6f,\"fastest\":%.9f,\"median\":%.9f}\n", seconds, cpu,
         of_command, fastest, median);
  fflush(stdout);
  free(t->steps);
}

static void reply_done(void) {
  printf("{}\n");
  fflush(stdout);
}

/* Ids of the text file that holds them, one a line. */
static int32_t read_tokens(const char *path, int32_t *tokens, int32_t most) {
  FILE *file = fopen(path, "r");
  if (file == NULL) fail("the file of tokens cannot be read");
  int32_t count = 0;
  while (count < most && fscanf(file, "%d", &tokens[count]) == 1) count++;
  fclose(file);
  return count;
}

static void write_floats(const char *path, const float *numbers, size_t count) {
  FILE *file = fopen(path, "wb");
  if (file == NULL || fwrite(numbers, sizeof(float), count, file) != count) fail("the logits cannot be written");
  fclose(file);
}

static int32_t likeliest(const float *logits, int32_t vocabulary) {
  int32_t best = 0;
  for (int32_t i = 1; i < vocabulary; i++) {
    if (logits[i] > logits[best]) best = i;
  }
  return best;
}

#endif
