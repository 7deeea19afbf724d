/* The part of cuda_fp16.h that kernels use. */
#ifndef EMULATE_CUDA_FP16_H
#define EMULATE_CUDA_FP16_H

#include "cuda_runtime.h"

struct __half { unsigned short bits; };

inline __half __ushort_as_half(unsigned short bits) { return {bits}; }
inline unsigned short __half_as_ushort(__half half) { return half.bits; }

inline float __half2float(__half half) {
  const int exponent = half.bits >> 10 & 31, fraction = half.bits & 1023;
  const float magnitude = exponent == 31 ? (fraction == 0 ? INFINITY : NAN)
                          : exponent == 0 ? ldexpf((float)fraction, -24)
                                          : ldexpf((float)(fraction + 1024), exponent - 25);
  return half.bits >> 15 ? -magnitude : magnitude;
}

/* To nearest, ties to even: in double, where the scaled number has its half's last bit at 1. */
inline __half __float2half_rn(float value) {
  const unsigned short sign = __float_as_uint(value) >> 31 ? 0x8000 : 0;
  const float magnitude = fabsf(value);
  if (isnan(value)) return {(unsigned short)(sign | 0x7e00)};
  if (magnitude >= 65520.0f) return {(unsigned short)(sign | 0x7c00)};
  if (magnitude == 0.0f) return {sign};
  int exponent;
  frexpf(magnitude, &exponent);
  const int last = exponent - 11 < -24 ? -24 : exponent - 11;
  const double steps = nearbyint(ldexp((double)magnitude, -last));
  /* Counted from the least number of its power of two; one step more carries into the exponent by itself. */
  const int base = last == -24 ? 0 : (last + 24) << 10;
  return {(unsigned short)(sign | (unsigned short)(base + (int)steps))};
}

#endif
