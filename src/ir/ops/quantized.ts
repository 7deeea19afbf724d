/**
 * Quantized weights: small codes with a scale for each group of rows of a column (the formats of GGML, along
 * the rows). `quantize` makes Q8_0 and Q4_0: the scale is rounded to f16 before codes are computed with it.
 */

import type { Random } from "../../base/index.js";
import { at, invariant, roundToHalf } from "../../base/index.js";
import type { Scalar, Statement } from "../loop-form.js";
import { binary, cast, index, load, local, store } from "../loop-form.js";
import type { Drawn, DrawRequest } from "../op.js";
import type { CodeBits, QuantizedType, ValueType } from "../types.js";
import { elementCount, printType, sameType, tensor } from "../types.js";
import type { QuantizedValue, TensorValue } from "../values.js";
import { newQuantized, quantizedArrays } from "../values.js";
import type { Extents } from "./drawing.js";
import {
  attrOr,
  defineCoreOp,
  draftBySignature,
  drawExtent,
  drawFloat,
  knownTensor,
  pick,
  tensorType,
} from "./drawing.js";
import {
  dot, indicesOf, int, loadFloat, mul, overElements, resultOf, sub, tensorOf,
} from "./loop-parts.js";
import { lowerProductAdd, plusAddend, productAddWork } from "./product-addend.js";
import { evaluateProduct, productWork } from "./products.js";
import { inferBySignature, signature } from "./signature.js";
import { quantizedAt, tensorAt } from "./tensor-access.js";
import { printShape, refuse, requireFloat } from "./type-checks.js";

const LARGEST_HALF = 65504;

const quantize = defineCoreOp({
  name: "quantize",
  doc:
    "The nearest codes and scales for a matrix, in groups of rows. 8 bits: scale = max |w| / 127. " +
    "4 bits: scale = (the w of largest magnitude) / -8.",
  operands: ["w"],
  attrs: { bits: "int", group: "int" },
  traits: ["pure", "rounds"],
  infer: ([type], { bits, group }) => {
    const { shape } = requireFloat("quantize", type);
    const [rows, columns] = shape;
    if (shape.length !== 2 || typeof rows !== "number" || typeof columns !== "number") {
      return refuse(`\`quantize\` takes a matrix of known size, found the shape ${printShape(shape)}`);
    }
    if (bits !== 4 && bits !== 8) return refuse(`\`quantize\` knows 4 and 8 bits, found ${bits}`);
    if (group < 1 || rows % group !== 0)
      refuse(`\`quantize\` needs groups that divide ${rows} rows, found groups of ${group}`);
    return { kind: "quantized", shape: [rows, columns], bits, group, scaleDtype: "f16" };
  },
  evaluate: (operands, _, result) => quantizeMatrix(tensorAt(operands, 0), quantizedType(result)),
  work: ([w]) => ({ flops: 4 * elementCount(tensorOf(w).shape) }),
  draw: (random, request) => {
    const result = request.result?.kind === "quantized" ? request.result : undefined;
    if (request.result !== undefined && result === undefined) return undefined;
    const known = knownTensor(request.operands[0]);
    const bits = attrOr(request, "bits", () => result?.bits ?? pick(random, [4, 8]));
    const group = attrOr(request, "group", () => result?.group ?? pick(random, [32, 64]));
    const shape = result?.shape ?? [group * pick(random, [1, 2, 3]), drawExtent(random)];
    return { operands: [known ?? tensorType(drawFloat(random), shape)], attrs: { bits, group } };
  },
  samples: [
    { operands: [tensor("f32", 64, 3)], attrs: { bits: 8, group: 32 } },
    { operands: [tensor("f16", 64, 5)], attrs: { bits: 4, group: 32 } },
  ],
});

export function quantizedType(type: ValueType | undefined): QuantizedType {
  invariant(type?.kind === "quantized", "type inference has made sure of a quantized matrix");
  return type;
}

/** Row by row, as the matrix lies in memory: whole models are packed through here. */
function quantizeMatrix(w: TensorValue, type: QuantizedType): QuantizedValue {
  const [rows, columns] = type.shape;
  const codes = new Int8Array(rows * columns);
  const scales = new Float32Array((rows / type.group) * columns);
  for (let start = 0; start < rows; start += type.group) {
    const extremes = largestInGroup(w, type, start);
    const groupScales = scales.subarray((start / type.group) * columns, (start / type.group + 1) * columns);
    for (let column = 0; column < columns; column++) {
      groupScales[column] = groupScale(type.bits, extremes[column]!);
    }
    for (let row = start; row < start + type.group; row++) {
      for (let column = 0, at = row * columns; column < columns; column++, at++) {
        const scale = groupScales[column]!;
        codes[at] = scale === 0 ? 0 : codeOf(type.bits, w.data[at]! / scale);
      }
    }
  }
  return { kind: "quantized", type, codes, scales };
}

/** For each column of a group of rows, the element of largest magnitude, with its sign. */
function largestInGroup(
  w: TensorValue,
  { shape: [, columns], group }: QuantizedType,
  start: number,
): Float32Array {
  const extremes = new Float32Array(columns);
  for (let row = start; row < start + group; row++) {
    for (let column = 0, at = row * columns; column < columns; column++, at++) {
      const each = w.data[at]!;
      if (Math.abs(each) > Math.abs(extremes[column]!)) extremes[column] = each;
    }
  }
  return extremes;
}

function groupScale(bits: CodeBits, extreme: number): number {
  const scale = bits === 8 ? Math.abs(extreme) / 127 : extreme / -8;
  // A scale beyond f16 would be infinite, and every weight of the group with it.
  return roundToHalf(Math.max(-LARGEST_HALF, Math.min(LARGEST_HALF, scale)));
}

function codeOf(bits: CodeBits, steps: number): number {
  if (bits === 4) return Math.max(-8, Math.min(7, Math.floor(steps + 0.5)));
  const away = Math.sign(steps) * Math.floor(Math.abs(steps) + 0.5);
  return Math.max(-127, Math.min(127, away));
}

interface ScaleLevels {
  readonly coarse: Float32Array;
  readonly fine: Int8Array | undefined;
}

/** A group's row of scales or of minimums: f16 numbers, on two levels times whole numbers of 8 bits. */
function scaleRow({ coarse, fine }: ScaleLevels, type: QuantizedType, group: number): Float32Array {
  const [, columns] = type.shape;
  const above = Math.floor((group * type.group) / (type.superGroup ?? type.group));
  const row = coarse.slice(above * columns, (above + 1) * columns);
  if (fine === undefined) return row;
  for (let column = 0; column < columns; column++) row[column]! *= fine[group * columns + column]!;
  return row;
}

/** code * scale - minimum. Products are exact in f32: codes have 8 bits and scales 11, or 5 and 18. */
export function dequantized(value: QuantizedValue): TensorValue {
  const { type, codes, minimums } = value;
  const [rows, columns] = type.shape;
  const data = new Float32Array(codes.length);
  for (let group = 0; group < rows / type.group; group++) {
    const scale = scaleRow({ coarse: value.scales, fine: value.subScales }, type, group);
    const minimum = minimums && scaleRow({ coarse: minimums, fine: value.subMinimums }, type, group);
    const end = (group + 1) * type.group * columns;
    for (let i = group * type.group * columns; i < end; ) {
      if (minimum === undefined) {
        for (let column = 0; column < columns; column++, i++) data[i] = codes[i]! * scale[column]!;
      } else {
        for (let column = 0; column < columns; column++, i++) {
          data[i] = codes[i]! * scale[column]! - minimum[column]!;
        }
      }
    }
  }
  return { kind: "tensor", dtype: "f32", shape: type.shape, data };
}

/** One element of a quantized operand, whose buffers are `<name>_codes`, `<name>_scales` and so on. */
export function loadQuantized(name: string, type: QuantizedType, row: Scalar, column: Scalar): Scalar {
  const { group, superGroup, minimums } = type;
  const scaleOf = (each: "scales" | "minimums"): Scalar => {
    const coarse = loadFloat(`${name}_${each}`, binary("quotient", row, int(superGroup ?? group)), column);
    if (superGroup === undefined) return coarse;
    return mul(coarse, loadFloat(`${name}_sub_${each}`, binary("quotient", row, int(group)), column));
  };
  const value = mul(cast("f32", load(`${name}_codes`, row, column)), scaleOf("scales"));
  return minimums ? sub(value, scaleOf("minimums")) : value;
}

/** A quantized matrix of the drawn size, or none when no usual group divides its rows. */
export function drawQuantized({ K = 1, N = 1 }: Extents, random: Random): QuantizedType | undefined {
  const groups = [32, 64].filter((group) => K % group === 0);
  if (groups.length === 0) return undefined;
  const plain: QuantizedType = {
    kind: "quantized",
    shape: [K, N],
    bits: pick(random, [4, 8]),
    group: pick(random, groups),
    scaleDtype: "f16",
  };
  if (random.below(4) > 0) return plain;
  const levels = random.below(2) === 0 ? {} : { superGroup: K };
  const minimums = random.below(2) === 0 ? {} : { minimums: true as const };
  return { ...plain, bits: pick(random, [4, 5, 6]), ...levels, ...minimums };
}

export function relateRows(extents: Extents, random: Random): void {
  extents["K"] ??= pick(random, [32, 64, 64, 96]);
}

const dequantizeTypes = signature("q: quantized[K, N] -> f32[K, N]");

export const sampleWeights: QuantizedType = {
  kind: "quantized",
  shape: [64, 3],
  bits: 8,
  group: 32,
  scaleDtype: "f16",
};
/** As Q4_K, and as Q6_K, of smaller super-groups. */
export const sampleMinimums: QuantizedType = {
  ...sampleWeights,
  shape: [128, 3],
  bits: 4,
  superGroup: 64,
  minimums: true,
};
export const sampleTwoLevels: QuantizedType = {
  ...sampleWeights,
  shape: [64, 5],
  bits: 6,
  group: 16,
  superGroup: 64,
};
export const sampleNibbles: QuantizedType = { ...sampleWeights, shape: [64, 5], bits: 4, group: 64 };

const dequantize = defineCoreOp({
  name: "dequantize",
  doc: "The matrix that codes and scales stand for.",
  operands: dequantizeTypes.names,
  attrs: {},
  traits: ["pure"],
  infer: (types) => inferBySignature("dequantize", dequantizeTypes, types),
  evaluate: (operands) => dequantized(quantizedAt(operands, 0)),
  work: ([q]) => ({ flops: elementCount(quantizedType(q).shape) }),
  lower: (input) => {
    const { shape } = resultOf(input);
    const [row = int(0), column = int(0)] = indicesOf(shape);
    const value = loadQuantized("q", quantizedType(input.operands[0]), row, column);
    return overElements(shape, [store("result", [row, column], value)]);
  },
  draw: draftBySignature(dequantizeTypes, { relate: relateRows, quantized: drawQuantized }),
  samples: [
    { operands: [sampleWeights], attrs: {} },
    { operands: [sampleNibbles], attrs: {} },
    { operands: [sampleMinimums], attrs: {} },
    { operands: [sampleTwoLevels], attrs: {} },
    { operands: [{ ...sampleNibbles, bits: 5, minimums: true }], attrs: {} },
  ],
});

const concatQuantized = defineCoreOp({
  name: "concat_quantized",
  doc: "Quantized matrices side by side: the columns of one format, one after another.",
  operands: ["...parts"],
  attrs: {},
  traits: ["pure"],
  infer: (types) => {
    const parts = types.map((type) => {
      if (type.kind !== "quantized") return refuse(`\`concat_quantized\` joins quantized matrices, found ${printType(type)}`);
      return type;
    });
    const first = at(parts, 0);
    for (const part of parts) {
      if (sameType({ ...part, shape: first.shape }, first) && part.shape[0] === first.shape[0]) continue;
      refuse(`\`concat_quantized\` joins matrices of one format and height, found ${printType(first)} and ${printType(part)}`);
    }
    const columns = parts.reduce((sum, { shape }) => sum + shape[1], 0);
    return { ...first, shape: [first.shape[0], columns] };
  },
  evaluate: (operands, _, result) =>
    joinColumns(operands.map((_each, i) => quantizedAt(operands, i)), quantizedType(result)),
  work: () => ({ flops: 0 }),
  draw: drawQuantizedParts,
  samples: [
    { operands: [sampleWeights, { ...sampleWeights, shape: [64, 5] }], attrs: {} },
    { operands: [sampleNibbles, sampleNibbles, sampleNibbles], attrs: {} },
    { operands: [sampleMinimums, { ...sampleMinimums, shape: [128, 2] }], attrs: {} },
  ],
});

function joinColumns(parts: readonly QuantizedValue[], type: QuantizedType): QuantizedValue {
  const whole = newQuantized(type);
  const targets = quantizedArrays(whole);
  let start = 0;
  for (const part of parts) {
    const width = part.type.shape[1];
    quantizedArrays(part).forEach((array, i) => {
      copyColumns(array, targets[i]!, { width, columns: type.shape[1], start });
    });
    start += width;
  }
  return whole;
}

interface ColumnRange {
  readonly width: number;
  /** Of the whole. */
  readonly columns: number;
  readonly start: number;
}

function copyColumns(from: Int8Array | Float32Array, to: Int8Array | Float32Array, range: ColumnRange): void {
  const { width, columns, start } = range;
  for (let row = 0; row < from.length / width; row++) {
    to.set(from.subarray(row * width, (row + 1) * width), row * columns + start);
  }
}

function drawQuantizedParts(random: Random, request: DrawRequest): Drawn | undefined {
  const isQuantized = (type: ValueType | undefined): type is QuantizedType => type?.kind === "quantized";
  const result = isQuantized(request.result) ? request.result : undefined;
  const pattern = result ?? request.operands.find(isQuantized);
  const like = pattern ?? drawQuantized({ K: pick(random, [32, 64]), N: 1 }, random);
  if (like === undefined) return undefined;
  const count = request.operands.length || pick(random, [1, 2, 3]);
  const given = request.operands.map((type) => (isQuantized(type) ? type : undefined));
  let left = (result?.shape[1] ?? 0) - given.reduce((sum, type) => sum + (type?.shape[1] ?? 0), 0);
  const openParts = Array.from({ length: count }, (_, i) => i).filter((i) => given[i] === undefined);
  const operands = Array.from({ length: count }, (_, i) => {
    const known = given[i];
    if (known !== undefined) return known;
    const isLast = i === openParts.at(-1);
    const columns = result === undefined ? drawExtent(random) : isLast ? left : 1;
    left -= columns;
    return { ...like, shape: [like.shape[0], columns] as const };
  });
  return operands.some(({ shape }) => shape[1] < 1) ? undefined : { operands, attrs: {} };
}

const productTypes = signature("x: f32[T, K], q: quantized[K, N] -> f32[T, N]");

/** The sum over k in the local `sum`, for the result element at `i0`, `i1`. */
function lowerQuantizedSum(q: QuantizedType): readonly Statement[] {
  const [row, column, k] = [index("i0"), index("i1"), index("k")];
  return dot("sum", "k", q.shape[0], [loadFloat("x", row, k), loadQuantized("q", q, k, column)]);
}

const quantizedMatmul = defineCoreOp({
  name: "quantized_matmul",
  doc: "x times the matrix that q stands for.",
  operands: productTypes.names,
  attrs: {},
  traits: ["pure"],
  infer: (types) => inferBySignature("quantized_matmul", productTypes, types),
  evaluate: (operands, _, result) =>
    evaluateProduct(tensorAt(operands, 0), dequantized(quantizedAt(operands, 1)), result),
  work: (operands, _, result) => productWork(operands, result),
  lower: (input) => {
    const { shape } = resultOf(input);
    return overElements(shape, [
      ...lowerQuantizedSum(quantizedType(input.operands[1])),
      store("result", indicesOf(shape), local("sum")),
    ]);
  },
  draw: draftBySignature(productTypes, { relate: relateRows, quantized: drawQuantized }),
  samples: [
    { operands: [tensor("f32", "T", 64), sampleWeights], attrs: {}, dims: { T: 3 } },
    { operands: [tensor("f32", 2, 64), sampleNibbles], attrs: {} },
    { operands: [tensor("f32", 2, 128), sampleMinimums], attrs: {} },
  ],
});

const productAddTypes = signature("x: f32[T, K], q: quantized[K, N], addend: f32[T, N] -> f32[T, N]");

const quantizedMatmulAdd = defineCoreOp({
  name: "quantized_matmul_add",
  doc: "addend + x times the matrix that q stands for.",
  operands: productAddTypes.names,
  attrs: {},
  traits: ["pure"],
  infer: (types) => inferBySignature("quantized_matmul_add", productAddTypes, types),
  evaluate: (operands, _, result) => {
    const product = evaluateProduct(tensorAt(operands, 0), dequantized(quantizedAt(operands, 1)), result);
    return plusAddend(operands, product, result);
  },
  work: (operands, _, result) => productAddWork(operands, result),
  lower: (input) => lowerProductAdd(input, lowerQuantizedSum(quantizedType(input.operands[1]))),
  draw: draftBySignature(productAddTypes, { relate: relateRows, quantized: drawQuantized }),
  samples: [
    { operands: [tensor("f32", "T", 64), sampleWeights, tensor("f32", "T", 3)], attrs: {}, dims: { T: 2 } },
  ],
});

export const quantizedOps = [
  quantize,
  dequantize,
  concatQuantized,
  quantizedMatmul,
  quantizedMatmulAdd,
] as const;
