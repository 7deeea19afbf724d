/*
 * What the emitted program (model.c) and the runtime (runtime.c) know of each other.
 */
#ifndef LLMIR_PROGRAM_H
#define LLMIR_PROGRAM_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "llmir.h"
#include "worker.h"

/* A copy of the program for a level of instructions: levels.c. */
typedef struct Level Level;

/* One step: the batch, and where the model's memory is. The same for all threads. */
typedef struct Step {
  int32_t T, S, R, C, B, P; /* tokens, sequences, rows, context slots, table width, blocks in the pool */
  const int32_t *tokens, *positions, *sequences, *rows, *block_table, *context_sequences, *context_positions;
  float *logits;                /* [R, vocabulary] */
  unsigned char *arena;         /* activations, at the plan's offsets */
  const unsigned char *weights; /* the weight file from its first byte */
  void *keys, *values;          /* [layers, P, block size, heads, head dim] in the cache's format */
  float *key_scales, *value_scales; /* [layers, P, block size, heads] where that is codes */
  const Level *level;           /* the copy of the program that runs; NULL where there is one alone */
} Step;

/* Constants of the program that the runtime checks a batch against. */
typedef struct ProgramFacts {
  int32_t max_tokens, max_sequences, max_rows, max_context;
  int32_t context_length, blocks_per_sequence, vocabulary, needs_context;
  int32_t layers, block_size, heads, head_dim, kv_element_bytes, kv_scale_bytes;
  size_t arena_bytes, scratch_bytes, shared_bytes, weights_bytes;
  const char *weights_hash; /* the layout that the weight file's header must name */
} ProgramFacts;

extern const ProgramFacts llmir_facts;

/* Runs the step as one of `worker->threads` threads. */
void llmir_program(const Step *step, const Worker *worker);

/* The copy for this processor. Where LLMIR_ISA names none that it can run, NULL and the fault. */
const Level *llmir_choose_level(const char **fault);
const char *llmir_level_name(const Level *level);

/* Moves a value to its place; threads share the bytes. */
static inline __attribute__((unused)) void copy_value(const Worker *worker, void *to, const void *from, int64_t bytes) {
  for (Shares shares = shares_of(worker, bytes); next_share(&shares);)
    memcpy((char *)to + shares.first, (const char *)from + shares.first, (size_t)(shares.end - shares.first));
}

/* The header of a weight file, in its first LLMIR_HEADER_BYTES bytes; little-endian. */
#define LLMIR_HEADER_BYTES 4096
#define LLMIR_WEIGHTS_VERSION 1

typedef struct WeightHeader {
  char magic[8]; /* LLMIRWTS */
  uint32_t version;
  uint32_t header_bytes;
  uint64_t total_bytes; /* of the whole file */
  char hash[40];        /* names the layout; ends with a zero byte */
} WeightHeader;

#endif
