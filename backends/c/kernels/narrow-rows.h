/*
 * Rows of bfloat16 activations: K elements, then zeros up to an odd number of cache lines, so that the rows of a
 * tile do not fall on one another in the cache.
 */
#ifndef LLMIR_NARROW_ROWS_H
#define LLMIR_NARROW_ROWS_H

#define NARROW_ROW(k) ((((k) + 31) / 32 | 1) * 32)

#endif
