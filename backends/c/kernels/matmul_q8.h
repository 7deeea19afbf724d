/*
 * Matrix product with 8-bit weights: signed codes, a half-precision scale for each GROUP rows of a column.
 * Layout: [ceil(N / 16)] panels of [K / GROUP] blocks: 16 scales, then GROUP rows of 16 codes, a byte each.
 * Activations stay single precision: the sums are those of the dequantized weights, in another order.
 *
 *   NAME    the function
 *   K, N    rows and columns of the weights
 *   GROUP   rows that share a scale; divides K
 *   ADDEND  1: out = addend + x w; `addend` may be `out` itself
 */
#ifndef NAME
#define NAME matmul_q8
#define K 64
#define N 48
#define GROUP 32
#define ADDEND 0
#endif

#include "../runtime/vector.h"

#define BITS 8
#define CODES_PER_BYTE 1
#define LOAD_CODES(code, from) ((code)[0] = vf_load_int8((const int8_t *)(from)))
#include "matmul-quantized.h"
