/*
 * Product of bfloat16 activations with 8-bit weights, rounded to bfloat16, stored as quads-q8.h says.
 *
 *   NAME    the function
 *   K, N    rows and columns of the weights
 *   GROUP   rows that share a scale; divides K, a multiple of 4
 *   ADDEND  1: out = addend + x w; `addend` may be `out` itself
 *   SWIGLU  1: out = silu(gate) * up, as rows of bfloat16; gate and up are the halves of x w
 */
#ifndef NAME
#define NAME narrow_matmul_q8
#define K 64
#define N 48
#define GROUP 32
#define ADDEND 0
#define SWIGLU 0
#endif

#include "quads-q8.h"
#include "narrow-quads.h"
