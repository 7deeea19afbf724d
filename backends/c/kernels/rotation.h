/*
 * What rope.h and rope_append_kv.h share: turning the pairs of one head by the angles of a position.
 */
#ifndef LLMIR_ROTATION_H
#define LLMIR_ROTATION_H

#include <math.h>

#include "../runtime/vector.h"

/* Cosines, then sines, of `pairs` pairs: the angle is position * frequency, in single precision. */
static inline __attribute__((unused)) void rotation_of(int32_t position, const float *frequencies, int pairs,
                                                        float *turn) {
  for (int i = 0; i < pairs; i++) {
    const float angle = (float)position * frequencies[i];
    turn[i] = cosf(angle);
    turn[pairs + i] = sinf(angle);
  }
}

/* One head. `interleaved` pairs are neighbours (2i, 2i+1); otherwise halves of the head (i, i + pairs). */
INLINE void rotate_head(const float *from, float *to, const float *turn, int pairs, int interleaved) {
  const float *const cosines = turn;
  const float *const sines = turn + pairs;
  if (interleaved) {
    for (int i = 0; i < pairs; i++) {
      const float a = from[2 * i], b = from[2 * i + 1];
      to[2 * i] = a * cosines[i] - b * sines[i];
      to[2 * i + 1] = b * cosines[i] + a * sines[i];
    }
    return;
  }
  for (int i = 0; i < pairs; i += LANES) {
    const int64_t left = pairs - i;
    const vf a = vf_load_tail(from + i, left), b = vf_load_tail(from + pairs + i, left);
    const vf c = vf_load_tail(cosines + i, left), s = vf_load_tail(sines + i, left);
    vf_store_tail(to + i, a * c - b * s, left);
    vf_store_tail(to + pairs + i, b * c + a * s, left);
  }
}

#endif
