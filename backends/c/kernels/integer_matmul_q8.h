/*
 * Product of 8-bit activations with 8-bit weights, stored as quads-q8.h says.
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

#include "quads-q8.h"
#include "integer-dot.h"
#define WEIGHTS_SIGNED SIGNED_BYTES
#include "integer-matmul.h"
