/* Forgets what quads-q8.h, quads-bits.h and quads-slabs.h defined, and what was defined for them. */
#undef GROUP
#undef BITS
#undef SUPER
#undef HAS_MINIMUMS
#undef SPAN
#undef FACTOR_BYTES
#undef HALF_BYTES
#undef CODES_AT
#undef CODE_BYTES
#undef BLOCK_BYTES
#undef OFFSET
#undef ALONE
#undef SLAB_BLOCKS
#undef BLOCKS
#undef SLABS
