/** Products of activations with packed weights, and the packing of those. */

import { at, invariant } from "../../../src/base/index.js";
import type { WeightFormat } from "../../../src/codegen/index.js";
import {
  matmulAddKernel, matmulKernel, narrowKernel, packedShape, packKernel, packQuantizedKernel, roundedKernel,
} from "../../../src/codegen/index.js";
import type { Dim, OpRecord, ValueType } from "../../../src/ir/index.js";
import type { KernelInstance, KernelSplit, WgslKernelRow } from "../kernel-row.js";
import { integer, reads, writesResult } from "../kernel-row.js";
import { paddedRows, panelBytes, panelLayout, panelsOf } from "../panels.js";

const TARGET = "wgsl";

/** Rows that one dispatch of the kernel for few rows computes together. */
const FEW_TOKENS = 4;
/** Up to this many rows the weights' bytes decide; beyond, arithmetic does. */
const FEW_ROWS = 16;
/** Rows of a tile of the kernel for many rows. */
const TILE_ROWS = 32;

/** What becomes of a row of x on its way into workgroup memory, by the name of its source file. */
type Rounding = "plain" | "narrow" | "rounded";

/** Columns of a row that pass through workgroup memory at a time: whole groups, where groups are rounded. */
export const STAGE = 512;

interface Product {
  readonly rows: Dim;
  readonly shape: readonly [k: number, n: number];
  readonly format: WeightFormat;
  readonly formatName: string;
  readonly hasAddend: boolean;
  readonly rounding: Rounding;
}

function productOf([x, w, addend]: readonly ValueType[], rounding: Rounding): Product {
  invariant(x?.kind === "tensor" && w?.kind === "packed", "a packed matrix is multiplied");
  const format = panelLayout.parseFormat(w.format);
  invariant(format !== undefined, "type inference knows the layout");
  const hasAddend = addend !== undefined;
  return { rows: at(x.shape, 0), shape: packedShape(w), format, formatName: w.format, hasAddend, rounding };
}

/** One row at a time is the common case: it gets a kernel that keeps no room for others. */
function productInstances(product: Product): readonly KernelInstance[] {
  const few = (tokens: number, upToRows: number): KernelInstance => ({
    ...describe(product, tokens === 1 ? "one" : "few", "matmul-few.wgsl"),
    constants: [...sizes(product), integer("TOKENS", tokens)],
    groups: [panels(product), { factors: [product.rows], per: tokens }],
    ...(Number.isFinite(upToRows) && { upToRows }),
  });
  const many: KernelInstance = {
    ...describe(product, "many", "matmul-many.wgsl"),
    constants: sizes(product),
    groups: [panels(product), { factors: [product.rows], per: TILE_ROWS }],
  };
  // A tile's step is shorter than a group may be: many rows are rounded by a kernel of their own.
  if (product.rounding === "rounded") return [few(1, 1), few(FEW_TOKENS, Infinity)];
  return [few(1, 1), few(FEW_TOKENS, FEW_ROWS), many];
}

type Described = Pick<KernelInstance, "name" | "comment" | "rows" | "files" | "accesses" | "split">;

function describe(product: Product, size: string, file: string): Described {
  const { rows, shape: [k, n], format, formatName, hasAddend, rounding } = product;
  const [prefix, x] = rounding === "plain" ? ["", "x"] : [`${rounding}_`, `${rounding} x`];
  const numbers = format.kind === "float" ? format.dtype : `q${format.bits}`;
  const group = format.kind === "float" ? "" : `_g${format.group}`;
  const split: KernelSplit = {
    operand: 1, units: panelsOf(n), unitBytes: panelBytes(format, k), first: "first_panel", dispatchesUnits: true,
  };
  return {
    name: `${prefix}matmul_${hasAddend ? "add_" : ""}${size}_${numbers}${group}_${k}x${n}`,
    comment: `result[${rows}, ${n}] = ${hasAddend ? "addend + " : ""}${x}[${rows}, ${k}] w[${k}, ${n}], w as ${formatName}`,
    rows: [rows],
    files: [
      `kernels/panels-${numbers}.wgsl`, `kernels/addend-${hasAddend ? "tensor" : "none"}.wgsl`,
      ...roundingFiles[rounding], `kernels/rows-${rounding}.wgsl`, `kernels/${file}`,
    ],
    accesses: [
      reads("x", 0, "f32"), reads("w", 1, "vector"), ...(hasAddend ? [reads("addend", 2, "f32")] : []), writesResult(),
    ],
    split,
  };
}

/** What the file of a rounding builds on. */
const roundingFiles: Readonly<Record<Rounding, readonly string[]>> = {
  plain: [],
  narrow: ["numbers/half.wgsl"],
  rounded: ["kernels/round-group.wgsl"],
};

function sizes({ shape: [k, n], format }: Product): KernelInstance["constants"] {
  const group = format.kind === "float" ? [] : [integer("GROUP", format.group)];
  return [integer("K", k), integer("N", n), integer("PADDED_K", paddedRows(k)), ...group];
}

function panels({ shape: [, n] }: Product): KernelInstance["groups"][number] {
  return { factors: [panelsOf(n)], per: 1 };
}

const plain = [matmulKernel(TARGET, panelLayout), matmulAddKernel(TARGET, panelLayout)];
const rounded = { prefix: "rounded", rowsTogether: FEW_TOKENS, stage: STAGE };

function productRow(record: OpRecord, rounding: Rounding): WgslKernelRow {
  return { ...record, family: "matmul", instances: (operands) => productInstances(productOf(operands, rounding)) };
}

export const productRows: readonly WgslKernelRow[] = [
  { family: "movement", ...packKernel(TARGET, panelLayout) },
  { family: "movement", ...packQuantizedKernel(TARGET, panelLayout) },
  ...plain.map((record) => productRow(record, "plain")),
  ...plain.map((record) => productRow(narrowKernel(record, panelLayout), "narrow")),
  ...plain.map((record) => productRow(roundedKernel(record, panelLayout, rounded), "rounded")),
];
