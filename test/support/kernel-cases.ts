// Uses of kernels with numbers in them, for any target: drawn from samples, evaluated by the record, and
// compared within what the arithmetic allows.

import type { Random } from "../../src/base/index.js";
import type { WeightLayout } from "../../src/codegen/index.js";
import type {
  Attrs, DimEnv, DType, FloatDType, KvCacheType, OpRecord, OpSample, PackedType, QuantizedValue, TensorValue,
  Value, ValueType,
} from "../../src/ir/index.js";
import {
  concreteType, coreOps, coreRegistry, elementCount, inferType, isFloat, roundTo, tensor,
} from "../../src/ir/index.js";
import { drawSample } from "./sample-values.js";
import type { Tolerance } from "./tolerances.js";
import { codeTolerance, exact, firstDifference, softmaxTolerance, sumTolerance } from "./tolerances.js";

/** One use of a kernel. */
export interface KernelCase {
  readonly title: string;
  readonly record: OpRecord;
  readonly operands: readonly Value[];
  readonly attrs: Attrs;
  /** Dimensions may be symbolic where `dims` gives them. */
  readonly operandTypes: readonly ValueType[];
  readonly result: ValueType;
  readonly dims: DimEnv;
  /** The numbers that elements of the result stand for, where these are bytes that a target lays out. */
  readonly read?: (elements: Float32Array) => Float32Array;
}

/* ---- Drawing ---- */

export type PackingLayout = Pick<WeightLayout, "parseFormat" | "packFloats" | "packQuantized">;

/** Random weights in a packed layout. */
export function drawPacked(random: Random, type: PackedType, layout: PackingLayout): Value {
  const format = layout.parseFormat(type.format);
  const [rows = 1, columns = 1] = type.shape;
  if (format === undefined) throw new Error(`the layout ${type.format} is unknown`);
  return format.kind === "quantized"
    ? layout.packQuantized(drawQuantized(random, format, [rows, columns]), type)
    : layout.packFloats(drawMatrix(random, format.dtype, [rows, columns]), type);
}

function drawMatrix(random: Random, dtype: FloatDType, shape: readonly [number, number]): TensorValue {
  const data = Float32Array.from({ length: elementCount(shape) }, () => roundTo(dtype, random.normal()));
  return { kind: "tensor", dtype, shape, data };
}

/** Random numbers, rounded to codes. */
export function drawQuantized(
  random: Random,
  { bits, group }: { readonly bits: 4 | 8; readonly group: number },
  shape: readonly [rows: number, columns: number],
): QuantizedValue {
  const quantize = coreRegistry.require("quantize");
  const type = inferType(quantize, [tensor("f32", ...shape)], { bits, group });
  const quantized = quantize.evaluate([drawMatrix(random, "f32", shape)], { bits, group }, type);
  if (quantized.kind !== "quantized") throw new Error("quantize makes quantized matrices");
  return quantized;
}

/**
 * A sample with random operands. `draw` makes those that are stored as a target alone knows, and leaves the
 * others with undefined.
 */
export function drawCase(
  random: Random,
  record: OpRecord,
  sample: OpSample,
  draw: (type: ValueType, dims: DimEnv) => Value | undefined = () => undefined,
): KernelCase {
  const plain = sample.operands.map((type) => (type.kind === "packed" ? tensor("f32") : type));
  const { operands, dims } = drawSample(random, record, { ...sample, operands: plain });
  const formats = sample.operands.flatMap((type) => (type.kind === "packed" ? [type.format, type.shape.join("x")] : []));
  const extents = Object.entries(dims).map(([name, extent]) => `${name}=${extent}`);
  return {
    title: [record.name, ...formats, JSON.stringify(sample.attrs), ...extents].join(" "),
    record,
    operands: sample.operands.map((type, i) => draw(type, dims) ?? operands[i]!),
    attrs: sample.attrs,
    operandTypes: sample.operands,
    result: inferType(record, sample.operands, sample.attrs, sample.result),
    dims,
  };
}

/** Every op with a loop form, as the kernels that are printed from it. */
export function loopCases(random: Random): readonly KernelCase[] {
  const records: readonly OpRecord[] = coreOps;
  return records
    .filter((record) => record.lower !== undefined)
    .flatMap((record) => record.samples.map((sample) => drawCase(random, record, sample)));
}

/** A cache whose keys and values are columns of rows that hold `queries` heads before them. */
export type QueriedCache = KvCacheType & { readonly queries: number };

/** The three kernels of a cache, for rows of a joined projection. */
export function cacheSamples(
  { queries, ...cache }: QueriedCache,
  dims: DimEnv,
  style: string,
): Readonly<Record<"paged_attention" | "rope_append_kv" | "rope", OpSample>> {
  const { heads, headDim } = cache;
  const places = [tensor("i32"), tensor("i32", "S", "B"), tensor("i32", "T"), tensor("i32", "T")];
  const x = tensor("f32", "T", (queries + 2 * heads) * headDim);
  const frequencies = tensor("f32", headDim / 2);
  const offsets = { key_offset: queries * headDim, value_offset: (queries + heads) * headDim, style };
  const turned = { offset: headDim, heads: queries - 1, head_dim: headDim, style };
  return {
    paged_attention: {
      operands: [tensor("f32", "T", queries, headDim), cache, ...places],
      attrs: { scale: 1 / Math.sqrt(headDim) },
      dims,
    },
    rope_append_kv: { operands: [cache, x, ...places, frequencies], attrs: offsets, dims },
    rope: { operands: [x, tensor("i32", "T"), frequencies], attrs: turned, dims, indexBounds: { 1: 3000 } },
  };
}

/* ---- Comparing ---- */

/** Normal deviates of these tests stay below this. */
const LARGEST = 6;

/**
 * Terms of the longest sum of any sample of an op, and the roundings of functions that are made of several
 * steps.
 */
const LOOP_TERMS = 96;

/** Of a tuned kernel, by its longest sum, over operands whose size the draw bounds. */
export function kernelTolerance(each: KernelCase): Tolerance {
  const { record, operandTypes, operands, dims } = each;
  const [x, w] = operandTypes;
  switch (record.name.slice(record.name.indexOf(".") + 1)) {
    case "matmul":
    case "matmul_add":
    case "integer_matmul":
    case "integer_matmul_add":
    case "narrow_matmul":
    case "narrow_matmul_add":
      return sumTolerance("f32", w?.kind === "packed" ? (w.shape[0] ?? 1) : 1, LARGEST);
    case "narrow_swiglu":
      return sumTolerance("bf16", w?.kind === "packed" ? (w.shape[0] ?? 1) : 1, LARGEST);
    case "paged_attention": {
      const cache = operands.find((value) => value.kind === "kv_cache");
      const slots = (dims["B"] ?? 1) * (cache?.kind === "kv_cache" ? cache.type.blockSize : 1);
      const dim = x?.kind === "tensor" ? Number(x.shape.at(-1)) : 1;
      return softmaxTolerance("f32", Math.max(slots, dim), LARGEST);
    }
    case "quantize_rows":
      return exact;
    case "rms_norm_codes":
    case "swiglu_codes":
      return codeTolerance(expectedOf(each));
    case "rms_norm":
      return sumTolerance("f32", x?.kind === "tensor" ? Number(x.shape.at(-1)) : 1, 1);
    default:
      // A handful of roundings, of products of two numbers that are added.
      return sumTolerance("f32", 4, LARGEST);
  }
}

/** Of a kernel that is printed from its op's loop form. */
export function loopTolerance({ record, result }: KernelCase): Tolerance {
  const dtype: DType = result.kind === "tensor" || result.kind === "kv_cache" ? result.dtype : "f32";
  if (!isFloat(dtype)) return exact;
  const isSoft = record.name.includes("attention") || record.name === "softmax";
  return isSoft ? softmaxTolerance(dtype, LOOP_TERMS, LARGEST) : sumTolerance(dtype, LOOP_TERMS, LARGEST);
}

/** What a case means, flat: a tensor's numbers, or keys followed by values. */
export function expectedOf(each: KernelCase): Float32Array {
  const { record, operands, attrs, result, dims, read = asTheyAre } = each;
  const value = record.evaluate(operands, attrs, concreteType(result, dims));
  if (value.kind === "kv_cache") return Float32Array.from([...value.keys, ...value.values]);
  if (value.kind !== "tensor") throw new Error("kernels make tensors and caches");
  return read(Float32Array.from(value.data));
}

function asTheyAre(elements: Float32Array): Float32Array {
  return elements;
}

/** Differences over all cases, as sentences. */
export function differences<Case extends KernelCase>(
  cases: readonly Case[],
  found: readonly Float32Array[],
  toleranceOf: (each: Case) => Tolerance,
): string[] {
  if (found.length !== cases.length) return [`${found.length} results of ${cases.length} cases`];
  return cases.flatMap((each, i) => {
    const { read = asTheyAre } = each;
    const difference = firstDifference(read(found[i]!), expectedOf(each), toleranceOf(each));
    return difference === undefined ? [] : [`${each.title}: ${difference}`];
  });
}
