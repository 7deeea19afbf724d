/** Kernels that compute each row by itself. */

import { cFloat, firstDim, rmsNormKernel, swigluKernel, tensorOf } from "../../../src/codegen/index.js";
import type { CudaKernelRow, DimText } from "../kernel-row.js";

/** The number of rows of a tensor of any rank, as C++. */
function rowCount(shape: readonly (number | string)[], dim: DimText): string {
  const factors = shape.slice(0, -1).map(dim).filter((text) => text !== "1");
  const [first = "1", ...others] = factors;
  return others.length === 0 ? first : [`(int64_t)${first}`, ...others].join(" * ");
}

const rmsNorm: CudaKernelRow = {
  family: "rowwise",
  ...rmsNormKernel("cuda"),
  instance: ([x], { epsilon }) => {
    const width = Number(tensorOf(x).shape.at(-1));
    return {
      file: "rms_norm.cuh",
      name: `rms_norm_${width}`,
      defines: [["D", String(width)], ["EPSILON", cFloat(Number(epsilon))]],
      comment: `out[rows, ${width}] = x / sqrt(mean(x^2) + ${String(epsilon)}) * weight`,
      call: ([from, weight], result, dim) => [
        rowCount(tensorOf(from?.type).shape, dim), from?.text ?? "", weight?.text ?? "", result.text,
      ],
    };
  },
};

const swiglu: CudaKernelRow = {
  family: "elementwise",
  ...swigluKernel("cuda"),
  instance: ([gateUp]) => {
    const columns = Number(tensorOf(gateUp).shape[1]) / 2;
    return {
      file: "swiglu.cuh",
      name: `swiglu_${columns}`,
      defines: [["F", String(columns)]],
      comment: `out[T, ${columns}] = silu(gate) * up`,
      call: ([from], result, dim) => [dim(firstDim(from?.type)), from?.text ?? "", result.text],
    };
  },
};

export const rowwiseRows: readonly CudaKernelRow[] = [rmsNorm, swiglu];
