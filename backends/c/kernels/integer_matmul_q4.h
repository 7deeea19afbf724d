/*
 * Product of 8-bit activations with 4-bit weights. Layout: [ceil(N / 16)] panels of [K / GROUP] blocks:
 * 16 half-precision scales, then GROUP / 8 vectors of 64 bytes: the low halves are a quad (four rows of 16 columns,
 * column by column), the high halves the quad GROUP / 8 further on; each code plus 8.
 *
 *   NAME    the function
 *   K, N    rows and columns of the weights
 *   GROUP   rows that share a scale; divides K, a multiple of 8
 *   ADDEND  1: out = addend + x w; `addend` may be `out` itself
 */
#ifndef NAME
#define NAME integer_matmul_q4
#define K 64
#define N 48
#define GROUP 32
#define ADDEND 0
#endif

#include "integer-dot.h"

#define BLOCK_BYTES (PANEL * 2 + GROUP * PANEL / 2)
#define PANEL_BYTES ((int64_t)(K / GROUP) * BLOCK_BYTES)
#define WEIGHTS_SIGNED 0

_Static_assert(GROUP % 8 == 0, "quads come in pairs");

INLINE vi JOIN(NAME, _weights)(const uint8_t *panel, int64_t g, int q, int v) {
  const int low = q % (GROUP / 8);
  const vu bytes = (vu)vi_load(panel + g * BLOCK_BYTES + PANEL * 2 + (low * PANEL + v * LANES) * 4);
  return (vi)((q == low ? bytes : bytes >> 4) & 0x0f0f0f0fu);
}

INLINE vf JOIN(NAME, _scales)(const uint8_t *panel, int64_t g, int v) {
  return vf_load_half((const uint16_t *)(const void *)(panel + g * BLOCK_BYTES) + v * LANES);
}

#include "integer-matmul.h"
#undef BLOCK_BYTES
