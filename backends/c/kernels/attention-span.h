/*
 * One token's attention over a span of positions, for paged_attention.h: all heads in one pass over the blocks, so
 * that keys and values stream through in the order in which they lie in memory. Scores of several keys and all
 * query heads of a KV head are summed at once; the softmax runs over them as they lie (online softmax; Milakov
 * and Gimelshein 2018).
 *
 *   TEAM    query heads of a KV head that are done at once
 *   SPREAD  TEAM rounded up to a power of two: the scores of a key take as many lanes
 *   KEYS    keys whose scores fill a register
 *   PIECE   positions between two corrections of the running results
 *   SLICE   registers of a head whose sums are carried at once
 */

#define TEAM (GROUP < LANES ? GROUP : LANES)
#define SPREAD (TEAM <= 1 ? 1 : TEAM <= 2 ? 2 : TEAM <= 4 ? 4 : TEAM <= 8 ? 8 : 16)
#define KEYS (LANES / SPREAD)
#define PIECE 32
#define SLICE (TEAM * VECTORS <= SUMS ? VECTORS : TEAM >= SUMS ? 1 : SUMS / TEAM)

/* Teams of a KV head; the last one overlaps the one before it where heads do not divide evenly. */
#define TEAMS ((GROUP + TEAM - 1) / TEAM)
#define TEAM_START(team) ((team) * TEAM + TEAM <= GROUP ? (team) * TEAM : GROUP - TEAM)

/* What a span gives: sums of weighted values, relative to the greatest score so far. */
typedef struct JOIN(NAME, _Sums) {
  float result[HEADS][WIDE];
  float greatest[KV_HEADS * TEAMS][LANES]; /* lane i: head i % SPREAD of the team */
  float total[KV_HEADS * TEAMS][LANES];    /* lane i: the part of head i % SPREAD that lies there */
} JOIN(NAME, _Sums);

/*
 * Some positions for one KV head: where their rows begin, and those of as many positions behind them. These are asked
 * for row by row while the present ones are worked on: many requests at once would hold up everything else.
 */
typedef struct JOIN(NAME, Piece) {
  const PagedCache *cache;
  int64_t column; /* of the head in a row */
  const int64_t *rows, *next;
  int count, following;
} JOIN(NAME, Piece);

/* scores[slot][h] = q[h] . key[slot] */
INLINE void JOIN(NAME, _scores)(const float *q, const JOIN(NAME, Piece) *piece, float *scores) {
  for (int slot = 0; slot < piece->count; slot += KEYS) {
    vf part[LANES];
#pragma GCC unroll 16
    for (int k = 0; k < KEYS; k++) {
      if (slot + k < piece->following)
        cache_prefetch(piece->cache->keys, FORMAT, piece->next[slot + k] + piece->column, HEAD_DIM);
      const int64_t row = piece->rows[slot + k] + piece->column;
      const vf scale = cache_scale(piece->cache->key_scales, FORMAT, row, HEAD_DIM);
      vf key[VECTORS];
#pragma GCC unroll 16
      for (int d = 0; d < VECTORS; d++)
        key[d] = cache_load(piece->cache->keys, FORMAT, scale, row + d * LANES, HEAD_DIM - d * LANES);
#pragma GCC unroll 16
      for (int h = 0; h < SPREAD; h++) {
        vf sum = {0};
        if (h < TEAM) {
          sum = vf_load(q + h * WIDE) * key[0];
#pragma GCC unroll 16
          for (int d = 1; d < VECTORS; d++) sum += vf_load(q + h * WIDE + d * LANES) * key[d];
        }
        part[k * SPREAD + h] = sum;
      }
    }
    vf_store(scores + slot * SPREAD, vf_sums(part));
  }
}

/* Lane i: the greatest of the lanes that belong to the same head. */
INLINE vf JOIN(NAME, _greatest)(vf value) {
  float lane[LANES];
  vf_store(lane, value);
#pragma GCC unroll 16
  for (int h = 0; h < SPREAD; h++) {
    float most = lane[h];
    for (int i = h + SPREAD; i < LANES; i += SPREAD) most = lane[i] > most ? lane[i] : most;
    for (int i = h; i < LANES; i += SPREAD) lane[i] = most;
  }
  return vf_load(lane);
}

/* Scores become weights relative to the new maximum; `correction` is what earlier results are multiplied by. */
INLINE void JOIN(NAME, _weigh)(float *scores, int count, float *greatest, float *total, float *correction) {
  const vf before = vf_load(greatest);
  for (int i = count * SPREAD; i % LANES != 0; i++) scores[i] = -INFINITY;
  vf most = before;
  for (int i = 0; i < count * SPREAD; i += LANES) most = vf_max(most, vf_load(scores + i));
  most = JOIN(NAME, _greatest)(most);
  vf sum = {0};
  for (int i = 0; i < count * SPREAD; i += LANES) {
    const vf weight = vf_exp2_negative(vf_load(scores + i) - most);
    vf_store(scores + i, weight);
    sum += weight;
  }
  const vf factor = vf_exp2_negative(before - most);
  vf_store(total, vf_load(total) * factor + sum);
  vf_store(greatest, most);
  vf_store(correction, factor);
}

/* result[h] = result[h] * correction[h] + sum over slots of weight[slot][h] * value[slot] */
INLINE void JOIN(NAME, _gather)(float *result, const float *weights, const float *correction,
                                const JOIN(NAME, Piece) *piece) {
#pragma GCC unroll 16
  for (int first = 0; first < VECTORS; first += SLICE) {
    vf sum[TEAM][SLICE];
#pragma GCC unroll 16
    for (int h = 0; h < TEAM; h++)
#pragma GCC unroll 16
      for (int d = 0; d < SLICE; d++)
        if (first + d < VECTORS) sum[h][d] = vf_load(result + h * WIDE + (first + d) * LANES) * correction[h];
    for (int slot = 0; slot < piece->count; slot++) {
      if (first == 0 && slot < piece->following)
        cache_prefetch(piece->cache->values, FORMAT, piece->next[slot] + piece->column, HEAD_DIM);
      const int64_t row = piece->rows[slot] + piece->column;
      const vf scale = cache_scale(piece->cache->value_scales, FORMAT, row, HEAD_DIM);
#pragma GCC unroll 16
      for (int d = 0; d < SLICE; d++) {
        if (first + d >= VECTORS) continue;
        const int64_t at = (first + d) * LANES;
        const vf value = cache_load(piece->cache->values, FORMAT, scale, row + at, HEAD_DIM - at);
#pragma GCC unroll 16
        for (int h = 0; h < TEAM; h++) sum[h][d] += weights[slot * SPREAD + h] * value;
      }
    }
#pragma GCC unroll 16
    for (int h = 0; h < TEAM; h++)
#pragma GCC unroll 16
      for (int d = 0; d < SLICE; d++)
        if (first + d < VECTORS) vf_store(result + h * WIDE + (first + d) * LANES, sum[h][d]);
  }
}

/* The first element of each position's row; places behind the last repeat it, so that whole registers can be filled. */
INLINE void JOIN(NAME, _rows)(const PagedCache *cache, int32_t sequence, int32_t first, int count, int64_t *rows) {
  int slot = 0;
  for (; slot < count; slot++) rows[slot] = paged_slot(cache, sequence, first + slot, BLOCK_SIZE) * ROW;
  for (; slot < PIECE; slot++) rows[slot] = slot == 0 ? 0 : rows[slot - 1];
}

/* Positions of the piece that starts at `first`. */
INLINE int JOIN(NAME, _piece)(int32_t first, int32_t end) {
  return end - first >= PIECE ? PIECE : end > first ? end - first : 0;
}

/* One piece for the query heads of a KV head. */
INLINE void JOIN(NAME, _head)(const float *q, int kv_head, JOIN(NAME, Piece) piece, JOIN(NAME, _Sums) *sums) {
  float scores[PIECE * SPREAD], correction[LANES];
  piece.column = (int64_t)kv_head * HEAD_DIM;
  for (int team = 0; team < TEAMS; team++) {
    const int head = kv_head * GROUP + TEAM_START(team), each = kv_head * TEAMS + team;
    JOIN(NAME, _scores)(q + head * WIDE, &piece, scores);
    JOIN(NAME, _weigh)(scores, piece.count, sums->greatest[each], sums->total[each], correction);
    JOIN(NAME, _gather)(sums->result[head], scores, correction, &piece);
    piece.following = 0;
  }
}

/* Positions [first, end) for the query heads of KV heads [from, to): q[HEADS][WIDE] has been multiplied by SCALE. */
KERNEL JOIN(NAME, _span)(const PagedCache *cache, const float *q, int32_t sequence, int32_t first, int32_t end,
                         int from, int to, JOIN(NAME, _Sums) *sums) {
  int64_t rows[2][PIECE];
  memset(sums->result[from * GROUP], 0, sizeof sums->result[0] * (size_t)((to - from) * GROUP));
  for (int each = from * TEAMS; each < to * TEAMS; each++) {
    vf_store(sums->greatest[each], vf_set(NO_SCORE));
    vf_store(sums->total[each], (vf){0});
  }
  int64_t *now = rows[0], *next = rows[1];
  JOIN(NAME, _rows)(cache, sequence, first, JOIN(NAME, _piece)(first, end), now);
  for (int32_t at = first; at < end; at += PIECE) {
    const int count = JOIN(NAME, _piece)(at, end), following = JOIN(NAME, _piece)(at + PIECE, end);
    JOIN(NAME, _rows)(cache, sequence, at + PIECE, following, next);
    const JOIN(NAME, Piece) piece = {.cache = cache, .rows = now, .next = next, .count = count, .following = following};
    for (int kv_head = from; kv_head < to; kv_head++) JOIN(NAME, _head)(q, kv_head, piece, sums);
    int64_t *const spare = now;
    now = next;
    next = spare;
  }
}

/* The weighted mean of `spans` spans, always added in their order, for KV heads [from, to): out[HEADS][HEAD_DIM] */
INLINE void JOIN(NAME, _merge)(const JOIN(NAME, _Sums) *sums, int spans, int from, int to, float *out) {
  for (int unit = from * TEAMS; unit < to * TEAMS; unit++) {
    const int head = unit / TEAMS * GROUP + TEAM_START(unit % TEAMS);
    vf most = vf_set(NO_SCORE), total = {0};
    for (int i = 0; i < spans; i++) most = vf_max(most, vf_load(sums[i].greatest[unit]));
    for (int i = 0; i < spans; i++)
      total += vf_load(sums[i].total[unit]) * vf_exp2_negative(vf_load(sums[i].greatest[unit]) - most);
    float parts[LANES];
    vf_store(parts, total);
    for (int h = 0; h < TEAM; h++) {
      float sum = 0.0f;
      for (int i = h; i < LANES; i += SPREAD) sum += parts[i];
      for (int d = 0; d < WIDE; d += LANES) {
        vf result = {0};
        for (int i = 0; i < spans; i++) {
          const vf factor = vf_exp2_negative(vf_load(sums[i].greatest[unit]) - most);
          float factors[LANES];
          vf_store(factors, factor);
          result += vf_load(sums[i].result[head + h] + d) * factors[h];
        }
        vf_store_tail(out + (head + h) * HEAD_DIM + d, result / sum, HEAD_DIM - d);
      }
    }
  }
}
