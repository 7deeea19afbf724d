/*
 * llama.cpp through the C interface of its own library, as llama-bench drives it: a thread pool that lives as
 * long as the run, flash attention and weight repacking as the library chooses, micro-batches of 512.
 *
 *   quantize SOURCE TARGET FTYPE THREADS   writes a GGUF file with llama.cpp's own mixture of formats
 *   model PATH                             loads a file
 *   context TOKENS SEQUENCES               makes a cache of so many tokens a sequence
 *   threads N
 *   prefill N                              one prompt into an empty cache
 *   decode N DEPTH STATE                   N single tokens after DEPTH; STATE is a file that keeps the cache
 *   batch N SEQUENCES PROMPT               N tokens of each sequence after its prompt
 *   logits TOKENS OUTPUT                   logits of every position, for the comparison of results
 *   greedy TOKENS N OUTPUT                 ids of the likeliest continuation
 */
#include "timed.h"
#include "ggml-backend.h"
#include "ggml-cpu.h"
#include "llama.h"

static struct llama_model *model;
static struct llama_context *context;
static struct ggml_threadpool *pool;
static int32_t vocabulary, filled, context_tokens, context_sequences;

static void quiet(enum ggml_log_level level, const char *text, void *data) {
  (void)data;
  if (level == GGML_LOG_LEVEL_ERROR) fputs(text, stderr);
}

static void *cpu_function(const char *name) {
  ggml_backend_dev_t device = ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
  return device == NULL ? NULL : ggml_backend_reg_get_proc_address(ggml_backend_dev_backend_reg(device), name);
}

static void set_threads(int threads) {
  struct ggml_threadpool *(*create)(struct ggml_threadpool_params *) =
      (struct ggml_threadpool *(*)(struct ggml_threadpool_params *))cpu_function("ggml_threadpool_new");
  void (*destroy)(struct ggml_threadpool *) = (void (*)(struct ggml_threadpool *))cpu_function("ggml_threadpool_free");
  if (create == NULL || destroy == NULL) fail("the library has no thread pools");
  if (context != NULL) llama_detach_threadpool(context);
  if (pool != NULL) destroy(pool);
  struct ggml_threadpool_params params = ggml_threadpool_params_default(threads);
  pool = create(&params);
  if (context != NULL) {
    llama_attach_threadpool(context, pool, pool);
    llama_set_n_threads(context, threads, threads);
  }
}

static void make_context(uint32_t tokens, uint32_t sequences) {
  if (context != NULL) llama_free(context);
  struct llama_context_params params = llama_context_default_params();
  params.n_ctx = tokens * sequences;
  params.n_seq_max = sequences;
  params.n_batch = 2048;
  params.n_ubatch = 512;
  params.no_perf = true;
  context = llama_init_from_model(model, params);
  if (context == NULL) fail("a context cannot be made");
  context_tokens = (int32_t)tokens;
  context_sequences = (int32_t)sequences;
  filled = 0;
}

/* Positions from `from` of one sequence; logits of the last alone, or of all. */
static void decode_tokens(const int32_t *tokens, int32_t from, int32_t count, int32_t sequence, int all) {
  struct llama_batch batch = llama_batch_init(count, 0, 1);
  batch.n_tokens = count;
  for (int32_t i = 0; i < count; i++) {
    batch.token[i] = tokens[i];
    batch.pos[i] = from + i;
    batch.n_seq_id[i] = 1;
    batch.seq_id[i][0] = sequence;
    batch.logits[i] = (int8_t)(all || i == count - 1);
  }
  if (llama_decode(context, batch) != 0) fail("llama_decode refused a batch");
  llama_synchronize(context);
  llama_batch_free(batch);
}

static void fill(int32_t sequence, int32_t from, int32_t to) {
  int32_t tokens[512];
  while (from < to) {
    int32_t count = to - from < 512 ? to - from : 512;
    for (int32_t i = 0; i < count; i++) tokens[i] = token_at(sequence, from + i, vocabulary);
    decode_tokens(tokens, from, count, sequence, 0);
    from += count;
  }
}

static void prefill(int32_t count) {
  int32_t *tokens = malloc(sizeof(int32_t) * (size_t)count);
  for (int32_t i = 0; i < count; i++) tokens[i] = token_at(0, i, vocabulary);
  llama_memory_clear(llama_get_memory(context), false);
  filled = -1;
  timing t = start_timing(0);
  decode_tokens(tokens, 0, count, 0, 0);
  reply_timing(&t);
  free(tokens);
}

/* Brings sequence 0 to `depth` tokens: from the file if it holds them, else by reading them. */
static void deepen(int32_t depth, const char *state) {
  llama_memory_t memory = llama_get_memory(context);
  if (filled == depth) return;
  llama_memory_clear(memory, false);
  filled = depth;
  if (depth == 0) return;
  int32_t *tokens = malloc(sizeof(int32_t) * (size_t)depth);
  size_t count = 0;
  FILE *file = fopen(state, "rb");
  if (file != NULL) fclose(file);
  int found = file != NULL && llama_state_seq_load_file(context, state, 0, tokens, (size_t)depth, &count) > 0;
  if (!found || count != (size_t)depth) {
    llama_memory_clear(memory, false);
    fill(0, 0, depth);
    for (int32_t i = 0; i < depth; i++) tokens[i] = token_at(0, i, vocabulary);
    llama_state_seq_save_file(context, state, 0, tokens, (size_t)depth);
  }
  free(tokens);
}

static void decode(int32_t count, int32_t depth, const char *state) {
  deepen(depth, state);
  timing t = start_timing(count);
  for (int32_t i = 0; i < count; i++) {
    double started = now();
    llama_token token = token_at(0, depth + i, vocabulary);
    if (llama_decode(context, llama_batch_get_one(&token, 1)) != 0) fail("llama_decode refused a token");
    llama_synchronize(context);
    t.steps[t.count++] = now() - started;
  }
  reply_timing(&t);
  llama_memory_seq_rm(llama_get_memory(context), 0, depth, -1);
}

static void decode_batch(int32_t count, int32_t sequences, int32_t prompt) {
  llama_memory_clear(llama_get_memory(context), false);
  filled = -1;
  for (int32_t s = 0; s < sequences; s++) fill(s, 0, prompt);
  struct llama_batch batch = llama_batch_init(sequences, 0, 1);
  batch.n_tokens = sequences;
  timing t = start_timing(count);
  for (int32_t i = 0; i < count; i++) {
    double started = now();
    for (int32_t s = 0; s < sequences; s++) {
      batch.token[s] = token_at(s, prompt + i, vocabulary);
      batch.pos[s] = prompt + i;
      batch.n_seq_id[s] = 1;
      batch.seq_id[s][0] = s;
      batch.logits[s] = 1;
    }
    if (llama_decode(context, batch) != 0) fail("llama_decode refused a batch");
    llama_synchronize(context);
    t.steps[t.count++] = now() - started;
  }
  reply_timing(&t);
  llama_batch_free(batch);
}

static void logits(const char *input, const char *output) {
  int32_t *tokens = malloc(sizeof(int32_t) * (size_t)context_tokens);
  int32_t count = read_tokens(input, tokens, context_tokens);
  float *rows = malloc(sizeof(float) * (size_t)count * (size_t)vocabulary);
  llama_memory_clear(llama_get_memory(context), false);
  filled = -1;
  for (int32_t from = 0; from < count; from += 512) {
    int32_t size = count - from < 512 ? count - from : 512;
    decode_tokens(tokens + from, from, size, 0, 1);
    memcpy(rows + (size_t)from * (size_t)vocabulary, llama_get_logits(context),
           sizeof(float) * (size_t)size * (size_t)vocabulary);
  }
  write_floats(output, rows, (size_t)count * (size_t)vocabulary);
  free(rows);
  free(tokens);
  reply_done();
}

/* Reads the tokens and writes the likeliest continuation, one id a line. */
static void greedy(const char *input, int32_t count, const char *output) {
  int32_t *tokens = malloc(sizeof(int32_t) * (size_t)512);
  int32_t length = read_tokens(input, tokens, 512);
  FILE *file = fopen(output, "w");
  if (file == NULL) fail("the continuation cannot be written");
  llama_memory_clear(llama_get_memory(context), false);
  filled = -1;
  decode_tokens(tokens, 0, length, 0, 0);
  int32_t next = likeliest(llama_get_logits_ith(context, -1), vocabulary);
  for (int32_t i = 0; i < count; i++) {
    fprintf(file, "%d\n", next);
    decode_tokens(&next, length + i, 1, 0, 0);
    next = likeliest(llama_get_logits_ith(context, -1), vocabulary);
  }
  fclose(file);
  free(tokens);
  reply_done();
}

static void quantize(const char *from, const char *to, int ftype, int threads) {
  llama_model_quantize_params params = llama_model_quantize_default_params();
  params.ftype = (enum llama_ftype)ftype;
  params.nthread = threads;
  if (llama_model_quantize(from, to, &params) != 0) fail("the file cannot be quantized");
  reply_done();
}

static void open_model(const char *path) {
  struct llama_model_params params = llama_model_default_params();
  params.n_gpu_layers = 0;
  double started = now();
  model = llama_model_load_from_file(path, params);
  if (model == NULL) fail("the file cannot be loaded");
  vocabulary = llama_vocab_n_tokens(llama_model_get_vocab(model));
  printf("{\"seconds\":%.6f,\"system\":\"%s\"}\n", now() - started, llama_print_system_info());
  fflush(stdout);
}

int main(int argc, char **argv) {
  static char line[1 << 14];
  char *word[MAX_WORDS];
  llama_log_set(quiet, NULL);
  if (argc > 1) ggml_backend_load_all_from_path(argv[1]);
  llama_backend_init();
  for (int count; (count = next_command(line, sizeof line, word)) > 0;) {
    const char *command = word[0];
    if (strcmp(command, "quantize") == 0 && count == 5) quantize(word[1], word[2], atoi(word[3]), atoi(word[4]));
    else if (strcmp(command, "model") == 0 && count == 2) open_model(word[1]);
    else if (strcmp(command, "context") == 0 && count == 3) make_context((uint32_t)atoi(word[1]), (uint32_t)atoi(word[2])), reply_done();
    else if (strcmp(command, "threads") == 0 && count == 2) set_threads(atoi(word[1])), reply_done();
    else if (strcmp(command, "prefill") == 0 && count == 2) prefill(atoi(word[1]));
    else if (strcmp(command, "decode") == 0 && count == 4) decode(atoi(word[1]), atoi(word[2]), word[3]);
    else if (strcmp(command, "batch") == 0 && count == 4) decode_batch(atoi(word[1]), atoi(word[2]), atoi(word[3]));
    else if (strcmp(command, "logits") == 0 && count == 3) logits(word[1], word[2]);
    else if (strcmp(command, "greedy") == 0 && count == 4) greedy(word[1], atoi(word[2]), word[3]);
    else fail("unknown command");
  }
  return 0;
}
