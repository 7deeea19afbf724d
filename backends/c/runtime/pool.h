/*
 * Threads that run a program together: a fixed team that meets at barriers. The caller of a step is
 * thread 0; the others sleep between steps.
 */
#ifndef LLMIR_POOL_H
#define LLMIR_POOL_H

#include "program.h"

typedef struct llmir_pool llmir_pool;

/* A team of `threads` (>= 1) with their scratch memory, or NULL. */
llmir_pool *llmir_pool_open(int32_t threads, size_t scratch_bytes);

/* Runs one step on all threads; returns when every thread is done. */
void llmir_pool_run(llmir_pool *pool, const Step *step);

void llmir_pool_close(llmir_pool *pool);

#endif
