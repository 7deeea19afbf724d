/*
 * Rotary positions: out[T, HEADS, HEAD_DIM] = columns OFFSET .. OFFSET + HEADS * HEAD_DIM of each row of
 * x[T, WIDTH], every head turned by its token's position. One thread a pair.
 *
 *   NAME         the launcher; its kernel is NAME_kernel
 *   WIDTH        columns of x
 *   OFFSET       first column that is read
 *   HEADS        heads
 *   HEAD_DIM     elements of a head, even
 *   INTERLEAVED  1: pairs are neighbours; 0: pairs are the halves of a head
 */
#include "../runtime/launch.cuh"
#include "rotation.cuh"

#ifndef NAME
#define NAME rope
#define WIDTH 6144
#define OFFSET 0
#define HEADS 32
#define HEAD_DIM 128
#define INTERLEAVED 0
#endif

#define PAIRS (HEAD_DIM / 2)

static __global__ void __launch_bounds__(UNIT_THREADS)
    JOIN(NAME, _kernel)(int64_t tokens, const float *__restrict__ x, const int32_t *__restrict__ positions,
                        const float *__restrict__ frequencies, float *__restrict__ out) {
  for (int64_t unit = first_unit(); unit < tokens * HEADS * PAIRS; unit += unit_stride()) {
    const int pair = (int)(unit % PAIRS), head = (int)(unit / PAIRS % HEADS);
    const int64_t token = unit / (PAIRS * HEADS);
    const float angle = (float)positions[token] * frequencies[pair];
    rotate_pair(x + token * WIDTH + OFFSET + head * HEAD_DIM, out + (token * HEADS + head) * HEAD_DIM,
                pair, PAIRS, INTERLEAVED, angle);
  }
}

LAUNCHER NAME(const Step *s, int64_t tokens, const float *x, const int32_t *positions,
              const float *frequencies, float *out) {
  launch_units(s, JOIN(NAME, _kernel), tokens * HEADS * PAIRS, tokens, x, positions, frequencies, out);
}

#undef PAIRS
#undef NAME
#undef WIDTH
#undef OFFSET
#undef HEADS
#undef HEAD_DIM
#undef INTERLEAVED
