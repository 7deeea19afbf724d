/*
 * A library that llmir built, through its C interface: the same commands as the peer's program.
 *
 *   model LIBRARY WEIGHTS THREADS BLOCKS VOCABULARY BLOCK_SIZE TABLE
 *   prefill N · decode N DEPTH · batch N SEQUENCES PROMPT · logits TOKENS OUTPUT · greedy TOKENS N OUTPUT
 *
 * For a deep cache the keys and values of one chunk are copied to the blocks of the others: decoding reads as
 * much memory as after a long text, and what the numbers are changes nothing of its time.
 */
#include <dlfcn.h>

#include "timed.h"
#include "llmir.h"

#define CHUNK 512
#define MAX_SEQUENCES 64

static int32_t (*step_of)(llmir_model *, const llmir_batch *);
static int32_t (*copy_of)(llmir_model *, int32_t, int32_t);
static const char *(*error_of)(int32_t);
static llmir_model *model;
static int32_t vocabulary, block_size, table_width, filled;
static int32_t *table, *context_sequences, *context_positions;
static int32_t context_slots, needs_context;
static float *rows_out;
static int32_t rows_room;

static void *function(void *library, const char *name) {
  void *found = dlsym(library, name);
  if (found == NULL) fail("the library lacks a function");
  return found;
}

static void open_model(char **word) {
  void *library = dlopen(word[1], RTLD_NOW);
  if (library == NULL) fail("the library cannot be loaded");
  int32_t (*open_of)(const char *, int32_t, int32_t, llmir_model **, char *, int32_t) =
      (int32_t(*)(const char *, int32_t, int32_t, llmir_model **, char *, int32_t))function(library, "llmir_open");
  step_of = (int32_t(*)(llmir_model *, const llmir_batch *))function(library, "llmir_step");
  copy_of = (int32_t(*)(llmir_model *, int32_t, int32_t))function(library, "llmir_copy_block");
  error_of = (const char *(*)(int32_t))function(library, "llmir_error");
  const char *(*describe)(void) = (const char *(*)(void))function(library, "llmir_describe");
  needs_context = strstr(describe(), "\"needsContext\":true") != NULL;
  vocabulary = atoi(word[5]);
  block_size = atoi(word[6]);
  table_width = atoi(word[7]);
  table = calloc((size_t)table_width * MAX_SEQUENCES, sizeof(int32_t));
  context_slots = table_width * block_size + MAX_SEQUENCES * 1024;
  context_sequences = calloc((size_t)context_slots, sizeof(int32_t));
  context_positions = calloc((size_t)context_slots, sizeof(int32_t));
  char message[512] = "";
  double started = now();
  if (open_of(word[2], atoi(word[3]), atoi(word[4]), &model, message, sizeof message) != 0) fail(message);
  printf("{\"seconds\":%.6f}\n", now() - started);
  fflush(stdout);
}

/* Sequence s owns the blocks from s * width. */
static void deal_blocks(int32_t sequences, int32_t width) {
  for (int32_t s = 0; s < sequences; s++) {
    for (int32_t b = 0; b < width; b++) table[s * table_width + b] = s * width + b;
  }
}

static void need_rows(int32_t rows) {
  if (rows <= rows_room) return;
  free(rows_out);
  rows_room = rows;
  rows_out = malloc(sizeof(float) * (size_t)rows * (size_t)vocabulary);
  memset(rows_out, 0, sizeof(float) * (size_t)rows * (size_t)vocabulary);
}

/* The batch's sequences are rows of the table from `first` on, each `length` tokens long after the step. */
static void step(llmir_batch batch, int32_t first, int32_t length) {
  batch.block_table = table + first * table_width;
  int32_t slots = 0;
  for (int32_t s = 0; needs_context && s < batch.sequence_count; s++) {
    for (int32_t p = 0; p < length; p++, slots++) context_sequences[slots] = s, context_positions[slots] = p;
  }
  batch.context_count = slots;
  batch.context_sequences = context_sequences;
  batch.context_positions = context_positions;
  batch.logits = rows_out;
  int32_t code = step_of(model, &batch);
  if (code != 0) fail(error_of(code));
}

/* A run of positions of one sequence. */
static void read_run(const int32_t *tokens, int32_t from, int32_t count, int32_t sequence, int all) {
  int32_t positions[CHUNK], owners[CHUNK], rows[CHUNK];
  for (int32_t i = 0; i < count; i++) {
    positions[i] = from + i;
    owners[i] = 0;
    rows[i] = all ? i : count - 1;
  }
  need_rows(all ? count : 1);
  llmir_batch batch = {count, 1, all ? count : 1, 0, tokens, positions, owners, rows, NULL, NULL, NULL, NULL};
  step(batch, sequence, from + count);
}

static void fill(int32_t sequence, int32_t from, int32_t to) {
  int32_t tokens[CHUNK];
  while (from < to) {
    int32_t count = to - from < CHUNK ? to - from : CHUNK;
    for (int32_t i = 0; i < count; i++) tokens[i] = token_at(sequence, from + i, vocabulary);
    read_run(tokens, from, count, sequence, 0);
    from += count;
  }
}

static void prefill(int32_t count) {
  filled = -1;
  deal_blocks(1, table_width);
  timing t = start_timing(0);
  fill(0, 0, count);
  reply_timing(&t);
}

static void deepen(int32_t depth) {
  deal_blocks(1, table_width);
  if (filled == depth) return;
  filled = depth;
  int32_t first = depth < 256 ? depth : 256;
  if (depth > 0) fill(0, 0, first);
  int32_t width = first / block_size, blocks = (depth + block_size - 1) / block_size;
  for (int32_t b = width; width > 0 && b < blocks; b++) {
    if (copy_of(model, b % width, b) != 0) fail("a block cannot be copied");
  }
}

static void decode(int32_t count, int32_t depth) {
  deepen(depth);
  need_rows(1);
  timing t = start_timing(count);
  for (int32_t i = 0; i < count; i++) {
    double started = now();
    int32_t token = token_at(0, depth + i, vocabulary);
    read_run(&token, depth + i, 1, 0, 0);
    t.steps[t.count++] = now() - started;
  }
  reply_timing(&t);
}

static void decode_batch(int32_t count, int32_t sequences, int32_t prompt) {
  filled = -1;
  deal_blocks(sequences, (prompt + count + block_size - 1) / block_size);
  for (int32_t s = 0; s < sequences; s++) fill(s, 0, prompt);
  need_rows(sequences);
  timing t = start_timing(count);
  for (int32_t i = 0; i < count; i++) {
    double started = now();
    int32_t tokens[MAX_SEQUENCES], positions[MAX_SEQUENCES], owners[MAX_SEQUENCES];
    for (int32_t s = 0; s < sequences; s++) {
      tokens[s] = token_at(s, prompt + i, vocabulary);
      positions[s] = prompt + i;
      owners[s] = s;
    }
    llmir_batch batch = {sequences, sequences, sequences, 0, tokens, positions, owners, owners, NULL, NULL, NULL, NULL};
    step(batch, 0, prompt + i + 1);
    t.steps[t.count++] = now() - started;
  }
  reply_timing(&t);
}

static void logits(const char *input, const char *output) {
  int32_t most = table_width * block_size;
  int32_t *tokens = malloc(sizeof(int32_t) * (size_t)most);
  int32_t count = read_tokens(input, tokens, most);
  float *all = malloc(sizeof(float) * (size_t)count * (size_t)vocabulary);
  filled = -1;
  deal_blocks(1, table_width);
  for (int32_t from = 0; from < count; from += CHUNK) {
    int32_t size = count - from < CHUNK ? count - from : CHUNK;
    read_run(tokens + from, from, size, 0, 1);
    memcpy(all + (size_t)from * (size_t)vocabulary, rows_out, sizeof(float) * (size_t)size * (size_t)vocabulary);
  }
  write_floats(output, all, (size_t)count * (size_t)vocabulary);
  free(all);
  free(tokens);
  reply_done();
}

/* Reads the tokens and writes the likeliest continuation, one id a line. */
static void greedy(const char *input, int32_t count, const char *output) {
  int32_t *tokens = malloc(sizeof(int32_t) * (size_t)CHUNK);
  int32_t length = read_tokens(input, tokens, CHUNK);
  FILE *file = fopen(output, "w");
  if (file == NULL) fail("the continuation cannot be written");
  filled = -1;
  deal_blocks(1, table_width);
  read_run(tokens, 0, length, 0, 0);
  int32_t next = likeliest(rows_out, vocabulary);
  for (int32_t i = 0; i < count; i++) {
    fprintf(file, "%d\n", next);
    read_run(&next, length + i, 1, 0, 0);
    next = likeliest(rows_out, vocabulary);
  }
  fclose(file);
  free(tokens);
  reply_done();
}

int main(void) {
  static char line[1 << 14];
  char *word[MAX_WORDS];
  for (int count; (count = next_command(line, sizeof line, word)) > 0;) {
    const char *command = word[0];
    if (strcmp(command, "model") == 0 && count == 8) open_model(word);
    else if (strcmp(command, "prefill") == 0 && count == 2) prefill(atoi(word[1]));
    else if (strcmp(command, "decode") == 0 && count == 3) decode(atoi(word[1]), atoi(word[2]));
    else if (strcmp(command, "batch") == 0 && count == 4) decode_batch(atoi(word[1]), atoi(word[2]), atoi(word[3]));
    else if (strcmp(command, "logits") == 0 && count == 3) logits(word[1], word[2]);
    else if (strcmp(command, "greedy") == 0 && count == 4) greedy(word[1], atoi(word[2]), word[3]);
    else fail("unknown command");
  }
  return 0;
}
