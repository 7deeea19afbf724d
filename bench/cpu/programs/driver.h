/* A program that is told what to do: a line of words comes in, a line of JSON goes out. */
#ifndef DRIVER_H
#define DRIVER_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_WORDS 16

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void fail(const char *why) {
  printf("{\"error\":\"%s\"}\n", why);
  fflush(stdout);
  exit(1);
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Splits a line in place; words are parted by tabs, so that paths may hold spaces. 0 at the end of the input. */
static int read_words(char *line, int size, char **words) {
  if (fgets(line, size, stdin) == NULL) return 0;
  int count = 0;
  for (char *word = strtok(line, "\t\n"); word != NULL && count < MAX_WORDS; word = strtok(NULL, "\t\n")) words[count++] = word;
  return count;
}

#endif
