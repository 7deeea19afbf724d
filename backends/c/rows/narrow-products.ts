/**
 * Products of bfloat16 rows of activations with weights that are bfloat16, or become it where they are
 * multiplied, and the kernels that make their operands.
 */

import { invariant } from "../../../src/base/index.js";
import { illTyped, meaning, requireF32, requireNumber, requirePacked } from "../../../src/codegen/index.js";
import type { OpSample, PackedType, PackedValue, TensorType, Value, ValueType } from "../../../src/ir/index.js";
import { defineOp, elementCount, printType, sameType, tensor } from "../../../src/ir/index.js";
import type { CKernelRow, KernelInstance } from "../kernel-row.js";
import { narrowRow, narrowRows, packPairs, pairsFormat, pairsType, rowsOfNarrow, unpackPairs } from "../pairs.js";
import { matrixShape, PANEL } from "../panels.js";
import type { QuadFormat } from "../quads.js";
import { parseQuads, quadDefines, quadName, quadType, sampleQuads, unpackQuads } from "../quads.js";

/** Floats of a panel's weights that are bfloat16 at once at most: `SLOT_FLOATS` of kernels/narrow-quads.h. */
const WEIGHT_FLOATS = 1024 * PANEL;

/** Sums of a run of tokens by two panels: `RUN_TOKENS` of kernels/narrow-tiles.h, at most. */
const SUM_FLOATS = 256 * 2 * PANEL;

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
    traits: ["pure", "rowwise", "rounds"],
    infer: ([x]) => {
      const { shape } = requireF32("c.narrow_rows", x, 2);
      return tensor("bf16", shape[0] ?? 0, narrowRow(requireNumber("c.narrow_rows", shape[1], "columns")));
    },
    evaluate: ([x]) => {
      invariant(x?.kind === "tensor", "type inference has made sure of a tensor");
      return narrowRows(x);
    },
    work: ([x]) => ({ flops: elementCount(x?.kind === "tensor" ? x.shape : []) }),
    draw: (random, { operands: [x] }) => ({
      operands: [x ?? tensor("f32", 1 + random.below(4), 1 + random.below(70))],
      attrs: {},
    }),
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

/** Of weights that are stored as codes; undefined of bfloat16. */
function codesOf({ format }: PackedType): QuadFormat | undefined {
  return format === pairsFormat ? undefined : parseQuads(format);
}

function inferProduct(op: string, [x, w]: readonly ValueType[]): TensorType {
  const packed = requirePacked(op, w);
  if (packed.format !== pairsFormat && codesOf(packed) === undefined) {
    return illTyped(`\`${op}\` does not know the layout ${packed.format}`);
  }
  const [rows, columns] = matrixShape(packed.shape);
  if (x?.kind !== "tensor" || x.dtype !== "bf16" || x.shape.length !== 2 || x.shape[1] !== narrowRow(rows)) {
    return illTyped(`\`${op}\` takes rows of ${narrowRow(rows)} elements, found ${x === undefined ? "nothing" : printType(x)}`);
  }
  return tensor("f32", x.shape[0] ?? 0, columns);
}

/** Packed weights as bfloat16. */
function narrowWeights(w: PackedValue): Value {
  const codes = codesOf(w.type);
  if (codes === undefined) return unpackPairs(w);
  return meaning("cast", [meaning("dequantize", [unpackQuads(w, codes)])], { dtype: "bf16" });
}

function evaluateProduct(x: Value | undefined, w: Value | undefined): Value {
  invariant(x?.kind === "tensor" && w?.kind === "packed", "rows are multiplied by a packed matrix");
  return meaning("narrow_matmul", [rowsOfNarrow(x, matrixShape(w.type.shape)[0]), narrowWeights(w)]);
}

/** What becomes of the sums. */
type ProductEnd = "store" | "add" | "swiglu";

const endTexts: Readonly<Record<ProductEnd, { readonly name: string; readonly comment: string }>> = {
  store: { name: "", comment: "" },
  add: { name: "add_", comment: "addend + " },
  swiglu: { name: "swiglu_", comment: "swiglu of " },
};

function productInstance([, w]: readonly ValueType[], end: ProductEnd): KernelInstance {
  invariant(w?.kind === "packed", "rows are multiplied by a packed matrix");
  const [rows, columns] = matrixShape(w.shape);
  const codes = codesOf(w);
  const { name, comment } = endTexts[end];
  const origin = codes === undefined ? "" : `, w from ${w.format}`;
  const format = codes === undefined ? "" : `${quadName(codes).replace("_quads16", "")}_`;
  return {
    file: codes === undefined ? "narrow_matmul.h" : codes.bits === 8 ? "narrow_matmul_q8.h" : "narrow_matmul_bits.h",
    name: `narrow_matmul_${name}${format}${rows}x${columns}`,
    defines: [
      ["K", String(rows)], ["N", String(columns)], ...(codes === undefined ? [] : quadDefines(codes)),
      ["ADDEND", end === "add" ? "1" : "0"], ["SWIGLU", end === "swiglu" ? "1" : "0"],
    ],
    comment: `out[tokens] = ${comment}x[tokens, ${rows}] w[${rows}, ${columns}], both bfloat16${origin}`,
    scratchFloats: (codes === undefined ? 0 : 2 * WEIGHT_FLOATS) + (end === "swiglu" ? SUM_FLOATS : 0),
    call: ([left, weights, addend], result, dim) => [
      dim(firstDim(left?.type)), left?.text ?? "", weights?.text ?? "", addend?.text ?? "NULL", result.text,
    ],
  };
}

/** A code becomes bfloat16 in the time in which tiles multiply it by so many tokens: measured. */
const CODE_TOKENS = 120;

function productFlops(types: readonly ValueType[]): number {
  const [x, w] = types;
  invariant(x?.kind === "tensor" && w?.kind === "packed", "rows are multiplied by a packed matrix");
  const making = codesOf(w) === undefined ? 0 : CODE_TOKENS * elementCount(w.shape);
  return 2 * (elementCount([x.shape[0] ?? 0, ...w.shape]) + making);
}

/** Weights of each format of codes, of so many columns. */
function codeSamples(columns: number): OpSample[] {
  return sampleQuads.map((format) => ({
    operands: [tensor("bf16", "T", narrowRow(64)), quadType(format, [64, columns])],
    attrs: {},
    dims: { T: 3 },
  }));
}

const narrowMatmul: CKernelRow = {
  family: "narrow_matmul",
  ...defineOp({
    name: "c.narrow_matmul",
    doc: "Rows of bfloat16 activations times weights, bfloat16 or rounded to it.",
    operands: ["x", "w"],
    attrs: {},
    traits: ["pure"],
    infer: (types) => inferProduct("c.narrow_matmul", types),
    evaluate: ([x, w]) => evaluateProduct(x, w),
    work: (types) => ({ flops: productFlops(types) }),
    samples: [
      { operands: [tensor("bf16", "T", narrowRow(65)), pairsType([65, 37])], attrs: {}, dims: { T: 3 } },
      ...codeSamples(37),
    ],
  }),
  instance: (operands) => productInstance(operands, "store"),
};

const narrowMatmulAdd: CKernelRow = {
  family: "narrow_matmul",
  ...defineOp({
    name: "c.narrow_matmul_add",
    doc: "`c.narrow_matmul`, added to `addend`. The result may lie where the addend lies.",
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
      ...codeSamples(37).map((sample) => ({ ...sample, operands: [...sample.operands, tensor("f32", "T", 37)] })),
    ],
  }),
  instance: (operands) => productInstance(operands, "add"),
};

const narrowSwiglu: CKernelRow = {
  family: "narrow_matmul",
  ...defineOp({
    name: "c.narrow_swiglu",
    doc: "`swiglu` of `c.narrow_matmul`, as rows of bfloat16: a gate meets its factor before either leaves the cache.",
    operands: ["x", "w"],
    attrs: {},
    traits: ["pure"],
    infer: (types) => {
      const { shape } = inferProduct("c.narrow_swiglu", types);
      const columns = requireNumber("c.narrow_swiglu", shape[1], "columns");
      if (columns % (2 * PANEL) !== 0) illTyped(`\`c.narrow_swiglu\` takes a gate of whole panels, found ${columns / 2} columns`);
      return tensor("bf16", shape[0] ?? 0, narrowRow(columns / 2));
    },
    evaluate: ([x, w]) => {
      const gated = meaning("swiglu", [evaluateProduct(x, w)]);
      invariant(gated.kind === "tensor", "a product is a tensor");
      return narrowRows(gated);
    },
    work: (types, _, result) => ({
      flops: productFlops(types) + 8 * (result.kind === "tensor" ? elementCount(result.shape) : 0),
    }),
    samples: [
      { operands: [tensor("bf16", "T", narrowRow(64)), pairsType([64, 96])], attrs: {}, dims: { T: 3 } },
      ...codeSamples(96),
    ],
  }),
  instance: (operands) => productInstance(operands, "swiglu"),
};

export const narrowProductRows: readonly CKernelRow[] = [
  packPairsRow,
  narrowRowsRow,
  narrowMatmul,
  narrowMatmulAdd,
  narrowSwiglu,
];
