/*
 * Product of 8-bit activations with 8-bit weights. Layout: [ceil(N / 16)] panels of [K / GROUP] blocks:
 * 16 half-precision scales, then GROUP / 4 quads: four rows of 16 columns, column by column, each code plus 128.
 *
 *   NAME    the function
 *   K, N    rows and columns of the weights
 *   GROUP   rows that share a scale; divides K, a multiple of 4
 *   ADDEND  1: out = addend + x w; `addend` may be `out` itself
 */
#ifndef NAME
#define NAME integer_matmul_q8
#define K 64
#define N 48
#define GROUP 32
#define ADDEND 0
#endif

#include "panel-tile.h"
#include "quantized-rows.h"
#include "integer-dot.h"

#define BLOCK_BYTES (PANEL * 2 + GROUP * PANEL)
#define PANEL_BYTES ((int64_t)(K / GROUP) * BLOCK_BYTES)
#define WEIGHTS_SIGNED SIGNED_BYTES

INLINE vi JOIN(NAME, _weights)(const uint8_t *panel, int64_t g, int q, int v) {
  const vi bytes = vi_load(panel + g * BLOCK_BYTES + PANEL * 2 + (q * PANEL + v * LANES) * 4);
  return WEIGHTS_SIGNED ? bytes ^ (vi)((vu){0} + 0x80808080u) : bytes;
}

INLINE vf JOIN(NAME, _scales)(const uint8_t *panel, int64_t g, int v) {
  return vf_load_half((const uint16_t *)(const void *)(panel + g * BLOCK_BYTES) + v * LANES);
}

#include "integer-matmul.h"
#undef BLOCK_BYTES
