/* Forgets what narrow-tiles.h and the kernels around it defined. */
#undef NAME
#undef K
#undef N
#undef ADDEND
#undef SWIGLU
#undef PAIRS
#undef ROW
#undef MANY_TOKENS
#undef SUM_ROW
#undef RUN_ELEMENTS
#undef RUN_TOKENS
#undef OUT
#undef WEIGHT
#undef K_CHUNK
#undef SCRATCH_SUMS
