/** Products of 8-bit rows of activations with integer weights, and the layout of those. */

import { invariant } from "../../../src/base/index.js";
import { firstDim, illTyped, meaning, requireF32, requirePacked } from "../../../src/codegen/index.js";
import type { OpSample, PackedType, TensorType, Value, ValueType } from "../../../src/ir/index.js";
import { defineOp, elementCount, printType, sameType, tensor } from "../../../src/ir/index.js";
import type { CKernelRow, KernelInstance } from "../kernel-row.js";
import { matrixShape } from "../panels.js";
import type { QuadFormat } from "../quads.js";
import {
  canPackQuads, dequantizeRows, packQuads, parseQuads, quadDefines, quadName, quadRuns, quadType, rowBytes,
  sampleQuads, unpackQuads,
} from "../quads.js";

const packQuadsRow: CKernelRow = {
  family: "movement",
  ...defineOp({
    name: "c.pack_quads",
    doc: "Lays a quantized matrix out in panels of 16 columns by quads of rows, as integer products read it.",
    operands: ["q"],
    attrs: {},
    traits: ["pure", "columnwise"],
    infer: ([q]) => {
      if (q?.kind !== "quantized" || q.scaleDtype !== "f16") {
        return illTyped(`\`c.pack_quads\` takes a quantized matrix with f16 scales, found ${q === undefined ? "nothing" : printType(q)}`);
      }
      if (!canPackQuads(q)) illTyped(`\`c.pack_quads\` has no layout for ${printType(q)}`);
      return quadType(q, q.shape);
    },
    evaluate: ([q], _, result) => {
      invariant(q?.kind === "quantized" && result.kind === "packed", "a quantized matrix is packed");
      return packQuads(q, result);
    },
    runs: (result) => quadRuns(formatOf(result), matrixShape(result.shape)),
    work: () => ({ flops: 0 }),
    samples: sampleQuads.map((format) => ({
      operands: [{ ...format, kind: "quantized", shape: [64, 5], scaleDtype: "f16" }],
      attrs: {},
    })),
  }),
};

function formatOf(w: PackedType): QuadFormat {
  const format = parseQuads(w.format);
  invariant(format !== undefined, "type inference knows the layout");
  return format;
}

function inferProduct(op: string, [x, w]: readonly ValueType[]): TensorType {
  const packed = requirePacked(op, w);
  const format = parseQuads(packed.format);
  if (format === undefined) return illTyped(`\`${op}\` does not know the layout ${packed.format}`);
  const [rows, columns] = matrixShape(packed.shape);
  const width = rowBytes(rows, format.group);
  if (x?.kind !== "tensor" || x.dtype !== "u8" || x.shape.length !== 2 || x.shape[1] !== width) {
    return illTyped(`\`${op}\` takes rows of ${rows} codes in ${width} bytes, found ${x === undefined ? "nothing" : printType(x)}`);
  }
  return tensor("f32", x.shape[0] ?? 0, columns);
}

/** The product of the numbers that both operands stand for. */
function evaluateProduct(x: Value | undefined, w: Value | undefined): Value {
  invariant(x?.kind === "tensor" && w?.kind === "packed", "rows are multiplied by a packed matrix");
  const format = formatOf(w.type);
  const rows = dequantizeRows(x, matrixShape(w.type.shape)[0], format.group);
  return meaning("quantized_matmul", [rows, unpackQuads(w, format)]);
}

function productFlops(types: readonly ValueType[]): number {
  const [x, w] = types;
  invariant(x?.kind === "tensor" && w?.kind === "packed", "rows are multiplied by a packed matrix");
  return 2 * elementCount([x.shape[0] ?? 0, ...w.shape]);
}

function productInstance([, w]: readonly ValueType[], hasAddend: boolean): KernelInstance {
  invariant(w?.kind === "packed", "rows are multiplied by a packed matrix");
  const format = formatOf(w);
  const { bits } = format;
  const [rows, columns] = matrixShape(w.shape);
  const sum = hasAddend ? "addend + " : "";
  return {
    file: bits === 8 ? "integer_matmul_q8.h" : "integer_matmul_bits.h",
    name: `integer_matmul_${hasAddend ? "add_" : ""}${quadName(format).replace("_quads16", "")}_${rows}x${columns}`,
    defines: [
      ["K", String(rows)], ["N", String(columns)], ...quadDefines(format), ["ADDEND", hasAddend ? "1" : "0"],
    ],
    comment: `out[tokens, ${columns}] = ${sum}x[tokens, ${rows}] w[${rows}, ${columns}], x as 8-bit codes, w as ${w.format}`,
    scratchFloats: 0,
    call: ([left, weights, addend], result, dim) => [
      dim(firstDim(left?.type)), left?.text ?? "", weights?.text ?? "", addend?.text ?? "NULL", result.text,
    ],
  };
}

function samplesOf(hasAddend: boolean): OpSample[] {
  return sampleQuads.map((format) => {
    const addend = hasAddend ? [tensor("f32", "T", 37)] : [];
    const w = quadType(format, [64, 37]);
    return { operands: [tensor("u8", "T", rowBytes(64, format.group)), w, ...addend], attrs: {}, dims: { T: 3 } };
  });
}

const integerMatmul: CKernelRow = {
  family: "integer_matmul",
  ...defineOp({
    name: "c.integer_matmul",
    doc: "Rows of 8-bit codes times integer weights.",
    operands: ["x", "w"],
    attrs: {},
    traits: ["pure"],
    infer: (types) => inferProduct("c.integer_matmul", types),
    evaluate: ([x, w]) => evaluateProduct(x, w),
    work: (types) => ({ flops: productFlops(types) }),
    samples: samplesOf(false),
  }),
  instance: (operands) => productInstance(operands, false),
};

const integerMatmulAdd: CKernelRow = {
  family: "integer_matmul",
  ...defineOp({
    name: "c.integer_matmul_add",
    doc: "Rows of 8-bit codes times integer weights, added to `addend`. The result may lie where the addend lies.",
    operands: ["x", "w", "addend"],
    attrs: {},
    traits: ["pure"],
    infer: (types) => {
      const product = inferProduct("c.integer_matmul_add", types);
      const addend = requireF32("c.integer_matmul_add", types[2], 2);
      if (!sameType(addend, product)) {
        illTyped(`\`c.integer_matmul_add\` adds tensors of one shape, found ${printType(product)} and ${printType(addend)}`);
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
    samples: samplesOf(true),
  }),
  instance: (operands) => productInstance(operands, true),
};

export const integerProductRows: readonly CKernelRow[] = [
  packQuadsRow,
  integerMatmul,
  integerMatmulAdd,
];
