/*
 * How quads of 8-bit weights are stored: panels of 16 columns in blocks of GROUP rows, which lie as quads-slabs.h says.
 * A block is 16 half-precision scales, then GROUP / 4 quads: four rows of 16 columns, column by column, each code plus
 * OFFSET.
 */
#include "panel-tile.h"

#define SPAN GROUP
#define BLOCK_BYTES (PANEL * 2 + GROUP * PANEL)
#define OFFSET 128
#define ALONE 4

#include "quads-slabs.h"

INLINE vi JOIN(NAME, _codes)(const uint8_t *block, int index, int q, int v) {
  (void)index;
  return vi_load(block + PANEL * 2 + (q * PANEL + v * LANES) * 4);
}

INLINE vf JOIN(NAME, _scales)(const uint8_t *block, int index, int v) {
  (void)index;
  return vf_load_half((const uint16_t *)(const void *)block + v * LANES);
}
