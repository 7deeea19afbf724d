// Cases for the kernels of the C target: the samples of their rows, and shapes chosen to meet every edge of
// the tiles: odd inner and outer extents, one KV head, small odd heads, 1 to 33 tokens.

import { kernels } from "../../../backends/c/kernels.js";
import type { CKernelRow } from "../../../backends/c/kernel-row.js";
import type { PanelFormat } from "../../../backends/c/panels.js";
import { packedType, packFloats, packQuantized, parseFormat } from "../../../backends/c/panels.js";
import { narrowRow, narrowRows, packPairs, pairsFormat, pairsType } from "../../../backends/c/pairs.js";
import type { QuadFormat } from "../../../backends/c/quads.js";
import {
  dequantizeRows, packQuads, parseQuads, quadType, quantizeRows, rowBytes,
} from "../../../backends/c/quads.js";
import type { Random } from "../../../src/base/index.js";
import type {
  DType, FloatDType, OpSample, PackedType, TensorType, TensorValue, Value,
} from "../../../src/ir/index.js";
import { codeOffset, concreteType, tensor, tensorValue } from "../../../src/ir/index.js";
import type { QueriedCache } from "../../support/kernel-cases.js";
import { cacheSamples, drawCase, drawPacked as drawLaidOut } from "../../support/kernel-cases.js";
import { drawQuantized } from "../../support/sample-values.js";
import type { KernelCase } from "./kernel-harness.js";

export const runningKernels: readonly CKernelRow[] = kernels.filter((row) => row.instance !== undefined);

function requireKernel(name: string): CKernelRow {
  const row = kernels.find((each) => each.name === name);
  if (row === undefined) throw new Error(`there is no kernel ${name}`);
  return row;
}

/** Random weights in a packed layout: panels, quads or pairs. */
export function drawPacked(random: Random, type: PackedType): Value {
  if (type.format === pairsFormat) {
    const [rows = 1, columns = 1] = type.shape;
    return packPairs(drawFloats(random, [rows, columns], "bf16"), type);
  }
  const quads = parseQuads(type.format);
  if (quads === undefined) return drawLaidOut(random, type, { parseFormat, packFloats, packQuantized });
  const [rows = 1, columns = 1] = type.shape;
  const quantized = { ...quads, kind: "quantized", shape: [rows, columns], scaleDtype: "f16" } as const;
  return packQuads(drawQuantized(random, quantized), type);
}

function drawFloats(random: Random, shape: readonly [number, number], dtype: FloatDType): TensorValue {
  return tensorValue(dtype, shape, Array.from({ length: shape[0] * shape[1] }, () => random.normal()));
}

interface RowsOfProduct {
  readonly dtype: DType;
  readonly packed: PackedType;
}

/** Rows of activations for a product with a packed matrix: codes, or bfloat16. */
function drawRows(random: Random, tokens: number, { dtype, packed }: RowsOfProduct): Value {
  const { format, shape } = packed;
  if (dtype === "bf16") return narrowRows(drawFloats(random, [tokens, shape[0] ?? 1], "f32"));
  const quads = parseQuads(format);
  if (quads === undefined) throw new Error(`integer products do not read ${format}`);
  const k = shape[0] ?? 1;
  return quantizeRows(
    drawFloats(random, [tokens, k], "f32"),
    { group: quads.group, offset: codeOffset(quads) },
  );
}

function makeCase(random: Random, record: CKernelRow, sample: OpSample): KernelCase {
  const packed = sample.operands.find((type) => type.kind === "packed");
  const drawn = drawCase(random, record, sample, (type, dims) => {
    if (type.kind === "packed") return drawPacked(random, type);
    const isRows = packed !== undefined && type.kind === "tensor" && type.dtype !== "f32";
    return isRows ? drawRows(random, dims["T"] ?? 1, { dtype: type.dtype, packed }) : undefined;
  });
  return record.name.endsWith("_codes") ? { ...drawn, read: codeReader(drawn) } : drawn;
}

/** What rows of codes stand for. */
function codeReader(drawn: KernelCase): NonNullable<KernelCase["read"]> {
  const { operandTypes: [x], attrs, result, dims, record } = drawn;
  const { shape: [rows, width] = [] } = concreteType(result, dims) as TensorType;
  const columns = Number((x as TensorType).shape[1]);
  const k = record.name === "c.swiglu_codes" ? columns / 2 : columns;
  return (elements) => {
    const [data, shape] = [Uint8Array.from(elements), [Number(rows), Number(width)]];
    const bytes = { kind: "tensor", dtype: "u8", shape, data } as const;
    return Float32Array.from(dequantizeRows(bytes, k, Number(attrs["group"])).data);
  };
}

const tokenCounts = [1, 2, 5, 9, 22, 33];

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
        return makeCase(random, withAddend ? added : plain, sample);
      });
    }),
  );
}

/**
 * Integer products: odd columns, groups of other lengths, rows of several slabs, more tokens than a strip
 * takes, or a run.
 */
function integerProductCases(random: Random): KernelCase[] {
  const formats: readonly (readonly [QuadFormat, number])[] = [
    [{ bits: 8, group: 32 }, 1088],
    [{ bits: 8, group: 20 }, 120],
    [{ bits: 4, group: 32 }, 1088],
    [{ bits: 4, group: 64 }, 128],
    [{ bits: 4, group: 32, superGroup: 256, minimums: true }, 2304],
    [{ bits: 4, group: 16, superGroup: 256, minimums: true }, 256],
    [{ bits: 5, group: 32, superGroup: 256, minimums: true }, 512],
    [{ bits: 5, group: 32 }, 96],
    [{ bits: 6, group: 16, superGroup: 256 }, 768],
    [{ bits: 4, group: 32, minimums: true }, 96],
  ];
  return formats.flatMap(([format, k], i) => {
    const withAddend = i % 2 === 0;
    const w = quadType(format, [k, 45]);
    const record = requireKernel(withAddend ? "c.integer_matmul_add" : "c.integer_matmul");
    return [...tokenCounts, ...(k > 1000 ? [301] : [])].map((count): KernelCase => {
      const addend = withAddend ? [tensor("f32", "T", 45)] : [];
      const rows = tensor("u8", "T", rowBytes(k, format.group));
      const sample = { operands: [rows, w, ...addend], attrs: {}, dims: { T: count } };
      return makeCase(random, record, sample);
    });
  });
}

/** Codes that become bfloat16: more rows of k than one pass takes, rows that end amid a tile, and gates. */
function narrowCodeCases(random: Random): KernelCase[] {
  const formats: readonly (readonly [QuadFormat, number])[] = [
    [{ bits: 8, group: 32 }, 2112],
    [{ bits: 8, group: 20 }, 120],
    [{ bits: 4, group: 32 }, 1088],
    [{ bits: 4, group: 32, superGroup: 256, minimums: true }, 2304],
    [{ bits: 5, group: 32 }, 96],
    [{ bits: 5, group: 32, superGroup: 256, minimums: true }, 512],
    [{ bits: 6, group: 16, superGroup: 256 }, 768],
  ];
  return formats.flatMap(([format, k], i) =>
    [1, 33, 70].flatMap((count) => {
      const rows = tensor("bf16", "T", narrowRow(k));
      const addend = i % 2 === 0 ? [] : [tensor("f32", "T", 45)];
      const product = requireKernel(i % 2 === 0 ? "c.narrow_matmul" : "c.narrow_matmul_add");
      const operands = [rows, quadType(format, [k, 45]), ...addend];
      const gated = [rows, quadType(format, [k, 64])];
      const more = { attrs: {}, dims: { T: count } };
      return [
        makeCase(random, product, { operands, ...more }),
        makeCase(random, requireKernel("c.narrow_swiglu"), { operands: gated, ...more }),
      ];
    }),
  );
}

/** Products of bfloat16 with odd inner and outer extents, and with more of k than one pass takes. */
function narrowProductCases(random: Random): KernelCase[] {
  const shapes: readonly (readonly [number, number])[] = [[173, 45], [2100, 37], [64, 1]];
  return shapes.flatMap(([k, columns], i) =>
    [...tokenCounts, 17].map((count): KernelCase => {
      const withAddend = i % 2 === 0;
      const addend = withAddend ? [tensor("f32", "T", columns)] : [];
      const operands = [tensor("bf16", "T", narrowRow(k)), pairsType([k, columns]), ...addend];
      const record = requireKernel(withAddend ? "c.narrow_matmul_add" : "c.narrow_matmul");
      return makeCase(random, record, { operands, attrs: {}, dims: { T: count } });
    }),
  );
}

const caches: readonly QueriedCache[] = [
  { kind: "kv_cache", layers: 2, blockSize: 16, heads: 2, headDim: 64, dtype: "f32", queries: 8 },
  { kind: "kv_cache", layers: 1, blockSize: 5, heads: 1, headDim: 8, dtype: "f32", queries: 3 },
  { kind: "kv_cache", layers: 3, blockSize: 32, heads: 3, headDim: 10, dtype: "f32", queries: 3 },
  { kind: "kv_cache", layers: 2, blockSize: 8, heads: 2, headDim: 34, dtype: "i8", queries: 6 },
];

function cacheCases(random: Random): KernelCase[] {
  return caches.flatMap((cache) =>
    tokenCounts.flatMap((count) => {
      const style = count % 2 === 0 ? "interleaved" : "halves";
      const samples = cacheSamples(cache, { T: count, S: 2, B: 4, P: 11 }, style);
      return Object.entries(samples).map(([name, sample]) => makeCase(random, requireKernel(`c.${name}`), sample));
    }),
  );
}

export function kernelCases(random: Random): readonly KernelCase[] {
  const samples = runningKernels.flatMap((row) => row.samples.map((sample) => makeCase(random, row, sample)));
  return [
    ...samples,
    ...productCases(random),
    ...integerProductCases(random),
    ...narrowProductCases(random),
    ...narrowCodeCases(random),
    ...cacheCases(random),
  ];
}
