/**
 * Kernels that need an optional feature of a device; rules take them where a program is compiled for it. What
 * they compute, other kernels compute as well.
 */

import { at, invariant } from "../../../src/base/index.js";
import {
  illTyped, matmulAddKernel, matmulKernel, meaning, packedShape, rmsNormKernel,
} from "../../../src/codegen/index.js";
import type { OpRecord, PackedType, Value, ValueType } from "../../../src/ir/index.js";
import { elementCount, tensor } from "../../../src/ir/index.js";
import type { KernelInstance, WgslKernelRow } from "../kernel-row.js";
import { integer, reads, writesResult } from "../kernel-row.js";
import { panelBytes, panelLayout, panelsOf } from "../panels.js";
import { rmsNormInstance } from "./rowwise.js";

const TARGET = "wgsl";

/** Columns of a row that pass through workgroup memory at a time: whole groups. */
const STAGE = 512;

/** `rms_norm` whose sum is made by subgroups: fewer meetings of the workgroup. */
const subgroupNorm: WgslKernelRow = {
  ...rmsNormKernel(TARGET),
  name: "wgsl.rms_norm_subgroups",
  doc: "`rms_norm` in f32, its sum made by subgroups.",
  family: "rowwise",
  // A tree of sums in workgroup memory is what it saves.
  work: ([x]) => ({ flops: 3 * (x?.kind === "tensor" ? elementCount(x.shape) : 0) }),
  instances: ([x], { epsilon }) => {
    const plain = rmsNormInstance(x, Number(epsilon));
    const name = plain.name.replace("rms_norm", "rms_norm_subgroups");
    return [{ ...plain, name, files: ["kernels/rms-norm-subgroups.wgsl"], needs: ["subgroups"] }];
  },
};

function formatOf(type: ValueType | undefined): { readonly group: number; readonly packed: PackedType } {
  invariant(type?.kind === "packed", "a packed matrix is multiplied");
  const format = panelLayout.parseFormat(type.format);
  if (format?.kind !== "quantized" || format.bits !== 8) return illTyped("products of codes take packed codes of 8 bits");
  if (STAGE % format.group !== 0) return illTyped(`groups of ${format.group} rows are not parts of ${STAGE}`);
  return { group: format.group, packed: type };
}

/** The product with rows of x rounded to 8 bits, as `integer_matmul` means it. */
function rounded(x: Value | undefined, w: Value | undefined): Value {
  invariant(x !== undefined && w?.kind === "packed", "a packed matrix is multiplied");
  return meaning("integer_matmul", [x, panelLayout.unpackQuantized(w, 8, formatOf(w.type).group)]);
}

function integerInstance([x, w]: readonly ValueType[], hasAddend: boolean): KernelInstance {
  invariant(x?.kind === "tensor", "activations are a tensor");
  const { group, packed } = formatOf(w);
  const [k, n] = packedShape(packed);
  const rows = at(x.shape, 0);
  const unitBytes = panelBytes({ kind: "quantized", bits: 8, group }, k);
  return {
    name: `integer_matmul_${hasAddend ? "add_" : ""}q8_g${group}_${k}x${n}`,
    comment: `result[${rows}, ${n}] = ${hasAddend ? "addend + " : ""}codes of x[${rows}, ${k}] w[${k}, ${n}], w as ${packed.format}`,
    constants: [integer("K", k), integer("N", n), integer("GROUP", group)],
    rows: [rows],
    files: [`kernels/addend-${hasAddend ? "tensor" : "none"}.wgsl`, "kernels/integer-matmul.wgsl"],
    accesses: [
      reads("x", 0, "f32"), reads("w", 1, "vector"), ...(hasAddend ? [reads("addend", 2, "f32")] : []), writesResult(),
    ],
    groups: [{ factors: [panelsOf(n)], per: 1 }, { factors: [rows], per: 1 }],
    split: { operand: 1, units: panelsOf(n), unitBytes, first: "first_panel", dispatchesUnits: true },
    needs: ["packed_4x8_integer_dot_product"],
  };
}

function integerRow(plain: OpRecord, hasAddend: boolean): WgslKernelRow {
  return {
    ...plain,
    name: `wgsl.integer_${plain.name.slice(TARGET.length + 1)}`,
    doc: `${plain.doc} Rows are rounded to 8 bits first, group by group.`,
    family: "integer_matmul",
    infer: (types, attrs) => {
      if (types[1]?.kind === "packed") formatOf(types[1]);
      return plain.infer(types, attrs);
    },
    evaluate: ([x, w, addend]) => {
      const product = rounded(x, w);
      return addend === undefined ? product : meaning("add", [addend, product]);
    },
    // Every row reads the weights again.
    work: (types, attrs, result) => {
      const [x, w] = types;
      const rows = x?.kind === "tensor" ? Number(x.shape[0]) : 1;
      const weightBytes = w?.kind === "packed" ? w.sizeBytes : 0;
      const outBytes = result.kind === "tensor" ? 4 * elementCount(result.shape) : 0;
      const inBytes = x?.kind === "tensor" ? 4 * elementCount(x.shape) : 0;
      const bytesRead = rows * weightBytes + inBytes + (hasAddend ? outBytes : 0);
      return { ...plain.work(types, attrs, result), bytesRead };
    },
    samples: [
      [64, 37, 32, 3],
      [576, 130, 64, 1],
    ].map(([k = 1, n = 1, group = 1, rows = 1]) => ({
      operands: [
        tensor("f32", "T", k),
        panelLayout.packedType({ kind: "quantized", bits: 8, group }, [k, n]),
        ...(hasAddend ? [tensor("f32", "T", n)] : []),
      ],
      attrs: {},
      dims: { T: rows },
    })),
    instances: (types) => [integerInstance(types, hasAddend)],
  };
}

export const optionalRows: readonly WgslKernelRow[] = [
  subgroupNorm,
  integerRow(matmulKernel(TARGET, panelLayout), false),
  integerRow(matmulAddKernel(TARGET, panelLayout), true),
];
