/** Kernels that compute each row by itself. */

import { cFloat, firstDim, rmsNormKernel, swigluKernel, tensorOf } from "../../../src/codegen/index.js";
import type { CKernelRow, DimText } from "../kernel-row.js";

/** The number of rows of a tensor of any rank, as C. */
function rowCount(shape: readonly (number | string)[], dim: DimText): string {
  return shape.slice(0, -1).map(dim).filter((text) => text !== "1").join(" * ") || "1";
}

const rmsNorm: CKernelRow = {
  family: "rowwise",
  ...rmsNormKernel("c"),
  instance: ([x], { epsilon }) => {
    const width = Number(tensorOf(x).shape.at(-1));
    return {
      file: "rms_norm.h",
      name: `rms_norm_${width}`,
      defines: [["D", String(width)], ["EPSILON", cFloat(Number(epsilon))]],
      comment: `out[rows, ${width}] = x / sqrt(mean(x^2) + ${String(epsilon)}) * weight`,
      scratchFloats: 0,
      call: ([from, weight], result, dim) => [
        rowCount(tensorOf(from?.type).shape, dim), from?.text ?? "", weight?.text ?? "", result.text,
      ],
    };
  },
};

const swiglu: CKernelRow = {
  family: "elementwise",
  ...swigluKernel("c"),
  instance: ([gateUp]) => {
    const columns = Number(tensorOf(gateUp).shape[1]) / 2;
    return {
      file: "swiglu.h",
      name: `swiglu_${columns}`,
      defines: [["F", String(columns)]],
      comment: `out[T, ${columns}] = silu(gate) * up`,
      scratchFloats: 0,
      call: ([from], result, dim) => [dim(firstDim(from?.type)), from?.text ?? "", result.text],
    };
  },
};

export const rowwiseRows: readonly CKernelRow[] = [rmsNorm, swiglu];
