/*
 * The interface of a compiled model: one library, one weight file, one step function.
 *
 * A step takes a ragged batch of tokens, appends their keys and values to the paged cache and gives the
 * logits of the rows asked for. The caller owns the arrays of the batch; the model owns weights, cache
 * and threads. One step at a time: a model is not for two threads of the caller at once.
 */
#ifndef LLMIR_H
#define LLMIR_H

#include <stdint.h>

#define LLMIR_PUBLIC __attribute__((visibility("default")))

typedef struct llmir_model llmir_model;

/* T tokens of S sequences; R rows of logits; C cache slots that the batch can see. */
typedef struct llmir_batch {
  int32_t token_count;              /* T */
  int32_t sequence_count;           /* S */
  int32_t row_count;                /* R */
  int32_t context_count;            /* C */
  const int32_t *tokens;            /* [T] */
  const int32_t *positions;         /* [T] position in its sequence, from 0 */
  const int32_t *sequences;         /* [T] row of the block table */
  const int32_t *rows;              /* [R] the token whose logits are wanted */
  const int32_t *block_table;       /* [S, B] block of the pool for each run of positions */
  const int32_t *context_sequences; /* [C] NULL unless llmir_describe says `needsContext` */
  const int32_t *context_positions; /* [C] */
  float *logits;                    /* [R, vocabulary] */
} llmir_batch;

enum {
  LLMIR_OK = 0,
  LLMIR_BAD_ARGUMENT = 1,
  LLMIR_BAD_COUNT = 2,
  LLMIR_BAD_TOKEN = 3,
  LLMIR_BAD_POSITION = 4,
  LLMIR_BAD_SEQUENCE = 5,
  LLMIR_BAD_ROW = 6,
  LLMIR_BAD_BLOCK = 7,
  LLMIR_BAD_CONTEXT = 8,
  LLMIR_BAD_WEIGHTS = 9,
  LLMIR_NO_MEMORY = 10,
  LLMIR_NO_THREADS = 11
};

/*
 * Maps the weights, takes memory for `blocks` cache blocks, starts threads. With LLMIR_PIN_THREADS=1 in the environment
 * those that it starts stay on a processor each (Linux). Why it failed goes to `message`.
 */
LLMIR_PUBLIC int32_t llmir_open(const char *weights_path, int32_t threads, int32_t blocks, llmir_model **model,
                                char *message, int32_t message_bytes);

/* Checks every count, index and block number before any memory is touched, then runs the step. */
LLMIR_PUBLIC int32_t llmir_step(llmir_model *model, const llmir_batch *batch);

/* Copies keys and values of all layers from one block to another. */
LLMIR_PUBLIC int32_t llmir_copy_block(llmir_model *model, int32_t from, int32_t to);

/* What an error code means. */
LLMIR_PUBLIC const char *llmir_error(int32_t code);

/* The program as JSON: capacities, vocabulary, cache geometry, whether a step reads the context arrays. */
LLMIR_PUBLIC const char *llmir_describe(void);

/* The level of instructions that a model runs with, as LLMIR_ISA names it; "" where it was built for one. */
LLMIR_PUBLIC const char *llmir_isa(const llmir_model *model);

LLMIR_PUBLIC void llmir_close(llmir_model *model);

#endif
