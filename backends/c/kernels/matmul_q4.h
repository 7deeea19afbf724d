/*
 * Matrix product with 4-bit weights: signed codes, a half-precision scale for each GROUP rows of a column.
 * Layout: [ceil(N / 16)] panels of [K / GROUP] blocks: 16 scales, then GROUP / 2 rows of 16 bytes,
 * a byte holding two rows of one column (the even one in its low half), each code plus 8.
 * Activations stay single precision: the sums are those of the dequantized weights, in another order.
 *
 *   NAME    the function
 *   K, N    rows and columns of the weights
 *   GROUP   rows that share a scale; divides K, even
 *   ADDEND  1: out = addend + x w; `addend` may be `out` itself
 */
#ifndef NAME
#define NAME matmul_q4
#define K 64
#define N 48
#define GROUP 32
#define ADDEND 0
#endif

#include "../runtime/vector.h"

#define BITS 4
#define CODES_PER_BYTE 2
#define LOAD_CODES(code, from)                    \
  do {                                            \
    const vi bytes = vi_load_bytes(from);         \
    (code)[0] = vf_from_nibbles(bytes);           \
    (code)[1] = vf_from_nibbles(bytes >> 4);      \
  } while (0)
#include "matmul-quantized.h"
