/*
 * Scalar arithmetic that CUDA C++ does not have or does otherwise: 16-bit floats as bits, saturating casts,
 * maxima that keep a NaN. Kernels that are printed from loops use it.
 */
#ifndef LLMIR_NUMBERS_CUH
#define LLMIR_NUMBERS_CUH

#include <math.h>
#include <stdint.h>

#include <cuda_fp16.h>
#include <cuda_runtime.h>

#define NUMBER static __device__ __forceinline__ __attribute__((unused))

NUMBER float from_half(uint16_t half) { return __half2float(__ushort_as_half(half)); }

/* To nearest, ties to even; what is too large becomes infinite. */
NUMBER uint16_t to_half(float value) { return __half_as_ushort(__float2half_rn(value)); }

/* bfloat16 is the upper half of a single. */
NUMBER float from_brain(uint16_t brain) { return __uint_as_float((uint32_t)brain << 16); }

NUMBER uint16_t to_brain(float value) {
  const uint32_t bits = __float_as_uint(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return (uint16_t)((bits >> 16) | 0x40u);
  return (uint16_t)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

/* Towards zero, to the nearest end of the range when outside; a NaN becomes 0. */
NUMBER int32_t to_range(double value, double least, double most) {
  if (value != value) return 0;
  return (int32_t)(value < least ? least : value > most ? most : value);
}

NUMBER int32_t to_i32(double value) { return to_range(value, -2147483648.0, 2147483647.0); }
NUMBER int8_t to_i8(double value) { return (int8_t)to_range(value, -128.0, 127.0); }
NUMBER uint8_t to_u8(double value) { return (uint8_t)to_range(value, 0.0, 255.0); }

NUMBER float larger(float a, float b) { return a > b || a != a ? a : b; }
NUMBER float smaller(float a, float b) { return a < b || a != a ? a : b; }

#endif
