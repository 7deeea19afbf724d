/*
 * Which copy of the program runs, where a library holds one for each of several levels of instructions.
 *
 * build.ts compiles model.c once a level, renaming what it defines, and names the levels here, the plainest first:
 * -DLLMIR_LEVELS="LEVEL(sse2) LEVEL(avx2)". The last one that the processor and its operating system can run is
 * taken, or the one that LLMIR_ISA in the environment names. Without LLMIR_LEVELS, the program was built for one
 * processor, and nothing is chosen.
 */
#define _GNU_SOURCE
#include "program.h"

#ifndef LLMIR_LEVELS

const Level *llmir_choose_level(const char **fault) {
  (void)fault;
  return NULL;
}

const char *llmir_level_name(const Level *level) {
  (void)level;
  return "";
}

#else

#include <stdlib.h>

/* Whether a level can run. A compiler may not know all levels. */
#define POSSIBLE static __attribute__((unused)) int

#if defined(__x86_64__)
#include <cpuid.h>

typedef struct Registers {
  uint32_t a, b, c, d;
} Registers;

static Registers cpuid(uint32_t leaf, uint32_t part) {
  Registers r = {0};
  if (__get_cpuid_max(leaf & 0x80000000u, NULL) >= leaf) __cpuid_count(leaf, part, r.a, r.b, r.c, r.d);
  return r;
}

/* Registers that the operating system saves: 6 for those of AVX, 0xe6 for those of AVX-512. */
static int is_saved(uint32_t mask) {
  if ((cpuid(1, 0).c >> 27 & 1) == 0) return 0;
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (low & mask) == mask;
}

static int has_all(uint32_t word, uint32_t mask) { return (word & mask) == mask; }

POSSIBLE has_sse2(void) { return 1; }

/* x86-64-v3: SSE3 to SSE4.2, CX16, POPCNT; FMA, MOVBE, AVX, F16C; BMI, AVX2, BMI2; LAHF, LZCNT. */
POSSIBLE has_avx2(void) {
  const uint32_t older = 1u << 0 | 1u << 9 | 1u << 13 | 1u << 19 | 1u << 20 | 1u << 23;
  const uint32_t newer = 1u << 12 | 1u << 22 | 1u << 28 | 1u << 29;
  return is_saved(0x6) && has_all(cpuid(1, 0).c, older | newer) &&
         has_all(cpuid(7, 0).b, 1u << 3 | 1u << 5 | 1u << 8) &&
         has_all(cpuid(0x80000001u, 0).c, 1u << 0 | 1u << 5);
}

POSSIBLE has_avx_vnni(void) { return has_avx2() && has_all(cpuid(7, 1).a, 1u << 4); }

/* x86-64-v4: AVX-512 F, DQ, CD, BW, VL; and VNNI. */
POSSIBLE has_avx512_vnni(void) {
  const uint32_t parts = 1u << 16 | 1u << 17 | 1u << 28 | 1u << 30 | 1u << 31;
  return has_avx2() && is_saved(0xe6) && has_all(cpuid(7, 0).b, parts) && has_all(cpuid(7, 0).c, 1u << 11);
}

/* Tile registers are asked for where they are used: amx.h. */
POSSIBLE has_avx512_bf16(void) { return has_avx512_vnni() && has_all(cpuid(7, 1).a, 1u << 5); }

#elif defined(__aarch64__)
POSSIBLE has_neon(void) { return 1; }

#if defined(__linux__)
#include <sys/auxv.h>

#ifndef HWCAP2_I8MM
#define HWCAP2_I8MM (1 << 13)
#endif

/* Armv8.2 and byte products. */
POSSIBLE has_dotprod(void) {
  const unsigned long parts = HWCAP_CRC32 | HWCAP_ATOMICS | HWCAP_ASIMDRDM | HWCAP_ASIMDDP;
  return (getauxval(AT_HWCAP) & parts) == parts;
}

POSSIBLE has_i8mm(void) { return has_dotprod() && (getauxval(AT_HWCAP2) & HWCAP2_I8MM) != 0; }
#else
POSSIBLE has_dotprod(void) { return 0; }
POSSIBLE has_i8mm(void) { return 0; }
#endif

#else
POSSIBLE has_plain(void) { return 1; }
#endif

struct Level {
  const char *name;
  int (*is_possible)(void);
  void (*program)(const Step *step, const Worker *worker);
};

#define LEVEL(name) void llmir_program_##name(const Step *step, const Worker *worker);
LLMIR_LEVELS
#undef LEVEL

static const Level levels[] = {
#define LEVEL(name) {#name, has_##name, llmir_program_##name},
    LLMIR_LEVELS
#undef LEVEL
};

const Level *llmir_choose_level(const char **fault) {
  const char *const wanted = getenv("LLMIR_ISA");
  const int is_free = wanted == NULL || *wanted == 0;
  *fault = "it names no level of instructions that the library was built for";
  for (size_t i = sizeof levels / sizeof levels[0]; i-- > 0;) {
    if (!is_free && strcmp(wanted, levels[i].name) != 0) continue;
    if (levels[i].is_possible()) return &levels[i];
    *fault = "the processor does not have the instructions that it names";
  }
  return NULL;
}

const char *llmir_level_name(const Level *level) { return level->name; }

void llmir_program(const Step *step, const Worker *worker) { step->level->program(step, worker); }

#endif
