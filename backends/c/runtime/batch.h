/*
 * The check of every batch, for the runtime of a target to include behind its program's facts.
 *
 * A batch comes from a caller that we do not trust to have counted right: every index in it is compared with
 * its bound before a kernel uses it, so that kernels need no checks of their own. The cache is linear: a
 * sequence must not come back to a block, and two tokens must not write one slot, for which of them would win
 * is chance. Sequences may share the blocks of a common beginning.
 */
#ifndef LLMIR_BATCH_H
#define LLMIR_BATCH_H

/* The cache that batches are checked against. */
typedef struct CacheBounds {
  int32_t blocks;
  unsigned char *marks; /* [blocks * block_size], all zero between checks */
} CacheBounds;

static inline size_t count_marks(int32_t blocks) { return (size_t)blocks * (size_t)llmir_facts.block_size; }

static inline int within(int32_t value, int32_t bound) { return value >= 0 && value < bound; }

static inline int32_t check_counts(const llmir_batch *batch) {
  const int counted = within(batch->token_count - 1, llmir_facts.max_tokens) &&
                      within(batch->sequence_count - 1, llmir_facts.max_sequences) &&
                      within(batch->row_count, llmir_facts.max_rows + 1) && batch->context_count >= 0;
  if (!counted) return LLMIR_BAD_COUNT;
  if (batch->tokens == NULL || batch->positions == NULL || batch->sequences == NULL || batch->block_table == NULL)
    return LLMIR_BAD_ARGUMENT;
  if (batch->row_count > 0 && (batch->rows == NULL || batch->logits == NULL)) return LLMIR_BAD_ARGUMENT;
  return LLMIR_OK;
}

/* Whether the blocks up to a position's own are of the pool and different: attention reads all of them. */
static inline int blocks_exist(CacheBounds cache, const llmir_batch *batch, int32_t sequence, int32_t position) {
  const int32_t *const table = batch->block_table + (size_t)sequence * (size_t)llmir_facts.blocks_per_sequence;
  const int32_t last = position / llmir_facts.block_size;
  if (last >= llmir_facts.blocks_per_sequence) return 0;
  int32_t seen = 0;
  for (; seen <= last && within(table[seen], cache.blocks) && !cache.marks[table[seen]]; seen++)
    cache.marks[table[seen]] = 1;
  for (int32_t i = 0; i < seen; i++) cache.marks[table[i]] = 0;
  return seen > last;
}

/* Where a token's keys and values go, in slots of the pool; its block exists. */
static inline size_t slot_of(const llmir_batch *batch, int32_t t) {
  const int32_t position = batch->positions[t], size = llmir_facts.block_size;
  const size_t row = (size_t)batch->sequences[t] * (size_t)llmir_facts.blocks_per_sequence;
  const int32_t block = batch->block_table[row + (size_t)(position / size)];
  return (size_t)block * (size_t)size + (size_t)(position % size);
}

static inline int slots_differ(CacheBounds cache, const llmir_batch *batch) {
  int32_t seen = 0;
  for (; seen < batch->token_count && !cache.marks[slot_of(batch, seen)]; seen++)
    cache.marks[slot_of(batch, seen)] = 1;
  for (int32_t t = 0; t < seen; t++) cache.marks[slot_of(batch, t)] = 0;
  return seen == batch->token_count;
}

static inline int32_t check_tokens(CacheBounds cache, const llmir_batch *batch) {
  for (int32_t t = 0; t < batch->token_count; t++) {
    if (!within(batch->tokens[t], llmir_facts.vocabulary)) return LLMIR_BAD_TOKEN;
    if (!within(batch->positions[t], llmir_facts.context_length)) return LLMIR_BAD_POSITION;
    if (!within(batch->sequences[t], batch->sequence_count)) return LLMIR_BAD_SEQUENCE;
  }
  for (int32_t t = 0; t < batch->token_count; t++) {
    /* A run of tokens of one sequence: the last position covers the blocks of those before it. */
    const int covered = t + 1 < batch->token_count && batch->sequences[t + 1] == batch->sequences[t] &&
                        batch->positions[t + 1] >= batch->positions[t];
    if (!covered && !blocks_exist(cache, batch, batch->sequences[t], batch->positions[t])) return LLMIR_BAD_BLOCK;
  }
  if (!slots_differ(cache, batch)) return LLMIR_BAD_BLOCK;
  for (int32_t r = 0; r < batch->row_count; r++)
    if (!within(batch->rows[r], batch->token_count)) return LLMIR_BAD_ROW;
  return LLMIR_OK;
}

static inline int32_t check_context(CacheBounds cache, const llmir_batch *batch) {
  if (!llmir_facts.needs_context) return LLMIR_OK;
  if (batch->context_count < 1 || batch->context_count > llmir_facts.max_context) return LLMIR_BAD_COUNT;
  if (batch->context_sequences == NULL || batch->context_positions == NULL) return LLMIR_BAD_ARGUMENT;
  for (int32_t c = 0; c < batch->context_count; c++) {
    const int32_t sequence = batch->context_sequences[c], position = batch->context_positions[c];
    if (!within(sequence, batch->sequence_count) || !within(position, llmir_facts.context_length))
      return LLMIR_BAD_CONTEXT;
    const int64_t entry = (int64_t)sequence * llmir_facts.blocks_per_sequence + position / llmir_facts.block_size;
    if (position / llmir_facts.block_size >= llmir_facts.blocks_per_sequence) return LLMIR_BAD_CONTEXT;
    if (!within(batch->block_table[entry], cache.blocks)) return LLMIR_BAD_BLOCK;
  }
  return LLMIR_OK;
}

/* A code of `llmir.h`: the first fault found, in the order of the codes' checks. */
static inline int32_t check_batch(CacheBounds cache, const llmir_batch *batch) {
  int32_t code = check_counts(batch);
  if (code == LLMIR_OK) code = check_tokens(cache, batch);
  if (code == LLMIR_OK) code = check_context(cache, batch);
  return code;
}

#endif
