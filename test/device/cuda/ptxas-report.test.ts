// Reading ptxas' report, on lines as it prints them.

import { expect, test } from "vitest";

import { parsePtxas } from "../../../backends/cuda/index.js";

test("registers, spills, stack and shared memory are read for each kernel and architecture", () => {
  const output = `
ptxas info    : 24 bytes gmem
ptxas info    : Compiling entry function '_Z15rms_norm_kernelPKfS0_Pf' for 'sm_90'
ptxas info    : Function properties for _Z15rms_norm_kernelPKfS0_Pf
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 28 registers, used 1 barriers, 128 bytes smem
ptxas info    : Compile time = 35.036 ms
ptxas info    : Compiling entry function '_Z11matmul_rowsILi8EEviPKfPKvS1_Pf' for 'sm_80'
ptxas info    : Function properties for __internal_trig_reduction_slowpathf
    40 bytes stack frame, 4 bytes spill stores, 4 bytes spill loads
ptxas info    : Function properties for _Z11matmul_rowsILi8EEviPKfPKvS1_Pf
    560 bytes stack frame, 1044 bytes spill stores, 1040 bytes spill loads
ptxas info    : Used 32 registers, used 0 barriers, 392 bytes cmem[0]
`;
  const none = { stackBytes: 0, spillStoreBytes: 0, spillLoadBytes: 0 };
  expect(parsePtxas(output)).toEqual([
    {
      kernel: "matmul_rows<8>", arch: "sm_80", registers: 32,
      stackBytes: 560, spillStoreBytes: 1044, spillLoadBytes: 1040, sharedBytes: 0,
    },
    { kernel: "rms_norm_kernel", arch: "sm_90", registers: 28, sharedBytes: 128, ...none },
  ]);
});

test("a compiler that says nothing has reported no kernels", () => {
  expect(parsePtxas("model.cu\n")).toEqual([]);
});
