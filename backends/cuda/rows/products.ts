/** Products of activations with packed weights, and how those are packed. */

import { invariant } from "../../../src/base/index.js";
import type { WeightFormat } from "../../../src/codegen/index.js";
import {
  firstDim, matmulAddKernel, matmulKernel, packedShape, packKernel, packQuantizedKernel,
} from "../../../src/codegen/index.js";
import type { ValueType } from "../../../src/ir/index.js";
import type { CudaKernelRow, KernelInstance } from "../kernel-row.js";
import { parseFormat, rowLayout } from "../row-weights.js";

const structs = { f32: "F32Rows", f16: "F16Rows", bf16: "Bf16Rows" } as const;

/** The struct of weight-rows.cuh with its parameters. */
function formatText(format: WeightFormat, rows: number): string {
  return format.kind === "float" ? `${structs[format.dtype]}<${rows}>` : `Q${format.bits}Rows<${rows}, ${format.group}>`;
}

function productInstance([, w]: readonly ValueType[], hasAddend: boolean): KernelInstance {
  invariant(w?.kind === "packed", "a packed matrix is multiplied");
  const format = parseFormat(w.format);
  invariant(format !== undefined, "type inference knows the layout");
  const [rows, columns] = packedShape(w);
  const numbers = format.kind === "float" ? format.dtype : `q${format.bits}`;
  const sum = hasAddend ? "addend + " : "";
  return {
    file: "matmul.cuh",
    name: `matmul_${hasAddend ? "add_" : ""}${numbers}_${rows}x${columns}`,
    defines: [
      ["FORMAT", formatText(format, rows)], ["K", String(rows)], ["N", String(columns)], ["ADDEND", hasAddend ? "1" : "0"],
    ],
    comment: `out[tokens, ${columns}] = ${sum}x[tokens, ${rows}] w[${rows}, ${columns}], w as ${w.format}`,
    call: ([left, weights, addend], result, dim) => [
      dim(firstDim(left?.type)), left?.text ?? "", weights?.text ?? "", addend?.text ?? "NULL", result.text,
    ],
  };
}

export const productRows: readonly CudaKernelRow[] = [
  { family: "movement", ...packKernel("cuda", rowLayout) },
  { family: "movement", ...packQuantizedKernel("cuda", rowLayout) },
  { family: "matmul", ...matmulKernel("cuda", rowLayout), instance: (operands) => productInstance(operands, false) },
  { family: "matmul", ...matmulAddKernel("cuda", rowLayout), instance: (operands) => productInstance(operands, true) },
];
