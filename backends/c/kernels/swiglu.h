/*
 * out[T, F] = silu(gate) * up, where a row of `gate_up` [T, 2 F] is the gate, then the other factor.
 * Threads split the rows in pieces of PIECE columns, so that one token keeps all of them busy.
 *
 *   NAME  the function
 *   F     columns of the result
 */
#ifndef NAME
#define NAME swiglu
#define F 64
#endif

#include "../runtime/vector.h"
#include "../runtime/worker.h"

#define PIECE 256
#define PIECES ((F + PIECE - 1) / PIECE)

KERNEL NAME(const Worker *worker, int32_t tokens, const float *gate_up, float *out) {
  for (Shares shares = shares_of(worker, (int64_t)tokens * PIECES); next_share(&shares);)
    for (int64_t unit = shares.first; unit < shares.end; unit++) {
      const int64_t row = unit / PIECES, first = unit % PIECES * PIECE;
      const int64_t end = first + PIECE < F ? first + PIECE : F;
      const float *const gate = gate_up + row * 2 * F;
      for (int64_t i = first; i < end; i += LANES) {
        const vf value = vf_silu(vf_load_tail(gate + i, end - i)) * vf_load_tail(gate + F + i, end - i);
        vf_store_tail(out + row * F + i, value, end - i);
      }
    }
}

#undef PIECE
#undef PIECES
#undef NAME
#undef F
