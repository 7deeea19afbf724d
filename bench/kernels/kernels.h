/* What stands before the kernels that `run.mjs` includes. */
#define _GNU_SOURCE
#include <sys/mman.h>

#include "driver.h"
#include "runtime/pool.h"
#include "runtime/vector.h"
#include "runtime/worker.h"

typedef struct Product {
  void (*run)(const Worker *worker, int32_t tokens, const void *x, const void *weights, float *out);
  size_t bytes;                   /* of the weights */
  size_t row_bytes, result_bytes; /* of a token's activations, and of its sums */
} Product;
