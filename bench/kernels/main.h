/*
 * Runs products over copies of their weights that no cache holds, so that each pass reads memory:
 *
 *   run PRODUCT TOKENS THREADS   one pass over all copies: {"seconds", "passes"}
 */

#define WEIGHTS_BYTES ((size_t)256 << 20)
#define ROOM_BYTES ((size_t)96 << 20) /* activations, or results */
#define SCRATCH_BYTES ((size_t)8 << 20)

static const Product *present;
static const unsigned char *present_weights;
static unsigned char *activations;
static float *results;

void llmir_program(const Step *step, const Worker *worker) {
  present->run(worker, step->T, activations, present_weights, results);
  barrier(worker);
}

static void *take(size_t bytes, int value) {
  void *const memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) fail("there is not enough memory");
  madvise(memory, bytes, MADV_HUGEPAGE);
  memset(memory, value, bytes);
  return memory;
}

static void run_product(char **word, const unsigned char *weights) {
  static llmir_pool *pool;
  static int pool_threads;
  const int threads = atoi(word[3]);
  if (threads != pool_threads) {
    llmir_pool_close(pool);
    pool = llmir_pool_open(threads, SCRATCH_BYTES, SCRATCH_BYTES);
    pool_threads = threads;
  }
  present = &products[atoi(word[1])];
  const Step step = {.T = atoi(word[2])};
  const size_t row = present->row_bytes > present->result_bytes ? present->row_bytes : present->result_bytes;
  if (present->bytes > WEIGHTS_BYTES || (size_t)step.T * row > ROOM_BYTES) fail("there is no room for such a product");
  const int copies = (int)(WEIGHTS_BYTES / present->bytes);
  const int passes = step.T > 16 ? 1 : copies;
  const double started = now();
  for (int copy = 0; copy < passes; copy++) {
    present_weights = weights + (size_t)copy * present->bytes;
    llmir_pool_run(pool, &step, threads);
  }
  printf("{\"seconds\":%.9f,\"passes\":%d}\n", now() - started, passes);
  fflush(stdout);
}

int main(void) {
  /* Codes and scales that are numbers, whatever lies where. */
  const unsigned char *const weights = take(WEIGHTS_BYTES, 0x11);
  activations = take(ROOM_BYTES, 0x3c);
  results = take(ROOM_BYTES, 0);
  char line[256], *word[MAX_WORDS];
  while (read_words(line, sizeof line, word) == 4) run_product(word, weights);
  return 0;
}
