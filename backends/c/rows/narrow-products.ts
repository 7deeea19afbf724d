/**
 * Products of bfloat16 rows of activations with bfloat16 weights, and the kernels that make their operands.
 */

import { invariant } from "../../../src/base/index.js";
import { illTyped, meaning, requireF32, requireNumber, requirePacked } from "../../../src/codegen/index.js";
import type { TensorType, Value, ValueType } from "../../../src/ir/index.js";
import { defineOp, elementCount, printType, sameType, tensor } from "../../../src/ir/index.js";
import type { CKernelRow, KernelInstance } from "../kernel-row.js";
import { narrowRow, narrowRows, packPairs, pairsFormat, pairsType, rowsOfNarrow, unpackPairs } from "../pairs.js";
import { matrixShape } from "../panels.js";

const packPairsRow: CKernelRow = {
  family: "movement",
  ...defineOp({
    name: "c.pack_pairs",
    doc: "Lays a bfloat16 matrix out in panels of 16 columns by pairs of rows.",
    operands: ["w"],
    attrs: {},
    traits: ["pure", "columnwise"],
    infer: ([w]) => {
      if (w?.kind !== "tensor" || w.shape.length !== 2 || w.dtype !== "bf16") {
        return illTyped(`\`c.pack_pairs\` takes a bf16 matrix, found ${w === undefined ? "nothing" : printType(w)}`);
      }
      return pairsType([requireNumber("c.pack_pairs", w.shape[0], "rows"), requireNumber("c.pack_pairs", w.shape[1], "columns")]);
    },
    evaluate: ([w], _, result) => {
      invariant(w?.kind === "tensor" && result.kind === "packed", "a tensor is packed");
      return packPairs(w, result);
    },
    work: () => ({ flops: 0 }),
    samples: [{ operands: [tensor("bf16", 5, 33)], attrs: {} }, { operands: [tensor("bf16", 64, 16)], attrs: {} }],
  }),
};

const narrowRowsRow: CKernelRow = {
  family: "rowwise",
  ...defineOp({
    name: "c.narrow_rows",
    doc: "Rows of activations rounded to bfloat16, with zeros behind each: kernels/narrow-rows.h.",
    operands: ["x"],
    attrs: {},
    traits: ["pure", "rowwise"],
    infer: ([x]) => {
      const { shape } = requireF32("c.narrow_rows", x, 2);
      return tensor("bf16", shape[0] ?? 0, narrowRow(requireNumber("c.narrow_rows", shape[1], "columns")));
    },
    evaluate: ([x]) => {
      invariant(x?.kind === "tensor", "type inference has made sure of a tensor");
      return narrowRows(x);
    },
    work: ([x]) => ({ flops: elementCount(x?.kind === "tensor" ? x.shape : []) }),
    samples: [
      { operands: [tensor("f32", "T", 64)], attrs: {}, dims: { T: 3 } },
      { operands: [tensor("f32", "T", 37)], attrs: {}, dims: { T: 2 } },
    ],
  }),
  instance: ([x]) => {
    const width = x?.kind === "tensor" ? Number(x.shape[1]) : 0;
    return {
      file: "narrow_rows.h",
      name: `narrow_rows_${width}`,
      defines: [["K", String(width)]],
      comment: `out[T] = x[T, ${width}] as bfloat16`,
      scratchFloats: 0,
      call: ([from], result, dim) => [dim(firstDim(from?.type)), from?.text ?? "", result.text],
    };
  },
};

function firstDim(type: ValueType | undefined): number | string {
  return type?.kind === "tensor" ? (type.shape[0] ?? 0) : 0;
}

function inferProduct(op: string, [x, w]: readonly ValueType[]): TensorType {
  const packed = requirePacked(op, w);
  if (packed.format !== pairsFormat) return illTyped(`\`${op}\` does not know the layout ${packed.format}`);
  const [rows, columns] = matrixShape(packed.shape);
  if (x?.kind !== "tensor" || x.dtype !== "bf16" || x.shape.length !== 2 || x.shape[1] !== narrowRow(rows)) {
    return illTyped(`\`${op}\` takes rows of ${narrowRow(rows)} elements, found ${x === undefined ? "nothing" : printType(x)}`);
  }
  return tensor("f32", x.shape[0] ?? 0, columns);
}

function evaluateProduct(x: Value | undefined, w: Value | undefined): Value {
  invariant(x?.kind === "tensor" && w?.kind === "packed", "rows are multiplied by a packed matrix");
  return meaning("narrow_matmul", [rowsOfNarrow(x, matrixShape(w.type.shape)[0]), unpackPairs(w)]);
}

function productInstance([, w]: readonly ValueType[], hasAddend: boolean): KernelInstance {
  invariant(w?.kind === "packed", "rows are multiplied by a packed matrix");
  const [rows, columns] = matrixShape(w.shape);
  return {
    file: "narrow_matmul.h",
    name: `narrow_matmul_${hasAddend ? "add_" : ""}${rows}x${columns}`,
    defines: [["K", String(rows)], ["N", String(columns)], ["ADDEND", hasAddend ? "1" : "0"]],
    comment: `out[tokens, ${columns}] = ${hasAddend ? "addend + " : ""}x[tokens, ${rows}] w[${rows}, ${columns}], both bfloat16`,
    scratchFloats: 0,
    call: ([left, weights, addend], result, dim) => [
      dim(firstDim(left?.type)), left?.text ?? "", weights?.text ?? "", addend?.text ?? "NULL", result.text,
    ],
  };
}

function productFlops(types: readonly ValueType[]): number {
  const [x, w] = types;
  invariant(x?.kind === "tensor" && w?.kind === "packed", "rows are multiplied by a packed matrix");
  return 2 * elementCount([x.shape[0] ?? 0, ...w.shape]);
}

const narrowMatmul: CKernelRow = {
  family: "narrow_matmul",
  ...defineOp({
    name: "c.narrow_matmul",
    doc: "Rows of bfloat16 activations times bfloat16 weights.",
    operands: ["x", "w"],
    attrs: {},
    traits: ["pure"],
    infer: (types) => inferProduct("c.narrow_matmul", types),
    evaluate: ([x, w]) => evaluateProduct(x, w),
    work: (types) => ({ flops: productFlops(types) }),
    samples: [{ operands: [tensor("bf16", "T", narrowRow(65)), pairsType([65, 37])], attrs: {}, dims: { T: 3 } }],
  }),
  instance: (operands) => productInstance(operands, false),
};

const narrowMatmulAdd: CKernelRow = {
  family: "narrow_matmul",
  ...defineOp({
    name: "c.narrow_matmul_add",
    doc: "Rows of bfloat16 activations times bfloat16 weights, added to `addend`. The result may lie where the addend lies.",
    operands: ["x", "w", "addend"],
    attrs: {},
    traits: ["pure"],
    infer: (types) => {
      const product = inferProduct("c.narrow_matmul_add", types);
      const addend = requireF32("c.narrow_matmul_add", types[2], 2);
      if (!sameType(addend, product)) {
        illTyped(`\`c.narrow_matmul_add\` adds tensors of one shape, found ${printType(product)} and ${printType(addend)}`);
      }
      return product;
    },
    evaluate: ([x, w, addend]) => {
      invariant(addend !== undefined, "there is an addend");
      return meaning("add", [addend, evaluateProduct(x, w)]);
    },
    work: (types, _, result) => ({
      flops: productFlops(types) + (result.kind === "tensor" ? elementCount(result.shape) : 0),
    }),
    samples: [
      {
        operands: [tensor("bf16", "T", narrowRow(64)), pairsType([64, 37]), tensor("f32", "T", 37)],
        attrs: {},
        dims: { T: 3 },
      },
    ],
  }),
  instance: (operands) => productInstance(operands, true),
};

export const narrowProductRows: readonly CKernelRow[] = [
  packPairsRow,
  narrowRowsRow,
  narrowMatmul,
  narrowMatmulAdd,
];
