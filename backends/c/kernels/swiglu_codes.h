/*
 * Rows of silu(gate) * up as 8-bit codes with a scale for each GROUP of them: swiglu.h and quantize_rows.h in one
 * pass. A row of `gate_up` [T, 2 K] is the gate, then the other factor. Threads split the rows in pieces of PIECE
 * groups, so that one token keeps all of them busy.
 *
 *   NAME    the function
 *   K       columns of the result
 *   GROUP   columns that share a scale; divides K
 *   OFFSET  what the weights that the rows will meet are stored plus
 */
#ifndef NAME
#define NAME swiglu_codes
#define K 64
#define GROUP 32
#define OFFSET 128
#endif

#include "../runtime/worker.h"
#include "quantized-rows.h"

/* Groups whose numbers are made before any of them is rounded: rounding a group is a long chain of steps. */
#define PIECE 8
#define GROUPS (K / GROUP)
#define PIECES ((GROUPS + PIECE - 1) / PIECE)

KERNEL NAME(const Worker *worker, int32_t tokens, const float *gate_up, uint8_t *out) {
  for (Shares shares = shares_of(worker, (int64_t)tokens * PIECES); next_share(&shares);)
    for (int64_t unit = shares.first; unit < shares.end; unit++) {
      const int64_t row = unit / PIECES, first = unit % PIECES * PIECE;
      const int64_t end = first + PIECE < GROUPS ? first + PIECE : GROUPS, count = (end - first) * GROUP;
      const float *const gate = gate_up + row * 2 * K + first * GROUP;
      uint8_t *const to = out + row * ROW_BYTES(K, GROUP);
      float values[PIECE * GROUP];
      for (int64_t i = 0; i < count; i += LANES) {
        const vf value = vf_silu(vf_load_tail(gate + i, count - i)) * vf_load_tail(gate + K + i, count - i);
        vf_store_tail(values + i, value, count - i);
      }
      for (int64_t group = first; group < end; group++)
        quantize_group(values + (group - first) * GROUP, to, K, GROUP, OFFSET, group);
      if (first == 0) clear_padding(to, K, GROUP);
    }
}

#undef PIECE
#undef PIECES
#undef GROUPS
#undef NAME
#undef K
#undef GROUP
#undef OFFSET
