/*
 * The model as a program of its own: continues token ids greedily.
 *
 *   model weights.bin [-n count] [-t threads] id id id ...
 *
 * Prints the new ids on one line. Reading text is the tokenizer's business, not this program's.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"

typedef struct Options {
  const char *weights;
  int32_t count, threads;
  int32_t *ids; /* [context length], the prompt first */
  int32_t length;
} Options;

typedef struct Memory {
  int32_t *positions, *sequences, *table, *context_sequences, *context_positions;
  float *logits; /* [vocabulary] */
} Memory;

static int usage(void) {
  fprintf(stderr, "usage: model weights.bin [-n count] [-t threads] id id id ...\n");
  return 2;
}

static int parse_number(const char *text, int32_t *number) {
  char *end = NULL;
  errno = 0;
  const long value = strtol(text, &end, 10);
  if (errno != 0 || end == text || *end != 0 || value < 0 || value > INT32_MAX) return 0;
  *number = (int32_t)value;
  return 1;
}

static int parse(int argc, char **argv, Options *options) {
  if (argc < 3) return 0;
  options->weights = argv[1];
  for (int i = 2; i < argc; i++) {
    int32_t *target = NULL;
    if (strcmp(argv[i], "-n") == 0) target = &options->count;
    if (strcmp(argv[i], "-t") == 0) target = &options->threads;
    if (target != NULL && ++i == argc) return 0;
    if (target == NULL && options->length == llmir_facts.context_length) return 0;
    if (target == NULL) target = &options->ids[options->length++];
    if (!parse_number(argv[i], target)) return 0;
  }
  return options->length > 0;
}

static int32_t largest_index(const float *logits) {
  int32_t best = 0;
  for (int32_t i = 1; i < llmir_facts.vocabulary; i++)
    if (logits[i] > logits[best]) best = i;
  return best;
}

/* Tokens first .. first+count-1 of the one sequence; the logits are those of the last. */
static int32_t run_chunk(llmir_model *model, const Options *options, const Memory *memory, int32_t first,
                         int32_t count) {
  const int32_t row = count - 1;
  const llmir_batch batch = {
      .token_count = count,
      .sequence_count = 1,
      .row_count = 1,
      .context_count = first + count,
      .tokens = options->ids + first,
      .positions = memory->positions + first,
      .sequences = memory->sequences,
      .rows = &row,
      .block_table = memory->table,
      .context_sequences = memory->context_sequences,
      .context_positions = memory->context_positions,
      .logits = memory->logits,
  };
  return llmir_step(model, &batch);
}

static int32_t generate(llmir_model *model, Options *options, const Memory *memory) {
  int32_t done = 0;
  for (int32_t made = 0; made < options->count && options->length < llmir_facts.context_length; made++) {
    while (done < options->length) {
      const int32_t left = options->length - done;
      const int32_t count = left < llmir_facts.max_tokens ? left : llmir_facts.max_tokens;
      const int32_t code = run_chunk(model, options, memory, done, count);
      if (code != LLMIR_OK) return code;
      done += count;
    }
    const int32_t next = largest_index(memory->logits);
    options->ids[options->length++] = next;
    printf(made == 0 ? "%d" : " %d", next);
    fflush(stdout);
  }
  printf("\n");
  return LLMIR_OK;
}

static int take(Memory *memory) {
  const size_t length = (size_t)llmir_facts.context_length;
  memory->positions = calloc(length, sizeof(int32_t));
  memory->sequences = calloc(length, sizeof(int32_t));
  memory->table = calloc((size_t)llmir_facts.blocks_per_sequence, sizeof(int32_t));
  memory->logits = calloc((size_t)llmir_facts.vocabulary, sizeof(float));
  if (memory->positions == NULL || memory->sequences == NULL || memory->table == NULL || memory->logits == NULL)
    return 0;
  for (size_t i = 0; i < length; i++) memory->positions[i] = (int32_t)i;
  for (int32_t i = 0; i < llmir_facts.blocks_per_sequence; i++) memory->table[i] = i;
  memory->context_sequences = memory->sequences;
  memory->context_positions = memory->positions;
  return 1;
}

int main(int argc, char **argv) {
  Options options = {.count = 16, .threads = 1};
  Memory memory = {0};
  options.ids = calloc((size_t)llmir_facts.context_length, sizeof(int32_t));
  if (options.ids == NULL || !take(&memory)) {
    fprintf(stderr, "model: not enough memory\n");
    return 1;
  }
  if (!parse(argc, argv, &options)) return usage();
  char message[512] = "";
  llmir_model *model = NULL;
  int32_t code =
      llmir_open(options.weights, options.threads, llmir_facts.blocks_per_sequence, &model, message, sizeof message);
  if (code != LLMIR_OK) {
    fprintf(stderr, "model: %s\n", message[0] != 0 ? message : llmir_error(code));
    return 1;
  }
  code = generate(model, &options, &memory);
  if (code != LLMIR_OK) fprintf(stderr, "model: %s\n", llmir_error(code));
  llmir_close(model);
  free(memory.positions);
  free(memory.sequences);
  free(memory.table);
  free(memory.logits);
  free(options.ids);
  return code == LLMIR_OK ? 0 : 1;
}
