// Cases for the kernels of the CUDA target: the samples of their rows, and shapes that meet every edge of the
// tiles: odd inner and outer extents, one KV head, odd heads, more tokens than one tile. And the loop form of
// every op.

import type { CudaKernelRow } from "../../../backends/cuda/kernel-row.js";
import { kernels } from "../../../backends/cuda/kernels.js";
import { rowLayout } from "../../../backends/cuda/row-weights.js";
import type { Random } from "../../../src/base/index.js";
import type { WeightFormat } from "../../../src/codegen/index.js";
import type {
  Attrs, DimEnv, KvCacheType, OpRecord, OpSample, PackedType, Value, ValueType,
} from "../../../src/ir/index.js";
import { coreOps, coreRegistry, inferType, roundTo, tensor } from "../../../src/ir/index.js";
import { drawSample } from "../../support/sample-values.js";

/** One use of a kernel. A row with `instance` runs its source file, any other record its loop form. */
export interface KernelCase {
  readonly title: string;
  readonly record: OpRecord | CudaKernelRow;
  readonly operands: readonly Value[];
  readonly attrs: Attrs;
  /** Dimensions may be symbolic where `dims` gives them. */
  readonly operandTypes: readonly ValueType[];
  readonly result: ValueType;
  readonly dims: DimEnv;
}

export const runningKernels: readonly CudaKernelRow[] = kernels.filter((row) => row.instance !== undefined);

function requireKernel(name: string): CudaKernelRow {
  const row = kernels.find((each) => each.name === name);
  if (row === undefined) throw new Error(`there is no kernel ${name}`);
  return row;
}

/** Random weights in a packed layout. */
export function drawPacked(random: Random, type: PackedType): Value {
  const format = rowLayout.parseFormat(type.format);
  const [rows = 1, columns = 1] = type.shape;
  if (format === undefined) throw new Error(`the layout ${type.format} is unknown`);
  const dtype = format.kind === "float" ? format.dtype : "f32";
  const data = Float32Array.from({ length: rows * columns }, () => roundTo(dtype, random.normal()));
  const matrix = { kind: "tensor", dtype, shape: [rows, columns], data } as const;
  if (format.kind === "float") return rowLayout.packFloats(matrix, type);
  const quantize = coreRegistry.require("quantize");
  const attrs = { bits: format.bits, group: format.group };
  const quantized = quantize.evaluate([matrix], attrs, inferType(quantize, [tensor("f32", rows, columns)], attrs));
  if (quantized.kind !== "quantized") throw new Error("quantize makes quantized matrices");
  return rowLayout.packQuantized(quantized, type);
}

function makeCase(random: Random, record: OpRecord, sample: OpSample): KernelCase {
  const plain = sample.operands.map((type) => (type.kind === "packed" ? tensor("f32") : type));
  const drawn = drawSample(random, record, { ...sample, operands: plain });
  const operands = sample.operands.map((type, i) =>
    type.kind === "packed" ? drawPacked(random, type) : drawn.operands[i]!,
  );
  const { dims } = drawn;
  const formats = sample.operands.flatMap((type) => (type.kind === "packed" ? [type.format, type.shape.join("x")] : []));
  const extents = Object.entries(dims).map(([name, extent]) => `${name}=${extent}`);
  return {
    title: [record.name, ...formats, JSON.stringify(sample.attrs), ...extents].join(" "),
    record,
    operands,
    attrs: sample.attrs,
    operandTypes: sample.operands,
    result: inferType(record, sample.operands, sample.attrs, sample.result),
    dims,
  };
}

/** Every way through a product: each count of tokens with a kernel of its own, and more than one tile. */
const tokenCounts = [1, 2, 3, 5, 9, 70];

interface Product {
  readonly format: WeightFormat;
  readonly rows: number;
  readonly columns: number;
}

const products: readonly Product[] = [
  { format: { kind: "float", dtype: "f32" }, rows: 45, columns: 131 },
  { format: { kind: "float", dtype: "f16" }, rows: 172, columns: 33 },
  { format: { kind: "float", dtype: "bf16" }, rows: 76, columns: 130 },
  { format: { kind: "quantized", bits: 8, group: 16 }, rows: 48, columns: 133 },
  { format: { kind: "quantized", bits: 4, group: 64 }, rows: 576, columns: 37 },
];

function productCases(random: Random): KernelCase[] {
  return products.flatMap(({ format, rows, columns }, i) => {
    const w = rowLayout.packedType(format, [rows, columns]);
    const hasAddend = i % 2 === 0;
    return tokenCounts.map((count) => {
      const addend = hasAddend ? [tensor("f32", "T", columns)] : [];
      const row = requireKernel(hasAddend ? "cuda.matmul_add" : "cuda.matmul");
      const operands = [tensor("f32", "T", rows), w, ...addend];
      return makeCase(random, row, { operands, attrs: {}, dims: { T: count } });
    });
  });
}

const caches: readonly (KvCacheType & { readonly queries: number })[] = [
  { kind: "kv_cache", layers: 2, blockSize: 16, heads: 2, headDim: 64, dtype: "f32", queries: 8 },
  { kind: "kv_cache", layers: 1, blockSize: 5, heads: 1, headDim: 10, dtype: "f32", queries: 3 },
  { kind: "kv_cache", layers: 1, blockSize: 8, heads: 1, headDim: 256, dtype: "f32", queries: 2 },
];

function cacheCases(random: Random): KernelCase[] {
  const tail: readonly ValueType[] = [tensor("i32"), tensor("i32", "S", "B"), tensor("i32", "T"), tensor("i32", "T")];
  return caches.flatMap(({ queries, ...cache }, i) => {
    const { heads, headDim } = cache;
    const width = (queries + 2 * heads) * headDim;
    const dims = { T: 5 + i, S: 2, B: 4, P: 11 };
    const style = i % 2 === 0 ? "interleaved" : "halves";
    const attend: readonly ValueType[] = [tensor("f32", "T", queries, headDim), cache, ...tail];
    const append: readonly ValueType[] = [cache, tensor("f32", "T", width), ...tail, tensor("f32", headDim / 2)];
    const offsets = { key_offset: queries * headDim, value_offset: (queries + heads) * headDim, style };
    const scale = 1 / Math.sqrt(headDim);
    const turned = { offset: headDim, heads: queries - 1, head_dim: headDim, style };
    const turn: readonly ValueType[] = [tensor("f32", "T", width), tensor("i32", "T"), tensor("f32", headDim / 2)];
    return [
      makeCase(random, requireKernel("cuda.paged_attention"), { operands: attend, attrs: { scale }, dims }),
      makeCase(random, requireKernel("cuda.rope_append_kv"), { operands: append, attrs: offsets, dims }),
      makeCase(random, requireKernel("cuda.rope"), { operands: turn, attrs: turned, dims, indexBounds: { 1: 3000 } }),
    ];
  });
}

export function kernelCases(random: Random): readonly KernelCase[] {
  const samples = runningKernels.flatMap((row) => row.samples.map((sample) => makeCase(random, row, sample)));
  return [...samples, ...productCases(random), ...cacheCases(random)];
}

/** Every op with a loop form, as the kernels that are printed from it. */
export function loopCases(random: Random): readonly KernelCase[] {
  const records: readonly OpRecord[] = coreOps;
  return records
    .filter((record) => record.lower !== undefined)
    .flatMap((record) => record.samples.map((sample) => makeCase(random, record, sample)));
}
