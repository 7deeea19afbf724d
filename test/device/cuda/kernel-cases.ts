// Cases for the kernels of the CUDA target: the samples of their rows, and shapes that meet every edge of the
// tiles: odd inner and outer extents, one KV head, odd heads, more tokens than one tile.

import type { CudaKernelRow } from "../../../backends/cuda/kernel-row.js";
import { kernels } from "../../../backends/cuda/kernels.js";
import { rowLayout } from "../../../backends/cuda/row-weights.js";
import type { Random } from "../../../src/base/index.js";
import type { WeightFormat } from "../../../src/codegen/index.js";
import type { OpRecord, OpSample } from "../../../src/ir/index.js";
import { tensor } from "../../../src/ir/index.js";
import type { KernelCase as AnyCase, QueriedCache } from "../../support/kernel-cases.js";
import { cacheSamples, drawCase, drawPacked } from "../../support/kernel-cases.js";

/** A row with `instance` runs its source file, any other record its loop form. */
export interface KernelCase extends AnyCase {
  readonly record: OpRecord | CudaKernelRow;
}

export const runningKernels: readonly CudaKernelRow[] = kernels.filter((row) => row.instance !== undefined);

function requireKernel(name: string): CudaKernelRow {
  const row = kernels.find((each) => each.name === name);
  if (row === undefined) throw new Error(`there is no kernel ${name}`);
  return row;
}

function makeCase(random: Random, record: CudaKernelRow, sample: OpSample): KernelCase {
  return drawCase(random, record, sample, (type) => (type.kind === "packed" ? drawPacked(random, type, rowLayout) : undefined));
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

const caches: readonly QueriedCache[] = [
  { kind: "kv_cache", layers: 2, blockSize: 16, heads: 2, headDim: 64, dtype: "f32", queries: 8 },
  { kind: "kv_cache", layers: 1, blockSize: 5, heads: 1, headDim: 10, dtype: "f32", queries: 3 },
  { kind: "kv_cache", layers: 1, blockSize: 8, heads: 1, headDim: 256, dtype: "f32", queries: 2 },
];

function cacheCases(random: Random): KernelCase[] {
  return caches.flatMap((cache, i) => {
    const style = i % 2 === 0 ? "interleaved" : "halves";
    const samples = cacheSamples(cache, { T: 5 + i, S: 2, B: 4, P: 11 }, style);
    return Object.entries(samples).map(([name, sample]) => makeCase(random, requireKernel(`cuda.${name}`), sample));
  });
}

export function kernelCases(random: Random): readonly KernelCase[] {
  const samples = runningKernels.flatMap((row) => row.samples.map((sample) => makeCase(random, row, sample)));
  return [...samples, ...productCases(random), ...cacheCases(random)];
}
