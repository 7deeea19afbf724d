/*
 * Threads that run a program together: a team that claims shares of work and meets at barriers. The caller of a
 * step is thread 0; the others sleep between steps.
 */
#ifndef LLMIR_POOL_H
#define LLMIR_POOL_H

#include "program.h"

typedef struct llmir_pool llmir_pool;

/* A team of `threads` (>= 1), with scratch memory for each and shared memory for all, or NULL. */
llmir_pool *llmir_pool_open(int32_t threads, size_t scratch_bytes, size_t shared_bytes);

/* Runs one step on `threads` of the team; returns when its work is done. */
void llmir_pool_run(llmir_pool *pool, const Step *step, int32_t threads);

void llmir_pool_close(llmir_pool *pool);

#endif
