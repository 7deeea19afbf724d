/*
 * Rotary positions: out[T, HEADS, HEAD_DIM] = columns OFFSET .. OFFSET + HEADS * HEAD_DIM of each row of
 * x[T, WIDTH], every head turned by its token's position. Threads split the heads of all tokens.
 *
 *   NAME         the function
 *   WIDTH        columns of x
 *   OFFSET       first column that is read
 *   HEADS        heads
 *   HEAD_DIM     elements of a head, even
 *   INTERLEAVED  1: pairs are neighbours; 0: pairs are the halves of a head
 *
 * Scratch: HEAD_DIM floats.
 */
#ifndef NAME
#define NAME rope
#define WIDTH 128
#define OFFSET 0
#define HEADS 2
#define HEAD_DIM 64
#define INTERLEAVED 0
#endif

#include "../runtime/worker.h"
#include "rotation.h"

KERNEL NAME(const Worker *worker, int32_t tokens, const float *x, const int32_t *positions,
            const float *frequencies, float *out) {
  float *const turn = worker->scratch;
  int64_t turned = -1;
  for (Shares shares = shares_of(worker, (int64_t)tokens * HEADS); next_share(&shares);)
    for (int64_t unit = shares.first; unit < shares.end; unit++) {
      const int64_t token = unit / HEADS, head = unit % HEADS;
      if (token != turned) rotation_of(positions[token], frequencies, HEAD_DIM / 2, turn);
      turned = token;
      rotate_head(x + token * WIDTH + OFFSET + head * HEAD_DIM, out + unit * HEAD_DIM, turn, HEAD_DIM / 2,
                  INTERLEAVED);
    }
}

#undef NAME
#undef WIDTH
#undef OFFSET
#undef HEADS
#undef HEAD_DIM
#undef INTERLEAVED
