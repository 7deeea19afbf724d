/*
 * What the emitted program (model.cu) and the runtime (runtime.cu) know of each other.
 */
#ifndef LLMIR_PROGRAM_CUH
#define LLMIR_PROGRAM_CUH

#include <stddef.h>
#include <stdint.h>

extern "C" {
#include "llmir.h"
}
#include "launch.cuh"

/* Error codes besides those of llmir.h. A code from LLMIR_CUDA_FAULT on is that number plus a cudaError_t. */
enum { LLMIR_NO_DEVICE = 12, LLMIR_CUDA_FAULT = 1000 };

/* Constants of the program that the runtime checks a batch against. */
struct ProgramFacts {
  int32_t max_tokens, max_sequences, max_rows, max_context;
  int32_t context_length, blocks_per_sequence, vocabulary, needs_context;
  int32_t layers, block_size, heads, head_dim, kv_element_bytes, kv_scale_bytes;
  size_t arena_bytes, weights_bytes;
  const char *weights_hash; /* the layout that the weight file's header must name */
};

extern const ProgramFacts llmir_facts;

/* Queues the whole step on its stream. */
void llmir_program(const Step *step);

/* The header of a weight file, in its first LLMIR_HEADER_BYTES bytes; little-endian. */
#define LLMIR_HEADER_BYTES 4096
#define LLMIR_WEIGHTS_VERSION 1

struct WeightHeader {
  char magic[8]; /* LLMIRWTS */
  uint32_t version;
  uint32_t header_bytes;
  uint64_t total_bytes; /* of the whole file */
  char hash[40];        /* names the layout; ends with a zero byte */
};

#endif
