/*
 * Rows of activations as 8-bit codes with a scale for each GROUP of them; quantized-rows.h has the layout.
 * Threads split the groups of all rows, so that one token keeps all of them busy.
 *
 *   NAME    the function
 *   K       columns
 *   GROUP   columns that share a scale; divides K
 *   OFFSET  what the weights that the rows will meet are stored plus
 */
#ifndef NAME
#define NAME quantize_rows
#define K 64
#define GROUP 32
#define OFFSET 128
#endif

#include "../runtime/worker.h"
#include "quantized-rows.h"

KERNEL NAME(const Worker *worker, int32_t tokens, const float *x, uint8_t *out) {
  for (Shares shares = shares_of(worker, (int64_t)tokens * (K / GROUP)); next_share(&shares);)
    for (int64_t unit = shares.first; unit < shares.end; unit++) {
      const int64_t row = unit / (K / GROUP), group = unit % (K / GROUP);
      if (group == 0) clear_padding(out + row * ROW_BYTES(K, GROUP), K, GROUP);
      quantize_group(x + row * K + group * GROUP, out + row * ROW_BYTES(K, GROUP), K, GROUP, OFFSET, group);
    }
}

#undef NAME
#undef K
#undef GROUP
#undef OFFSET
