/*
 * Matrix product with bfloat16 weights in panels of 16 columns: [ceil(N / 16)][K][16], padded with zeros.
 *
 *   NAME    the function
 *   K, N    rows and columns of the weights
 *   ADDEND  1: out = addend + x w; `addend` may be `out` itself
 */
#ifndef NAME
#define NAME matmul_bf16
#define K 64
#define N 48
#define ADDEND 0
#endif

#include "../runtime/vector.h"

#define WEIGHT uint16_t
#define LOAD_WEIGHTS vf_load_brain
#define UNPACKED 0
#include "matmul-dense.h"
