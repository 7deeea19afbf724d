/*
 * out[T, F] = silu(gate) * up, where a row of `gate_up` [T, 2 F] is the gate, then the other factor.
 *
 *   NAME  the launcher; its kernel is NAME_kernel
 *   F     columns of the result
 */
#include "../runtime/launch.cuh"

#ifndef NAME
#define NAME swiglu
#define F 14336
#endif

static __global__ void __launch_bounds__(UNIT_THREADS)
    JOIN(NAME, _kernel)(int64_t tokens, const float *__restrict__ gate_up, float *__restrict__ out) {
  for (int64_t unit = first_unit(); unit < tokens * F; unit += unit_stride()) {
    const int64_t row = unit / F, column = unit % F;
    const float gate = gate_up[row * 2 * F + column], up = gate_up[row * 2 * F + F + column];
    out[unit] = gate / (1.0f + expf(-gate)) * up;
  }
}

LAUNCHER NAME(const Step *s, int64_t tokens, const float *gate_up, float *out) {
  launch_units(s, JOIN(NAME, _kernel), tokens * F, tokens, gate_up, out);
}

#undef NAME
#undef F
