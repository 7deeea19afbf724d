/** Products of activations with packed weights. */

import { invariant } from "../../../src/base/index.js";
import type { OpSample, PackedType, TensorType, Value, ValueType } from "../../../src/ir/index.js";
import { defineOp, elementCount, sameType, tensor } from "../../../src/ir/index.js";
import type { CKernelRow, KernelInstance } from "../kernel-row.js";
import type { PanelFormat } from "../panels.js";
import { matrixShape, packedType, PANEL, parseFormat, unpackFloats, unpackQuantized } from "../panels.js";
import { illTyped, meaning, requireF32, requirePacked } from "../../../src/codegen/index.js";

/** Steps of k that are unpacked at a time for many tokens: `K_BLOCK` of panel-tile.h. */
const K_BLOCK = 512;
/** Panels unpacked at a time: the largest `TILE_PANELS`. */
const TILE_PANELS = 2;

function inferProduct(op: string, [x, w]: readonly ValueType[]): TensorType {
  const { shape } = requireF32(op, x, 2);
  const packed = requirePacked(op, w);
  if (parseFormat(packed.format) === undefined) illTyped(`\`${op}\` does not know the layout ${packed.format}`);
  const [rows, columns] = matrixShape(packed.shape);
  if (shape[1] !== rows) illTyped(`\`${op}\` cannot multiply rows of ${shape[1] ?? 0} by a matrix of ${rows} rows`);
  return tensor("f32", shape[0] ?? 0, columns);
}

/** The product with the weights as a plain or quantized matrix. */
function evaluateProduct(x: Value | undefined, w: Value | undefined): Value {
  invariant(x !== undefined && w?.kind === "packed", "a packed matrix is multiplied");
  const format = parseFormat(w.type.format);
  invariant(format !== undefined, "type inference knows the layout");
  return format.kind === "float"
    ? meaning("matmul", [x, unpackFloats(w, format.dtype)])
    : meaning("quantized_matmul", [x, unpackQuantized(w, format.bits, format.group)]);
}

function productFlops([x, w]: readonly ValueType[]): number {
  invariant(x?.kind === "tensor" && w?.kind === "packed", "a packed matrix is multiplied");
  return 2 * elementCount(x.shape) * (w.shape[1] ?? 0);
}

function scratchFloats(format: PanelFormat): number {
  if (format.kind === "float") return format.dtype === "f32" ? 0 : K_BLOCK * PANEL * TILE_PANELS;
  return Math.max(K_BLOCK, format.group) * PANEL * TILE_PANELS;
}

function productInstance([x, w]: readonly ValueType[], hasAddend: boolean): KernelInstance {
  invariant(x?.kind === "tensor" && w?.kind === "packed", "a packed matrix is multiplied");
  const format = parseFormat(w.format);
  invariant(format !== undefined, "type inference knows the layout");
  const [rows, columns] = matrixShape(w.shape);
  const numbers = format.kind === "float" ? format.dtype : `q${format.bits}`;
  const group = format.kind === "float" ? [] : [["GROUP", String(format.group)] as const];
  const suffix = format.kind === "float" ? "" : `_g${format.group}`;
  const sum = hasAddend ? "addend + " : "";
  return {
    file: `matmul_${numbers}.h`,
    name: `matmul_${hasAddend ? "add_" : ""}${numbers}${suffix}_${rows}x${columns}`,
    defines: [["K", String(rows)], ["N", String(columns)], ...group, ["ADDEND", hasAddend ? "1" : "0"]],
    comment: `out[tokens, ${columns}] = ${sum}x[tokens, ${rows}] w[${rows}, ${columns}], w as ${w.format}`,
    scratchFloats: scratchFloats(format),
    call: ([left, weights, addend], result, dim) => [
      dim(firstDim(left?.type)), left?.text ?? "", weights?.text ?? "", addend?.text ?? "NULL", result.text,
    ],
  };
}

function firstDim(type: ValueType | undefined): number | string {
  return type?.kind === "tensor" ? (type.shape[0] ?? 0) : 0;
}

const sampleFormats: readonly PanelFormat[] = [
  { kind: "float", dtype: "f32" },
  { kind: "float", dtype: "f16" },
  { kind: "float", dtype: "bf16" },
  { kind: "quantized", bits: 8, group: 32 },
  { kind: "quantized", bits: 4, group: 32 },
];

function samplesOf(hasAddend: boolean): OpSample[] {
  return sampleFormats.map((format) => {
    const w: PackedType = packedType(format, [64, 37]);
    const addend = hasAddend ? [tensor("f32", "T", 37)] : [];
    return { operands: [tensor("f32", "T", 64), w, ...addend], attrs: {}, dims: { T: 3 } };
  });
}

const matmul: CKernelRow = {
  family: "matmul",
  ...defineOp({
    name: "c.matmul",
    doc: "Activations times packed weights.",
    operands: ["x", "w"],
    attrs: {},
    traits: ["pure"],
    infer: (types) => inferProduct("c.matmul", types),
    evaluate: ([x, w]) => evaluateProduct(x, w),
    work: (types) => ({ flops: productFlops(types) }),
    samples: samplesOf(false),
  }),
  instance: (operands) => productInstance(operands, false),
};

const matmulAdd: CKernelRow = {
  family: "matmul",
  ...defineOp({
    name: "c.matmul_add",
    doc: "Activations times packed weights, added to `addend`. The result may lie where the addend lies.",
    operands: ["x", "w", "addend"],
    attrs: {},
    traits: ["pure"],
    infer: (types) => {
      const product = inferProduct("c.matmul_add", types);
      const addend = requireF32("c.matmul_add", types[2], 2);
      if (!sameType(addend, product)) {
        illTyped(`\`c.matmul_add\` adds tensors of one shape, found [${product.shape.join(", ")}] and [${addend.shape.join(", ")}]`);
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

export const productRows: readonly CKernelRow[] = [matmul, matmulAdd];
