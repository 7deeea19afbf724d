/*
 * The life of a model: its weight file, its cache, its activations, and its steps.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "pool.h"
#include "program.h"

#include "batch.h"

#define MAX_THREADS 1024

/*
 * How many of its threads a model uses for steps of few tokens is found out: cores may be slower together, and others
 * may want them. A trial compares a count with half of it, in turns, and goes on to the half where that is faster. It
 * is made again after a pause, twice as long each time it found nothing new, or when steps have become slower.
 */
#define FEW_TOKENS 8
#define ROUNDS_OF_TRIAL 3
#define WARM_UP_STEPS 8
#define SHORTEST_PAUSE 64
#define LONGEST_PAUSE 1024

typedef struct ThreadChoice {
  int32_t most;
  int32_t threads; /* the present choice */
  int32_t pause;   /* steps from the last trial to the next */
  int32_t left;    /* of them */
  int64_t usual_ns, recent_ns; /* a step: when it was tried, and of late */
  int32_t trial;   /* steps of the present trial so far */
  int32_t tried;   /* the larger count */
  int64_t ns[2][ROUNDS_OF_TRIAL]; /* of it, and of half of it */
} ThreadChoice;

struct llmir_model {
  const unsigned char *weights;
  size_t weights_bytes;
  unsigned char *arena;
  unsigned char *cache; /* keys, then values */
  size_t cache_bytes;
  CacheBounds bounds;
  llmir_pool *pool;
  ThreadChoice choice;
  const Level *level;
};

/* ---- Opening ---------------------------------------------------------------------------------------- */

typedef struct Complaint {
  char *text;
  int32_t bytes;
} Complaint;

static int32_t fail(Complaint complaint, int32_t code, const char *what, const char *why) {
  if (complaint.text != NULL && complaint.bytes > 0)
    snprintf(complaint.text, (size_t)complaint.bytes, "%s: %s", what, why);
  return code;
}

static const char *header_fault(const WeightHeader *header, uint64_t file_bytes) {
  if (memcmp(header->magic, "LLMIRWTS", 8) != 0) return "not a file of packed weights";
  if (header->version != LLMIR_WEIGHTS_VERSION || header->header_bytes != LLMIR_HEADER_BYTES)
    return "packed by another version of the compiler";
  if (header->total_bytes != file_bytes) return "the file is not complete";
  if (strncmp(header->hash, llmir_facts.weights_hash, sizeof header->hash) != 0)
    return "the weights were packed for another program";
  if (file_bytes < llmir_facts.weights_bytes) return "the file is smaller than the program's weights";
  return NULL;
}

static int32_t map_weights(llmir_model *model, const char *path, Complaint complaint) {
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return fail(complaint, LLMIR_BAD_WEIGHTS, path, strerror(errno));
  struct stat facts;
  if (fstat(file, &facts) != 0 || !S_ISREG(facts.st_mode) || facts.st_size < LLMIR_HEADER_BYTES) {
    close(file);
    return fail(complaint, LLMIR_BAD_WEIGHTS, path, "not a file of packed weights");
  }
  const size_t bytes = (size_t)facts.st_size;
  void *const address = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE, file, 0);
  close(file);
  if (address == MAP_FAILED) return fail(complaint, LLMIR_NO_MEMORY, path, "cannot be mapped");
  model->weights = address;
  model->weights_bytes = bytes;
#ifdef MADV_HUGEPAGE
  madvise(address, bytes, MADV_HUGEPAGE); /* pages that are still to be read from the disk come as huge ones */
#endif
  posix_madvise(address, bytes, POSIX_MADV_WILLNEED);
  const char *const fault = header_fault((const WeightHeader *)address, bytes);
  return fault == NULL ? LLMIR_OK : fail(complaint, LLMIR_BAD_WEIGHTS, path, fault);
}

/* Zeroed pages that cost nothing until they are written, so a large cache may be opened cheaply. */
static void *map_zeroed(size_t bytes) {
  void *const address = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (address == MAP_FAILED) return NULL;
#ifdef MADV_HUGEPAGE
  if (bytes >= (size_t)4 << 20) madvise(address, bytes, MADV_HUGEPAGE);
#endif
  return address;
}

/* Of one block of one layer, keys or values alone: the heads at its positions. */
static size_t block_heads(void) { return (size_t)llmir_facts.block_size * (size_t)llmir_facts.heads; }

/* Bytes of their elements, and of their scales. */
static size_t half_block_bytes(void) {
  return block_heads() * (size_t)llmir_facts.head_dim * (size_t)llmir_facts.kv_element_bytes;
}

static size_t block_scale_bytes(void) { return block_heads() * (size_t)llmir_facts.kv_scale_bytes; }

/* Keys of all layers, then values of all layers, are so many pools of blocks; then those of the scales. */
static size_t pools(void) { return 2 * (size_t)llmir_facts.layers; }

/* Where the scales begin. */
static size_t elements_bytes(int32_t blocks) {
  return (pools() * (size_t)blocks * half_block_bytes() + 63) / 64 * 64;
}

static size_t arena_bytes(void) { return llmir_facts.arena_bytes > 0 ? llmir_facts.arena_bytes : 64; }

static int32_t take_memory(llmir_model *model, Complaint complaint) {
  const size_t block_bytes = pools() * (half_block_bytes() + block_scale_bytes());
  if (block_bytes > 0 && (size_t)model->bounds.blocks > SIZE_MAX / 2 / block_bytes)
    return fail(complaint, LLMIR_NO_MEMORY, "cache", "too many blocks for this machine");
  model->cache_bytes = block_bytes * (size_t)model->bounds.blocks + 64; /* scales begin on a line */
  model->cache = map_zeroed(model->cache_bytes);
  if (model->cache == NULL) return fail(complaint, LLMIR_NO_MEMORY, "cache", "not enough memory for its blocks");
  model->bounds.marks = calloc(count_marks(model->bounds.blocks), 1);
  if (model->bounds.marks == NULL) return fail(complaint, LLMIR_NO_MEMORY, "cache", "not enough memory");
  model->arena = map_zeroed(arena_bytes());
  if (model->arena == NULL) return fail(complaint, LLMIR_NO_MEMORY, "activations", "not enough memory");
  return LLMIR_OK;
}

int32_t llmir_open(const char *weights_path, int32_t threads, int32_t blocks, llmir_model **model, char *message,
                   int32_t message_bytes) {
  const Complaint complaint = {message, message_bytes};
  if (model == NULL || weights_path == NULL) return LLMIR_BAD_ARGUMENT;
  *model = NULL;
  if (threads < 1 || threads > MAX_THREADS)
    return fail(complaint, LLMIR_BAD_ARGUMENT, "threads", "a number from 1 to 1024 is needed");
  if (blocks < 1) return fail(complaint, LLMIR_BAD_ARGUMENT, "blocks", "at least one is needed");
  const char *fault = NULL;
  const Level *const level = llmir_choose_level(&fault);
  if (level == NULL && fault != NULL) return fail(complaint, LLMIR_BAD_ARGUMENT, "LLMIR_ISA", fault);
  llmir_model *const opened = calloc(1, sizeof *opened);
  if (opened == NULL) return fail(complaint, LLMIR_NO_MEMORY, "model", "not enough memory");
  opened->bounds.blocks = blocks;
  opened->level = level;
  opened->choice = (ThreadChoice){
      .most = threads, .threads = threads, .tried = threads, .pause = WARM_UP_STEPS, .left = WARM_UP_STEPS};
  int32_t code = map_weights(opened, weights_path, complaint);
  if (code == LLMIR_OK) code = take_memory(opened, complaint);
  if (code == LLMIR_OK) {
    opened->pool = llmir_pool_open(threads, llmir_facts.scratch_bytes, llmir_facts.shared_bytes);
    if (opened->pool == NULL) code = fail(complaint, LLMIR_NO_THREADS, "threads", "they cannot be started");
  }
  if (code == LLMIR_OK) *model = opened;
  else llmir_close(opened);
  return code;
}

void llmir_close(llmir_model *model) {
  if (model == NULL) return;
  llmir_pool_close(model->pool);
  if (model->arena != NULL) munmap(model->arena, arena_bytes());
  if (model->cache != NULL) munmap(model->cache, model->cache_bytes);
  if (model->weights != NULL) munmap((void *)(uintptr_t)model->weights, model->weights_bytes);
  free(model->bounds.marks);
  free(model);
}

/* ---- Running ----------------------------------------------------------------------------------------- */

static int64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int64_t median_of_trial(const int64_t ns[ROUNDS_OF_TRIAL]) {
  int64_t sorted[ROUNDS_OF_TRIAL];
  for (int32_t i = 0; i < ROUNDS_OF_TRIAL; i++) {
    int32_t at = i;
    for (; at > 0 && sorted[at - 1] > ns[i]; at--) sorted[at] = sorted[at - 1];
    sorted[at] = ns[i];
  }
  return sorted[ROUNDS_OF_TRIAL / 2];
}

static void choose_threads(ThreadChoice *choice, int32_t threads, int64_t ns) {
  const int32_t longer = choice->pause < LONGEST_PAUSE / 2 ? 2 * choice->pause : LONGEST_PAUSE;
  choice->pause = threads == choice->threads && longer > SHORTEST_PAUSE ? longer : SHORTEST_PAUSE;
  choice->threads = threads;
  choice->left = choice->pause;
  choice->usual_ns = choice->recent_ns = ns;
  choice->tried = choice->most;
}

/* A step of a trial; the last one of it chooses. */
static void note_trial(ThreadChoice *choice, int64_t ns) {
  choice->ns[choice->trial % 2][choice->trial / 2] = ns;
  if (++choice->trial < 2 * ROUNDS_OF_TRIAL) return;
  choice->trial = 0;
  const int32_t half = choice->tried / 2;
  const int64_t of_all = median_of_trial(choice->ns[0]), of_half = median_of_trial(choice->ns[1]);
  if (of_all <= of_half) choose_threads(choice, choice->tried, of_all);
  else if (half == 1) choose_threads(choice, half, of_half);
  else choice->tried = half;
}

/* A step between trials. */
static void note_step(ThreadChoice *choice, int64_t ns) {
  choice->left--;
  choice->recent_ns += (ns - choice->recent_ns) / 8;
  const int has_settled = choice->pause - choice->left >= SHORTEST_PAUSE / 2;
  if (!has_settled || choice->recent_ns <= choice->usual_ns + choice->usual_ns / 8) return;
  choice->left = 0;
  choice->pause = 0;
}

/* Results do not depend on the number of threads, so it may change from step to step. */
static void run_measured(llmir_model *model, const Step *step) {
  ThreadChoice *const choice = &model->choice;
  if (choice->most == 1 || step->T > FEW_TOKENS) {
    llmir_pool_run(model->pool, step, choice->most);
    return;
  }
  if (step->T > 1) {
    llmir_pool_run(model->pool, step, choice->threads);
    return;
  }
  const int is_trial = choice->left == 0;
  const int32_t threads = !is_trial ? choice->threads : choice->trial % 2 == 0 ? choice->tried : choice->tried / 2;
  const int64_t start = now_ns();
  llmir_pool_run(model->pool, step, threads);
  if (is_trial) note_trial(choice, now_ns() - start);
  else note_step(choice, now_ns() - start);
}

int32_t llmir_step(llmir_model *model, const llmir_batch *batch) {
  if (model == NULL || batch == NULL) return LLMIR_BAD_ARGUMENT;
  const int32_t code = check_batch(model->bounds, batch);
  if (code != LLMIR_OK) return code;
  const size_t blocks = (size_t)model->bounds.blocks, half = (size_t)llmir_facts.layers * blocks;
  unsigned char *const scales = model->cache + elements_bytes(model->bounds.blocks);
  const Step step = {
      .T = batch->token_count,
      .S = batch->sequence_count,
      .R = batch->row_count,
      .C = llmir_facts.needs_context ? batch->context_count : 0,
      .B = llmir_facts.blocks_per_sequence,
      .P = model->bounds.blocks,
      .tokens = batch->tokens,
      .positions = batch->positions,
      .sequences = batch->sequences,
      .rows = batch->rows,
      .block_table = batch->block_table,
      .context_sequences = batch->context_sequences,
      .context_positions = batch->context_positions,
      .logits = batch->logits,
      .arena = model->arena,
      .weights = model->weights,
      .keys = model->cache,
      .values = model->cache + half * half_block_bytes(),
      .key_scales = (float *)(void *)scales,
      .value_scales = (float *)(void *)(scales + half * block_scale_bytes()),
      .level = model->level,
  };
  run_measured(model, &step);
  return LLMIR_OK;
}

/* Copies a block of `bytes` bytes in each of the pools that begin at `first`. */
static void copy_in_pools(const llmir_model *model, unsigned char *first, size_t bytes, int32_t from, int32_t to) {
  for (size_t pool = 0; pool < pools(); pool++) {
    unsigned char *const base = first + pool * (size_t)model->bounds.blocks * bytes;
    memcpy(base + (size_t)to * bytes, base + (size_t)from * bytes, bytes);
  }
}

int32_t llmir_copy_block(llmir_model *model, int32_t from, int32_t to) {
  if (model == NULL) return LLMIR_BAD_ARGUMENT;
  if (!within(from, model->bounds.blocks) || !within(to, model->bounds.blocks)) return LLMIR_BAD_BLOCK;
  if (from == to) return LLMIR_OK;
  copy_in_pools(model, model->cache, half_block_bytes(), from, to);
  copy_in_pools(model, model->cache + elements_bytes(model->bounds.blocks), block_scale_bytes(), from, to);
  return LLMIR_OK;
}

const char *llmir_isa(const llmir_model *model) { return llmir_level_name(model->level); }

const char *llmir_error(int32_t code) {
  static const char *const meanings[] = {
      "no error",
      "a pointer is missing, or a number is out of range",
      "the batch has too many or too few tokens, sequences, rows or context slots",
      "a token is not in the vocabulary",
      "a position lies outside the model's context",
      "a token names a sequence that the batch does not have",
      "a row names a token that the batch does not have",
      "the block table names a block that the cache does not have, or tokens would be written over each other",
      "a context slot names a sequence or a position that does not exist",
      "the weight file cannot be used",
      "there is not enough memory",
      "the threads cannot be started",
  };
  const int32_t known = (int32_t)(sizeof meanings / sizeof meanings[0]);
  return within(code, known) ? meanings[code] : "unknown error";
}
