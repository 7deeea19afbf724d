// Cases for the kernels of the C target: the samples of their rows, and shapes chosen to meet every edge of
// the tiles: odd inner and outer extents, one KV head, small odd heads, 1 to 33 tokens.

import { kernels } from "../../../backends/c/kernels.js";
import type { CKernelRow } from "../../../backends/c/kernel-row.js";
import type { PanelFormat } from "../../../backends/c/panels.js";
import { packedType, packFloats, packQuantized, parseFormat } from "../../../backends/c/panels.js";
import type { QuadFormat } from "../../../backends/c/quads.js";
import { packQuads, parseQuads, quadType, quantizeRows, rowBytes } from "../../../backends/c/quads.js";
import type { Random } from "../../../src/base/index.js";
import type {
  Attrs, KvCacheType, OpSample, PackedType, QuantizedValue, Value, ValueType,
} from "../../../src/ir/index.js";
import { coreRegistry, inferType, roundTo, tensor } from "../../../src/ir/index.js";
import { drawSample } from "../../support/sample-values.js";
import type { KernelCase } from "./kernel-harness.js";

export const runningKernels: readonly CKernelRow[] = kernels.filter((row) => row.instance !== undefined);

export function requireKernel(name: string): CKernelRow {
  const row = kernels.find((each) => each.name === name);
  if (row === undefined) throw new Error(`there is no kernel ${name}`);
  return row;
}

/** Random weights in a packed layout. */
export function drawPacked(random: Random, type: PackedType): Value {
  const [rows = 1, columns = 1] = type.shape;
  const quads = parseQuads(type.format);
  if (quads !== undefined) return packQuads(drawQuantized(random, quads, [rows, columns]), type);
  const format = parseFormat(type.format);
  if (format === undefined) throw new Error(`the layout ${type.format} is unknown`);
  const dtype = format.kind === "float" ? format.dtype : "f32";
  const data = Float32Array.from({ length: rows * columns }, () => roundTo(dtype, random.normal()));
  const matrix = { kind: "tensor", dtype, shape: [rows, columns], data } as const;
  if (format.kind === "float") return packFloats(matrix, type);
  return packQuantized(drawQuantized(random, format, [rows, columns]), type);
}

function drawQuantized(
  random: Random,
  { bits, group }: QuadFormat,
  [rows, columns]: readonly [number, number],
): QuantizedValue {
  const quantize = coreRegistry.require("quantize");
  const data = Float32Array.from({ length: rows * columns }, () => Math.fround(random.normal()));
  const matrix = { kind: "tensor", dtype: "f32", shape: [rows, columns], data } as const;
  const type = inferType(quantize, [tensor("f32", rows, columns)], { bits, group });
  const quantized = quantize.evaluate([matrix], { bits, group }, type);
  if (quantized.kind !== "quantized") throw new Error("quantize makes quantized matrices");
  return quantized;
}

/** Rows of codes for an integer product with a packed matrix. */
function drawRows(random: Random, tokens: number, { format, shape }: PackedType): Value {
  const quads = parseQuads(format);
  if (quads === undefined) throw new Error(`integer products do not read ${format}`);
  const k = shape[0] ?? 1;
  const data = Float32Array.from({ length: tokens * k }, () => Math.fround(random.normal()));
  return quantizeRows(
    { kind: "tensor", dtype: "f32", shape: [tokens, k], data },
    { group: quads.group, offset: 2 ** (quads.bits - 1) },
  );
}

export function makeCase(
  random: Random,
  record: CKernelRow,
  sample: OpSample,
  title = record.name,
): KernelCase {
  const plain = sample.operands.map((type) => (type.kind === "packed" ? tensor("f32") : type));
  const drawn = drawSample(random, record, { ...sample, operands: plain });
  const packed = sample.operands.find((type) => type.kind === "packed");
  const operands = sample.operands.map((type, i) => {
    if (type.kind === "packed") return drawPacked(random, type);
    const isRows = packed !== undefined && type.kind === "tensor" && type.dtype === "u8";
    return isRows ? drawRows(random, drawn.dims["T"] ?? 1, packed) : drawn.operands[i]!;
  });
  const result = inferType(record, sample.operands, sample.attrs);
  const extents = Object.entries(drawn.dims).map(([name, extent]) => `${name}=${extent}`);
  return {
    title: [title, ...extents].join(" "),
    record,
    operands,
    attrs: sample.attrs,
    operandTypes: sample.operands,
    result,
    dims: drawn.dims,
  };
}

const tokenCounts = [1, 2, 5, 9, 33];

const formats: readonly { readonly format: PanelFormat; readonly rows: readonly number[] }[] = [
  { format: { kind: "float", dtype: "f32" }, rows: [172, 1100] },
  { format: { kind: "float", dtype: "f16" }, rows: [172, 1100] },
  { format: { kind: "float", dtype: "bf16" }, rows: [172, 1100] },
  { format: { kind: "quantized", bits: 8, group: 43 }, rows: [172] },
  { format: { kind: "quantized", bits: 8, group: 32 }, rows: [1088] },
  { format: { kind: "quantized", bits: 4, group: 86 }, rows: [172] },
  { format: { kind: "quantized", bits: 4, group: 32 }, rows: [1088] },
];

/** Products with odd extents: more than one block of k, a last panel that is not full, one column. */
function productCases(random: Random): KernelCase[] {
  const [plain, added] = [requireKernel("c.matmul"), requireKernel("c.matmul_add")];
  return formats.flatMap(({ format, rows }) =>
    rows.flatMap((k) => {
      const columns = k === 172 ? 513 : 40;
      const w = packedType(format, [k, columns]);
      const withAddend = k !== 172;
      return tokenCounts.map((count): KernelCase => {
        const addend = withAddend ? [tensor("f32", "T", columns)] : [];
        const sample = { operands: [tensor("f32", "T", k), w, ...addend], attrs: {}, dims: { T: count } };
        return makeCase(random, withAddend ? added : plain, sample, `${w.format} ${k}x${columns}`);
      });
    }),
  );
}

/** Integer products with odd columns, groups of other lengths, and more rows than a tile of tokens. */
function integerProductCases(random: Random): KernelCase[] {
  const formats: readonly (readonly [QuadFormat, number])[] = [
    [{ bits: 8, group: 32 }, 1088], [{ bits: 8, group: 20 }, 120], [{ bits: 4, group: 32 }, 1088], [{ bits: 4, group: 64 }, 128],
  ];
  return formats.flatMap(([format, k], i) => {
    const withAddend = i % 2 === 0;
    const w = quadType(format, [k, 45]);
    const record = requireKernel(withAddend ? "c.integer_matmul_add" : "c.integer_matmul");
    return tokenCounts.map((count): KernelCase => {
      const addend = withAddend ? [tensor("f32", "T", 45)] : [];
      const rows = tensor("u8", "T", rowBytes(k, format.group));
      const sample = { operands: [rows, w, ...addend], attrs: {}, dims: { T: count } };
      return makeCase(random, record, sample, `${w.format} ${k}x45`);
    });
  });
}

const caches: readonly (KvCacheType & { readonly queries: number })[] = [
  { kind: "kv_cache", layers: 2, blockSize: 16, heads: 2, headDim: 64, dtype: "f32", queries: 8 },
  { kind: "kv_cache", layers: 1, blockSize: 5, heads: 1, headDim: 8, dtype: "f32", queries: 3 },
  { kind: "kv_cache", layers: 3, blockSize: 32, heads: 3, headDim: 10, dtype: "f32", queries: 3 },
];

function cacheCases(random: Random): KernelCase[] {
  const tail: readonly ValueType[] = [tensor("i32"), tensor("i32", "S", "B"), tensor("i32", "T"), tensor("i32", "T")];
  return caches.flatMap(({ queries, ...cache }) => {
    const { heads, headDim } = cache;
    const width = (queries + 2 * heads) * headDim;
    return tokenCounts.flatMap((count) => {
      const dims = { T: count, S: 2, B: 4, P: 11 };
      const attend: readonly ValueType[] = [tensor("f32", "T", queries, headDim), cache, ...tail];
      const append: readonly ValueType[] = [cache, tensor("f32", "T", width), ...tail, tensor("f32", headDim / 2)];
      const offsets = { key_offset: queries * headDim, value_offset: (queries + heads) * headDim };
      const style = count % 2 === 0 ? "interleaved" : "halves";
      const turned = { offset: headDim, heads: queries - 1, head_dim: headDim, style };
      const cases: readonly (readonly [string, readonly ValueType[], Attrs])[] = [
        ["c.paged_attention", attend, { scale: 1 / Math.sqrt(headDim) }],
        ["c.rope_append_kv", append, { ...offsets, style }],
        ["c.rope", [tensor("f32", "T", width), tensor("i32", "T"), tensor("f32", headDim / 2)], turned],
      ];
      return cases.map(([name, operands, attrs]) => {
        const bounds = name === "c.rope" ? { indexBounds: { 1: 3000 } } : {};
        return makeCase(random, requireKernel(name), { operands, attrs, dims, ...bounds });
      });
    });
  });
}

export function kernelCases(random: Random): readonly KernelCase[] {
  const samples = runningKernels.flatMap((row) => row.samples.map((sample) => makeCase(random, row, sample)));
  return [...samples, ...productCases(random), ...integerProductCases(random), ...cacheCases(random)];
}
