/*
 * Scalar arithmetic that C does not have or does otherwise: 16-bit floats, saturating casts, maxima that
 * keep a NaN. Kernels that are printed from loops use it.
 */
#ifndef LLMIR_NUMBERS_H
#define LLMIR_NUMBERS_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#define NUMBER static inline __attribute__((always_inline, unused))

NUMBER uint32_t bits_of(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

NUMBER float float_of(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

NUMBER float from_half(uint16_t half) {
  const uint32_t magnitude = (uint32_t)(half & 0x7fffu) << 13;
  const uint32_t special = magnitude >= (0x7c00u << 13) ? 0x7f800000u : 0;
  return float_of(bits_of(float_of(magnitude) * 0x1p112f) | special | (uint32_t)(half & 0x8000u) << 16);
}

/* To nearest, ties to even; what is too large becomes infinite. */
NUMBER uint16_t to_half(float value) {
  const uint32_t bits = bits_of(value), magnitude = bits & 0x7fffffffu;
  const uint16_t sign = (uint16_t)((bits >> 16) & 0x8000u);
  if (magnitude > 0x7f800000u) return sign | 0x7e00u;
  if (magnitude >= 0x477ff000u) return sign | 0x7c00u;
  /* Subnormal: adding 0.5 leaves the rounded half's bits at the end of the fraction. */
  if (magnitude < 0x38800000u) return (uint16_t)(sign | (bits_of(float_of(magnitude) + 0.5f) - 0x3f000000u));
  return (uint16_t)(sign | ((magnitude - 0x38000000u + 0xfffu + ((magnitude >> 13) & 1u)) >> 13));
}

NUMBER float from_brain(uint16_t brain) { return float_of((uint32_t)brain << 16); }

NUMBER uint16_t to_brain(float value) {
  const uint32_t bits = bits_of(value);
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
