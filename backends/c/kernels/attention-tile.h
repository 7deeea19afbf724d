/*
 * Attention of many tokens that follow each other in one sequence, for paged_attention.h (flash attention; Dao et
 * al. 2022): a tile of query rows against blocks of keys, both products in registers. Scores are kept transposed,
 * [key][row]: the softmax then runs down the registers, and neither keys nor values have to be turned.
 *
 *   QUERY_TOKENS  tokens of a tile
 *   QUERY_ROWS    their query heads of one KV head, rounded up to whole strips
 *   STRIP        registers of rows, or of a head, that a product does at once
 *   TILE_KEYS    positions of a block
 */

#define TILE_KEYS 48
#define STRIP_ROWS (STRIP * LANES)
#define QUERY_ROWS ((QUERY_TOKENS * GROUP + STRIP_ROWS - 1) / STRIP_ROWS * STRIP_ROWS)
/* Keys, or rows, that a product does at once. */
#define SIDE 4

/* In a thread's scratch memory. */
typedef struct JOIN(NAME, _Tile) {
  float q[HEAD_DIM][QUERY_ROWS];
  float keys[TILE_KEYS][WIDE];
  float values[TILE_KEYS][WIDE];
  float scores[TILE_KEYS][QUERY_ROWS];
  float result[QUERY_ROWS][WIDE];
  float greatest[QUERY_ROWS], total[QUERY_ROWS], correction[QUERY_ROWS];
  int32_t position[QUERY_ROWS];
} JOIN(NAME, _Tile);

/* Tokens first .. first+count-1 of q[T, HEADS, HEAD_DIM], turned; rows that are left over attend to nothing but 0. */
INLINE void JOIN(NAME, _tile_start)(JOIN(NAME, _Tile) *tile, const float *q, int32_t position, int count, int kv_head) {
  for (int row = 0; row < QUERY_ROWS; row++) {
    const int token = row / GROUP, head = kv_head * GROUP + row % GROUP;
    const float *const from = q + ((int64_t)token * HEADS + head) * HEAD_DIM;
    const int exists = token < count;
    for (int d = 0; d < HEAD_DIM; d++) tile->q[d][row] = exists ? from[d] * (SCALE * LOG2_E) : 0.0f;
    tile->position[row] = position + (exists ? token : 0);
    tile->greatest[row] = NO_SCORE;
    tile->total[row] = 0.0f;
  }
  memset(tile->result, 0, sizeof tile->result);
}

/* Keys and values of a block as f32; what lies behind the last is 0. */
INLINE void JOIN(NAME, _tile_load)(JOIN(NAME, _Tile) *tile, const PagedCache *cache, int32_t sequence, int32_t first,
                                   int count, int kv_head) {
  for (int slot = 0; slot < TILE_KEYS; slot++) {
    const int64_t row = slot < count ? paged_slot(cache, sequence, first + slot, BLOCK_SIZE) * ROW : 0;
    const int64_t head = row + (int64_t)kv_head * HEAD_DIM;
    /* Slots behind the last position are 0, whatever lies there: another sequence's scale may be a NaN. */
    const vf none = {0};
    const vf key_scale = slot < count ? cache_scale(cache->key_scales, FORMAT, head, HEAD_DIM) : none;
    const vf value_scale = slot < count ? cache_scale(cache->value_scales, FORMAT, head, HEAD_DIM) : none;
    for (int d = 0; d < WIDE; d += LANES) {
      const int64_t left = slot < count ? HEAD_DIM - d : 0;
      vf_store(tile->keys[slot] + d, cache_load(cache->keys, FORMAT, key_scale, head + d, left));
      vf_store(tile->values[slot] + d, cache_load(cache->values, FORMAT, value_scale, head + d, left));
    }
  }
}

/* scores[key][row] = key . q[row] */
INLINE void JOIN(NAME, _tile_scores)(JOIN(NAME, _Tile) *tile) {
  for (int row = 0; row < QUERY_ROWS; row += STRIP_ROWS) {
    for (int slot = 0; slot < TILE_KEYS; slot += SIDE) {
      vf sum[SIDE][STRIP] = {{{0}}};
      for (int d = 0; d < HEAD_DIM; d++) {
#pragma GCC unroll 4
        for (int k = 0; k < SIDE; k++) {
          const vf key = vf_set(tile->keys[slot + k][d]);
#pragma GCC unroll 4
          for (int v = 0; v < STRIP; v++) sum[k][v] += key * vf_load(tile->q[d] + row + v * LANES);
        }
      }
#pragma GCC unroll 4
      for (int k = 0; k < SIDE; k++)
#pragma GCC unroll 4
        for (int v = 0; v < STRIP; v++) vf_store(tile->scores[slot + k] + row + v * LANES, sum[k][v]);
    }
  }
}

/* Scores that a row must not see: those of later positions, and those outside its window. */
INLINE void JOIN(NAME, _tile_mask)(JOIN(NAME, _Tile) *tile, int32_t first) {
  for (int slot = 0; slot < TILE_KEYS; slot++) {
    const int32_t at = first + slot;
    for (int row = 0; row < QUERY_ROWS; row += LANES) {
      vi position;
      memcpy(&position, tile->position + row, sizeof position);
      vi hidden = position < at;
      if (WINDOW > 0) hidden |= position - at >= WINDOW;
      float *const score = tile->scores[slot] + row;
      vf_store(score, vf_select(hidden, vf_set(-INFINITY), vf_load(score)));
    }
  }
}

/* Scores become weights relative to each row's new maximum. */
INLINE void JOIN(NAME, _tile_weigh)(JOIN(NAME, _Tile) *tile) {
  for (int row = 0; row < QUERY_ROWS; row += LANES) {
    const vf before = vf_load(tile->greatest + row);
    vf most = before, total = {0};
    for (int slot = 0; slot < TILE_KEYS; slot++) most = vf_max(most, vf_load(tile->scores[slot] + row));
#pragma GCC unroll 4
    for (int slot = 0; slot < TILE_KEYS; slot++) {
      const vf weight = vf_exp2_negative(vf_load(tile->scores[slot] + row) - most);
      vf_store(tile->scores[slot] + row, weight);
      total += weight;
    }
    const vf factor = vf_exp2_negative(before - most);
    vf_store(tile->total + row, vf_load(tile->total + row) * factor + total);
    vf_store(tile->greatest + row, most);
    vf_store(tile->correction + row, factor);
  }
}

/* result[row] = result[row] * correction[row] + sum over keys of weight[key][row] * value[key] */
INLINE void JOIN(NAME, _tile_gather)(JOIN(NAME, _Tile) *tile) {
  for (int row = 0; row < QUERY_ROWS; row += SIDE) {
#pragma GCC unroll 16
    for (int first = 0; first < VECTORS; first += STRIP) {
      vf sum[SIDE][STRIP];
#pragma GCC unroll 4
      for (int r = 0; r < SIDE; r++)
#pragma GCC unroll 4
        for (int v = 0; v < STRIP; v++)
          if (first + v < VECTORS)
            sum[r][v] = vf_load(tile->result[row + r] + (first + v) * LANES) * tile->correction[row + r];
      for (int slot = 0; slot < TILE_KEYS; slot++) {
#pragma GCC unroll 4
        for (int r = 0; r < SIDE; r++) {
          const vf weight = vf_set(tile->scores[slot][row + r]);
#pragma GCC unroll 4
          for (int v = 0; v < STRIP; v++)
            if (first + v < VECTORS) sum[r][v] += weight * vf_load(tile->values[slot] + (first + v) * LANES);
        }
      }
#pragma GCC unroll 4
      for (int r = 0; r < SIDE; r++)
#pragma GCC unroll 4
        for (int v = 0; v < STRIP; v++)
          if (first + v < VECTORS) vf_store(tile->result[row + r] + (first + v) * LANES, sum[r][v]);
    }
  }
}

/* `count` tokens from q and out on, at positions `position` ..: one KV head. */
KERNEL JOIN(NAME, _tile)(JOIN(NAME, _Tile) *tile, const PagedCache *cache, const float *q, int32_t sequence,
                         int32_t position, int count, int kv_head, float *out) {
  const int32_t end = position + count;
  JOIN(NAME, _tile_start)(tile, q, position, count, kv_head);
  for (int32_t first = FIRST_SEEN(position) / TILE_KEYS * TILE_KEYS; first < end; first += TILE_KEYS) {
    JOIN(NAME, _tile_load)(tile, cache, sequence, first, end - first < TILE_KEYS ? end - first : TILE_KEYS, kv_head);
    JOIN(NAME, _tile_scores)(tile);
    if (first + TILE_KEYS - 1 > position || first < FIRST_SEEN(end - 1)) JOIN(NAME, _tile_mask)(tile, first);
    JOIN(NAME, _tile_weigh)(tile);
    JOIN(NAME, _tile_gather)(tile);
  }
  for (int row = 0; row < count * GROUP; row++) {
    float *const to = out + ((int64_t)(row / GROUP) * HEADS + kv_head * GROUP + row % GROUP) * HEAD_DIM;
    for (int d = 0; d < HEAD_DIM; d += LANES)
      vf_store_tail(to + d, vf_load(tile->result[row] + d) / tile->total[row], HEAD_DIM - d);
  }
}
