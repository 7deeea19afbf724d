/** Products of activations with packed weights, and how those are packed. */

import { invariant } from "../../../src/base/index.js";
import type { WeightFormat } from "../../../src/codegen/index.js";
import type { KernelFamily } from "../../../src/cost/index.js";
import {
  firstDim, matmulAddKernel, matmulKernel, narrowKernel, packedShape, packKernel, packQuantizedKernel,
  roundedKernel,
} from "../../../src/codegen/index.js";
import type { OpRecord, ValueType } from "../../../src/ir/index.js";
import type { CudaKernelRow, KernelInstance } from "../kernel-row.js";
import { parseFormat, rowLayout } from "../row-weights.js";

const structs = { f32: "F32Rows", f16: "F16Rows", bf16: "Bf16Rows" } as const;

/** The struct of weight-rows.cuh with its parameters. */
function formatText(format: WeightFormat, rows: number): string {
  return format.kind === "float" ? `${structs[format.dtype]}<${rows}>` : `Q${format.bits}Rows<${rows}, ${format.group}>`;
}

/** What becomes of a row of x before it is multiplied. */
type Rounding = "plain" | "narrow" | "rounded";

function productInstance([, w, given]: readonly ValueType[], rounding: Rounding): KernelInstance {
  invariant(w?.kind === "packed", "a packed matrix is multiplied");
  const format = parseFormat(w.format);
  invariant(format !== undefined, "type inference knows the layout");
  const [rows, columns] = packedShape(w);
  const numbers = format.kind === "float" ? format.dtype : `q${format.bits}`;
  const hasAddend = given !== undefined;
  const sum = hasAddend ? "addend + " : "";
  const [prefix, x] = rounding === "plain" ? ["", "x"] : [`${rounding}_`, `${rounding} x`];
  const text = formatText(format, rows);
  return {
    file: rounding === "rounded" ? "rounded_matmul.cuh" : "matmul.cuh",
    name: `${prefix}matmul_${hasAddend ? "add_" : ""}${numbers}_${rows}x${columns}`,
    defines: [
      ["FORMAT", rounding === "narrow" ? `Narrow${text}` : text], ["K", String(rows)], ["N", String(columns)], ["ADDEND", hasAddend ? "1" : "0"],
    ],
    comment: `out[tokens, ${columns}] = ${sum}${x}[tokens, ${rows}] w[${rows}, ${columns}], w as ${w.format}`,
    call: ([left, weights, addend], result, dim) => [
      dim(firstDim(left?.type)), left?.text ?? "", weights?.text ?? "", addend?.text ?? "NULL", result.text,
    ],
  };
}

const plain = [matmulKernel("cuda", rowLayout), matmulAddKernel("cuda", rowLayout)];

/** Lanes of one warp share a group. */
const rounded = { prefix: "rounded", rowsTogether: 8, stage: 512 };

function productRow(record: OpRecord, family: KernelFamily, rounding: Rounding): CudaKernelRow {
  return { ...record, family, instance: (operands) => productInstance(operands, rounding) };
}

export const productRows: readonly CudaKernelRow[] = [
  { family: "movement", ...packKernel("cuda", rowLayout) },
  { family: "movement", ...packQuantizedKernel("cuda", rowLayout) },
  ...plain.map((record) => productRow(record, "matmul", "plain")),
  ...plain.map((record) => productRow(narrowKernel(record, rowLayout), "matmul", "narrow")),
  ...plain.map((record) => productRow(roundedKernel(record, rowLayout, rounded), "matmul", "rounded")),
];
