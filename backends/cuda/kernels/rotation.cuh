/*
 * What rope.cuh and rope_append_kv.cuh share: turning one pair of a head by the angle of a position.
 */
#ifndef LLMIR_ROTATION_CUH
#define LLMIR_ROTATION_CUH

#include "paged-cache.cuh"

/*
 * Pair `pair` of a head of 2 * `pairs` elements. `interleaved` pairs are neighbours (2i, 2i+1); otherwise
 * halves of the head (i, i + pairs). The angle is position * frequency, in single precision.
 */
template <class Stored>
static __device__ __forceinline__ void rotate_pair(const float *from, Stored *to, int pair, int pairs,
                                                   bool interleaved, float angle) {
  const int first = interleaved ? 2 * pair : pair, second = interleaved ? 2 * pair + 1 : pair + pairs;
  float sine, cosine;
  sincosf(angle, &sine, &cosine);
  const float a = from[first], b = from[second];
  store_number(to + first, a * cosine - b * sine);
  store_number(to + second, b * cosine + a * sine);
}

#endif
