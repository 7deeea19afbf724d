/*
 * Tile registers (Intel AMX): eight of 16 rows by 64 bytes, which a process must ask the kernel for and each
 * thread must give a shape. Absent where the compiler does not build for them: AMX_TILES is 0.
 */
#ifndef LLMIR_AMX_H
#define LLMIR_AMX_H

#if defined(__AMX_INT8__) && defined(__AMX_TILE__) && defined(__AVX512F__) && defined(__linux__)
#define AMX_TILES 1

#include <immintrin.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Whether this process may use tiles; asked once. */
static inline int amx_allowed(void) {
  static _Atomic int answer; /* 0: not asked, 1: yes, 2: no */
  int known = atomic_load_explicit(&answer, memory_order_relaxed);
  if (known == 0) {
    enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };
    known = syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0 ? 1 : 2;
    atomic_store_explicit(&answer, known, memory_order_relaxed);
  }
  return known == 1;
}

typedef struct AmxShape {
  uint8_t palette, start_row, reserved[14];
  uint16_t row_bytes[16];
  uint8_t rows[16];
} AmxShape;

/* The compiler takes only the first bytes of a shape for read: the barrier keeps the others' stores. */
static inline void amx_configure(const AmxShape *shape) {
  __asm__ volatile("" ::"r"(shape) : "memory");
  _tile_loadconfig(shape);
}

#else
#define AMX_TILES 0
#endif
#endif
