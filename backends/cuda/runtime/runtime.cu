/*
 * The life of a model on a GPU: its weights, copied there once; its cache and activations, which never leave
 * it; and a step: check the batch on the host, upload it, queue the kernels, bring the logits back.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "program.cuh"

#include "batch.h"

#define UPLOAD_BYTES ((size_t)64 << 20)

struct llmir_model {
  unsigned char *weights;  /* device */
  unsigned char *arena;    /* device */
  unsigned char *cache;    /* device: keys, then values */
  int32_t *batch;          /* device: the arrays of a batch, one after the other */
  int32_t *staging;        /* host, page-locked: the same, where they are gathered */
  int32_t *layer_numbers;  /* device */
  float *logits;           /* device */
  cudaStream_t stream;
  CacheBounds bounds;
};

/* ---- Opening ---------------------------------------------------------------------------------------- */

struct Complaint {
  char *text;
  int32_t bytes;
};

static int32_t fail(Complaint complaint, int32_t code, const char *what, const char *why) {
  if (complaint.text != NULL && complaint.bytes > 0)
    snprintf(complaint.text, (size_t)complaint.bytes, "%s: %s", what, why);
  return code;
}

static int32_t fail_on_device(Complaint complaint, const char *what, cudaError_t error) {
  const int is_memory = error == cudaErrorMemoryAllocation;
  const int32_t code = is_memory ? (int32_t)LLMIR_NO_MEMORY : LLMIR_CUDA_FAULT + (int32_t)error;
  return fail(complaint, code, what, cudaGetErrorString(error));
}

static int32_t find_device(Complaint complaint) {
  int count = 0, driver = 0;
  if (cudaDriverGetVersion(&driver) == cudaSuccess && driver == 0)
    return fail(complaint, LLMIR_NO_DEVICE, "CUDA", "this machine has no NVIDIA driver");
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error != cudaSuccess) return fail(complaint, LLMIR_NO_DEVICE, "CUDA", cudaGetErrorString(error));
  if (count == 0) return fail(complaint, LLMIR_NO_DEVICE, "CUDA", "there is no GPU");
  return LLMIR_OK;
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

/* In pieces, so that the page cache needs to hold only what is on its way. */
static int32_t upload(llmir_model *model, const unsigned char *from, size_t bytes, Complaint complaint) {
  cudaError_t error = cudaMalloc((void **)&model->weights, bytes);
  for (size_t done = 0; error == cudaSuccess && done < bytes; done += UPLOAD_BYTES) {
    const size_t count = bytes - done < UPLOAD_BYTES ? bytes - done : UPLOAD_BYTES;
    error = cudaMemcpy(model->weights + done, from + done, count, cudaMemcpyHostToDevice);
  }
  return error == cudaSuccess ? LLMIR_OK : fail_on_device(complaint, "weights on the GPU", error);
}

static int32_t load_weights(llmir_model *model, const char *path, Complaint complaint) {
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
  posix_madvise(address, bytes, POSIX_MADV_SEQUENTIAL);
  const char *const fault = header_fault((const WeightHeader *)address, bytes);
  const int32_t code = fault != NULL ? fail(complaint, LLMIR_BAD_WEIGHTS, path, fault)
                                     : upload(model, (const unsigned char *)address, bytes, complaint);
  munmap(address, bytes);
  return code;
}

/* Bytes of one block of one layer, keys or values alone. */
static size_t half_block_bytes(void) {
  return (size_t)llmir_facts.block_size * (size_t)llmir_facts.heads * (size_t)llmir_facts.head_dim *
         (size_t)llmir_facts.kv_element_bytes;
}

/* Every array of the largest batch. */
static size_t batch_elements(void) {
  const size_t table = (size_t)llmir_facts.max_sequences * (size_t)llmir_facts.blocks_per_sequence;
  const size_t context = llmir_facts.needs_context ? 2 * (size_t)llmir_facts.max_context : 0;
  return 3 * (size_t)llmir_facts.max_tokens + (size_t)llmir_facts.max_rows + table + context;
}

static int32_t take(void **memory, size_t bytes, const char *what, Complaint complaint) {
  const cudaError_t error = cudaMalloc(memory, bytes > 0 ? bytes : 1);
  return error == cudaSuccess ? LLMIR_OK : fail_on_device(complaint, what, error);
}

static int32_t take_memory(llmir_model *model, Complaint complaint) {
  const size_t block_bytes = 2 * (size_t)llmir_facts.layers * half_block_bytes();
  if (block_bytes > 0 && (size_t)model->bounds.blocks > SIZE_MAX / 2 / block_bytes)
    return fail(complaint, LLMIR_NO_MEMORY, "cache", "too many blocks for this machine");
  const size_t logits = (size_t)llmir_facts.max_rows * (size_t)llmir_facts.vocabulary * sizeof(float);
  const size_t layers = (size_t)llmir_facts.layers * sizeof(int32_t);
  const size_t arrays = batch_elements() * sizeof(int32_t);
  model->bounds.marks = (unsigned char *)calloc(count_marks(model->bounds.blocks), 1);
  if (model->bounds.marks == NULL) return fail(complaint, LLMIR_NO_MEMORY, "cache", "not enough memory");
  int32_t code = take((void **)&model->cache, block_bytes * (size_t)model->bounds.blocks, "cache on the GPU",
                      complaint);
  if (code == LLMIR_OK)
    code = take((void **)&model->arena, llmir_facts.arena_bytes, "activations on the GPU", complaint);
  if (code == LLMIR_OK) code = take((void **)&model->logits, logits, "logits on the GPU", complaint);
  if (code == LLMIR_OK) code = take((void **)&model->layer_numbers, layers, "layers on the GPU", complaint);
  if (code == LLMIR_OK) code = take((void **)&model->batch, arrays, "batch on the GPU", complaint);
  if (code != LLMIR_OK) return code;
  cudaError_t error = cudaMallocHost((void **)&model->staging, arrays);
  if (error == cudaSuccess) error = cudaMemset(model->cache, 0, block_bytes * (size_t)model->bounds.blocks);
  for (int32_t layer = 0; error == cudaSuccess && layer < llmir_facts.layers; layer++)
    error = cudaMemcpy(model->layer_numbers + layer, &layer, sizeof layer, cudaMemcpyHostToDevice);
  return error == cudaSuccess ? LLMIR_OK : fail_on_device(complaint, "memory of the GPU", error);
}

static int32_t open_model(llmir_model *model, const char *weights_path, Complaint complaint) {
  int32_t code = find_device(complaint);
  if (code != LLMIR_OK) return code;
  const cudaError_t error = cudaStreamCreateWithFlags(&model->stream, cudaStreamNonBlocking);
  if (error != cudaSuccess) return fail_on_device(complaint, "stream", error);
  code = load_weights(model, weights_path, complaint);
  if (code == LLMIR_OK) code = take_memory(model, complaint);
  /* What was set up on the default stream is there before the first step. */
  if (code == LLMIR_OK && cudaDeviceSynchronize() != cudaSuccess)
    code = fail_on_device(complaint, "GPU", cudaGetLastError());
  return code;
}

/* `threads` are the host's: a GPU does not need them, but a caller that names none has made a mistake. */
int32_t llmir_open(const char *weights_path, int32_t threads, int32_t blocks, llmir_model **model,
                   char *message, int32_t message_bytes) {
  const Complaint complaint = {message, message_bytes};
  if (model == NULL || weights_path == NULL) return LLMIR_BAD_ARGUMENT;
  *model = NULL;
  if (threads < 1) return fail(complaint, LLMIR_BAD_ARGUMENT, "threads", "at least one is needed");
  if (blocks < 1) return fail(complaint, LLMIR_BAD_ARGUMENT, "blocks", "at least one is needed");
  llmir_model *const opened = (llmir_model *)calloc(1, sizeof *opened);
  if (opened == NULL) return fail(complaint, LLMIR_NO_MEMORY, "model", "not enough memory");
  opened->bounds.blocks = blocks;
  const int32_t code = open_model(opened, weights_path, complaint);
  if (code == LLMIR_OK) *model = opened;
  else llmir_close(opened);
  return code;
}

/* Freeing nothing is no error; after a fault of the device, errors of freeing say nothing new. */
void llmir_close(llmir_model *model) {
  if (model == NULL) return;
  if (model->stream != NULL) cudaStreamSynchronize(model->stream);
  void *const memory[] = {model->weights, model->arena,         model->cache,
                          model->batch,   model->layer_numbers, model->logits};
  for (void *each : memory)
    if (each != NULL) cudaFree(each);
  if (model->staging != NULL) cudaFreeHost(model->staging);
  if (model->stream != NULL) cudaStreamDestroy(model->stream);
  free(model->bounds.marks);
  free(model);
}

/* ---- Running ----------------------------------------------------------------------------------------- */

/* Gathers an array behind those gathered before; returns where the device will have it. */
static const int32_t *stage(const llmir_model *model, size_t *used, const int32_t *array, size_t count) {
  const int32_t *const place = model->batch + *used;
  if (count > 0) memcpy(model->staging + *used, array, count * sizeof *array);
  *used += count;
  return place;
}

static Step upload_batch(const llmir_model *model, const llmir_batch *batch, cudaError_t *fault) {
  const size_t tokens = (size_t)batch->token_count, rows = (size_t)batch->row_count;
  const size_t context = llmir_facts.needs_context ? (size_t)batch->context_count : 0;
  const size_t table = (size_t)batch->sequence_count * (size_t)llmir_facts.blocks_per_sequence;
  size_t used = 0;
  Step step = {};
  step.T = batch->token_count;
  step.S = batch->sequence_count;
  step.R = batch->row_count;
  step.C = (int32_t)context;
  step.B = llmir_facts.blocks_per_sequence;
  step.P = model->bounds.blocks;
  step.tokens = stage(model, &used, batch->tokens, tokens);
  step.positions = stage(model, &used, batch->positions, tokens);
  step.sequences = stage(model, &used, batch->sequences, tokens);
  step.rows = stage(model, &used, batch->rows, rows);
  step.block_table = stage(model, &used, batch->block_table, table);
  step.context_sequences = stage(model, &used, batch->context_sequences, context);
  step.context_positions = stage(model, &used, batch->context_positions, context);
  step.layer_numbers = model->layer_numbers;
  step.logits = model->logits;
  step.arena = model->arena;
  step.weights = model->weights;
  step.keys = model->cache;
  step.values = model->cache + (size_t)llmir_facts.layers * (size_t)model->bounds.blocks * half_block_bytes();
  step.stream = model->stream;
  step.fault = fault;
  note_fault(&step, cudaMemcpyAsync(model->batch, model->staging, used * sizeof *model->staging,
                                    cudaMemcpyHostToDevice, model->stream));
  return step;
}

int32_t llmir_step(llmir_model *model, const llmir_batch *batch) {
  if (model == NULL || batch == NULL) return LLMIR_BAD_ARGUMENT;
  const int32_t code = check_batch(model->bounds, batch);
  if (code != LLMIR_OK) return code;
  cudaError_t fault = cudaSuccess;
  const Step step = upload_batch(model, batch, &fault);
  llmir_program(&step);
  const size_t logits = (size_t)batch->row_count * (size_t)llmir_facts.vocabulary * sizeof(float);
  if (logits > 0)
    note_fault(&step, cudaMemcpyAsync(batch->logits, model->logits, logits, cudaMemcpyDeviceToHost,
                                      model->stream));
  /* Waits even after a fault: the batch's arrays are the caller's again when this function returns. */
  note_fault(&step, cudaStreamSynchronize(model->stream));
  return fault == cudaSuccess ? LLMIR_OK : LLMIR_CUDA_FAULT + (int32_t)fault;
}

int32_t llmir_copy_block(llmir_model *model, int32_t from, int32_t to) {
  if (model == NULL) return LLMIR_BAD_ARGUMENT;
  if (!within(from, model->bounds.blocks) || !within(to, model->bounds.blocks)) return LLMIR_BAD_BLOCK;
  if (from == to) return LLMIR_OK;
  const size_t bytes = half_block_bytes();
  cudaError_t error = cudaSuccess;
  /* Keys of all layers, then values of all layers: 2 * layers pools of `blocks` blocks. */
  for (size_t pool = 0; error == cudaSuccess && pool < 2 * (size_t)llmir_facts.layers; pool++) {
    unsigned char *const base = model->cache + pool * (size_t)model->bounds.blocks * bytes;
    error = cudaMemcpyAsync(base + (size_t)to * bytes, base + (size_t)from * bytes, bytes,
                            cudaMemcpyDeviceToDevice, model->stream);
  }
  if (error == cudaSuccess) error = cudaStreamSynchronize(model->stream);
  return error == cudaSuccess ? LLMIR_OK : LLMIR_CUDA_FAULT + (int32_t)error;
}

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
      "there is no GPU that CUDA can use",
  };
  if (code >= LLMIR_CUDA_FAULT) return cudaGetErrorString((cudaError_t)(code - LLMIR_CUDA_FAULT));
  const int32_t known = (int32_t)(sizeof meanings / sizeof meanings[0]);
  return within(code, known) ? meanings[code] : "unknown error";
}
