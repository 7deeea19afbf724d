/*
 * Rows of activations rounded to bfloat16, to nearest, ties to even. Threads split rows in pieces of PIECE columns.
 *
 *   NAME  the function
 *   K     columns of a row
 */
#ifndef NAME
#define NAME narrow_rows
#define K 64
#endif

#include "../runtime/vector.h"
#include "../runtime/worker.h"
#include "narrow-rows.h"

#define PIECE 512
#define PIECES ((NARROW_ROW(K) + PIECE - 1) / PIECE)

KERNEL NAME(const Worker *worker, int32_t tokens, const float *x, uint16_t *out) {
  for (Shares shares = shares_of(worker, (int64_t)tokens * PIECES); next_share(&shares);)
    for (int64_t unit = shares.first; unit < shares.end; unit++) {
      const int64_t row = unit / PIECES, first = unit % PIECES * PIECE;
      const int64_t end = first + PIECE < NARROW_ROW(K) ? first + PIECE : NARROW_ROW(K);
      for (int64_t i = first; i < end; i += LANES) {
        const vf value = vf_load_tail(x + row * K + i, K - i);
        const vu bits = (vu)value;
        const vu rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
        const vu is_number = (vu)(value == value);
        vu_store_uint16(out + row * NARROW_ROW(K) + i, (rounded & is_number) | (0x7fc0u & ~is_number));
      }
    }
}

#undef PIECE
#undef PIECES
#undef NAME
#undef K
