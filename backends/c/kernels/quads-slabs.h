/*
 * Where the blocks of quads-q8.h and quads-bits.h lie. The rows of k are cut into slabs, the last one shorter, and all
 * panels of a slab come before the next slab:
 *
 *   [slab][panel of 16 columns][block of SPAN rows]
 *
 * A product of few tokens then reads the weights from end to end while the activations of a slab stay in the first
 * cache. Those of thousands of rows would be pushed out by every panel, and a processor that has to fetch them again
 * and again stops running ahead in the weights (Zen 4, 8192 rows of 4 bits, two tokens: 17 GB/s, of 32).
 */
#define SLAB_BLOCKS (1024 / SPAN > 1 ? 1024 / SPAN : 1)
#define BLOCKS (K / SPAN)
#define SLABS ((BLOCKS + SLAB_BLOCKS - 1) / SLAB_BLOCKS)

/* Of one panel in a slab. */
INLINE int64_t JOIN(NAME, _blocks)(int64_t slab) {
  return slab + 1 < SLABS ? SLAB_BLOCKS : BLOCKS - slab * SLAB_BLOCKS;
}

INLINE const uint8_t *JOIN(NAME, _block)(const uint8_t *weights, int64_t panel, int64_t block) {
  const int64_t slab = block / SLAB_BLOCKS, before = slab * SLAB_BLOCKS * PANELS + panel * JOIN(NAME, _blocks)(slab);
  return weights + (before + block % SLAB_BLOCKS) * BLOCK_BYTES;
}
