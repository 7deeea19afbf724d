/*
 * Product of bfloat16 activations with weights of 4, 5 or 6 bits, rounded to bfloat16, with scales of one level or
 * two, and with minimums or without, stored as quads-bits.h says.
 *
 *   NAME          the function
 *   K, N          rows and columns of the weights
 *   GROUP         rows that share a scale; divides K, a multiple of 8
 *   BITS          of a code
 *   SUPER         rows that share a scale of scales; 0: scales have one level
 *   HAS_MINIMUMS  1: codes count from 0, and groups have minimums
 *   ADDEND        1: out = addend + x w; `addend` may be `out` itself
 *   SWIGLU        1: out = silu(gate) * up, as rows of bfloat16; gate and up are the halves of x w
 */
#ifndef NAME
#define NAME narrow_matmul_bits
#define K 64
#define N 48
#define GROUP 32
#define BITS 5
#define SUPER 64
#define HAS_MINIMUMS 1
#define ADDEND 0
#define SWIGLU 0
#endif

#include "quads-bits.h"
#include "narrow-quads.h"
