/**
 * Ops of kernels that multiply activations by packed weights, and of those that pack them, under the names of
 * a target. What differs between targets is the layout of the packed bytes, which the target gives.
 */

import { invariant } from "../../base/index.js";
import type {
  FloatDType, OpRecord, OpSample, PackedType, PackedValue, PlainCodesType, QuantizedValue, TensorType,
  TensorValue, Value, ValueType,
} from "../../ir/index.js";
import { defineOp, elementCount, isFloat, isPlainCodes, printType, sameType, tensor } from "../../ir/index.js";
import { illTyped, meaning, requireF32, requireNumber, requirePacked } from "./checks.js";
import type { WeightFormat } from "./weight-formats.js";

/** How a target lays matrices out, and the way back. */
export interface WeightLayout {
  /** The type of a packed matrix of a shape. */
  packedType(format: WeightFormat, shape: readonly [number, number]): PackedType;
  /** The format behind a packed type's name, or undefined when it is not one of this target's. */
  parseFormat(name: string): WeightFormat | undefined;
  /** Why a quantized matrix cannot be packed, or undefined. */
  refusesQuantized(type: PlainCodesType): string | undefined;
  packFloats(matrix: TensorValue, type: PackedType): PackedValue;
  packQuantized(matrix: QuantizedValue, type: PackedType): PackedValue;
  /** In f32, whatever it was packed from. */
  unpackFloats(packed: PackedValue, dtype: FloatDType): TensorValue;
  unpackQuantized(packed: PackedValue, bits: 4 | 8, group: number): QuantizedValue;
}

export function packKernel(target: string, layout: WeightLayout): OpRecord {
  const name = `${target}.pack`;
  return defineOp({
    name,
    doc: "Lays a float matrix out as the target's products read it.",
    operands: ["w"],
    attrs: {},
    traits: ["pure"],
    infer: ([w]) => {
      if (w?.kind !== "tensor" || w.shape.length !== 2 || !isFloat(w.dtype)) {
        return illTyped(`\`${name}\` takes a float matrix, found ${w === undefined ? "nothing" : printType(w)}`);
      }
      const [rows, columns] = [requireNumber(name, w.shape[0], "rows"), requireNumber(name, w.shape[1], "columns")];
      return layout.packedType({ kind: "float", dtype: w.dtype }, [rows, columns]);
    },
    evaluate: ([w], _, result) => {
      invariant(w?.kind === "tensor" && result.kind === "packed", "a tensor is packed");
      return layout.packFloats(w, result);
    },
    work: () => ({ flops: 0 }),
    samples: [
      { operands: [tensor("f32", 3, 5)], attrs: {} },
      { operands: [tensor("f16", 8, 16)], attrs: {} },
      { operands: [tensor("bf16", 5, 33)], attrs: {} },
    ],
  });
}

export function packQuantizedKernel(target: string, layout: WeightLayout): OpRecord {
  const name = `${target}.pack_quantized`;
  return defineOp({
    name,
    doc: "Lays a quantized matrix out as the target's products read it, the scales of a group before its codes.",
    operands: ["q"],
    attrs: {},
    traits: ["pure"],
    infer: ([q]) => {
      if (q?.kind !== "quantized" || q.scaleDtype !== "f16") {
        return illTyped(`\`${name}\` takes a quantized matrix with f16 scales, found ${q === undefined ? "nothing" : printType(q)}`);
      }
      if (!isPlainCodes(q)) return illTyped(`\`${name}\` takes codes of 4 or 8 bits with one scale a group, found ${printType(q)}`);
      const refusal = layout.refusesQuantized(q);
      if (refusal !== undefined) illTyped(`\`${name}\` ${refusal}`);
      return layout.packedType({ kind: "quantized", bits: q.bits, group: q.group }, q.shape);
    },
    evaluate: ([q], _, result) => {
      invariant(q?.kind === "quantized" && result.kind === "packed", "a quantized matrix is packed");
      return layout.packQuantized(q, result);
    },
    work: () => ({ flops: 0 }),
    samples: ([8, 4] as const).map((bits) => ({
      operands: [{ kind: "quantized", shape: [64, 5], bits, group: 32, scaleDtype: "f16" }],
      attrs: {},
    })),
  });
}

export function matmulKernel(target: string, layout: WeightLayout): OpRecord {
  const name = `${target}.matmul`;
  return defineOp({
    name,
    doc: "Activations times packed weights.",
    operands: ["x", "w"],
    attrs: {},
    traits: ["pure"],
    infer: (types) => inferProduct(name, layout, types),
    evaluate: ([x, w]) => evaluateProduct(layout, x, w),
    work: (types) => ({ flops: productFlops(types) }),
    samples: samplesOf(layout, false),
  });
}

export function matmulAddKernel(target: string, layout: WeightLayout): OpRecord {
  const name = `${target}.matmul_add`;
  return defineOp({
    name,
    doc: "Activations times packed weights, added to `addend`.",
    operands: ["x", "w", "addend"],
    attrs: {},
    traits: ["pure"],
    infer: (types) => {
      const product = inferProduct(name, layout, types);
      const addend = requireF32(name, types[2], 2);
      if (!sameType(addend, product)) {
        illTyped(`\`${name}\` adds tensors of one shape, found [${product.shape.join(", ")}] and [${addend.shape.join(", ")}]`);
      }
      return product;
    },
    evaluate: ([x, w, addend]) => {
      invariant(addend !== undefined, "there is an addend");
      return meaning("add", [addend, evaluateProduct(layout, x, w)]);
    },
    work: (types, _, result) => ({
      flops: productFlops(types) + (result.kind === "tensor" ? elementCount(result.shape) : 0),
    }),
    samples: samplesOf(layout, true),
  });
}

/** The rows and columns of a packed matrix. */
export function packedShape({ shape }: PackedType): readonly [rows: number, columns: number] {
  const [rows, columns] = shape;
  invariant(rows !== undefined && columns !== undefined, "a packed matrix has two dimensions");
  return [rows, columns];
}

function inferProduct(op: string, layout: WeightLayout, [x, w]: readonly ValueType[]): TensorType {
  const { shape } = requireF32(op, x, 2);
  const packed = requirePacked(op, w);
  if (layout.parseFormat(packed.format) === undefined) illTyped(`\`${op}\` does not know the layout ${packed.format}`);
  const [rows, columns] = packedShape(packed);
  if (shape[1] !== rows) illTyped(`\`${op}\` cannot multiply rows of ${shape[1] ?? 0} by a matrix of ${rows} rows`);
  return tensor("f32", shape[0] ?? 0, columns);
}

/** The product with the weights as a plain or quantized matrix. */
function evaluateProduct(layout: WeightLayout, x: Value | undefined, w: Value | undefined): Value {
  invariant(x !== undefined && w?.kind === "packed", "a packed matrix is multiplied");
  const format = layout.parseFormat(w.type.format);
  invariant(format !== undefined, "type inference knows the layout");
  return format.kind === "float"
    ? meaning("matmul", [x, layout.unpackFloats(w, format.dtype)])
    : meaning("quantized_matmul", [x, layout.unpackQuantized(w, format.bits, format.group)]);
}

function productFlops([x, w]: readonly ValueType[]): number {
  invariant(x?.kind === "tensor" && w?.kind === "packed", "a packed matrix is multiplied");
  return 2 * elementCount(x.shape) * (w.shape[1] ?? 0);
}

const sampleFormats: readonly WeightFormat[] = [
  { kind: "float", dtype: "f32" },
  { kind: "float", dtype: "f16" },
  { kind: "float", dtype: "bf16" },
  { kind: "quantized", bits: 8, group: 32 },
  { kind: "quantized", bits: 4, group: 32 },
];

function samplesOf(layout: WeightLayout, hasAddend: boolean): OpSample[] {
  return sampleFormats.map((format) => {
    const addend = hasAddend ? [tensor("f32", "T", 37)] : [];
    const w = layout.packedType(format, [64, 37]);
    return { operands: [tensor("f32", "T", 64), w, ...addend], attrs: {}, dims: { T: 3 } };
  });
}
