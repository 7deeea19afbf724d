/*
 * Matrix product with single-precision weights in panels of 16 columns: [ceil(N / 16)][K][16], padded with zeros.
 *
 *   NAME    the function
 *   K, N    rows and columns of the weights
 *   ADDEND  1: out = addend + x w; `addend` may be `out` itself
 */
#ifndef NAME
#define NAME matmul_f32
#define K 64
#define N 48
#define ADDEND 0
#endif

#include "../runtime/vector.h"

#define WEIGHT float
#define LOAD_WEIGHTS vf_load
#define UNPACKED 1
#include "matmul-dense.h"
