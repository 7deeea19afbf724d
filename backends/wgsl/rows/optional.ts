/**
 * Kernels that need an optional feature of a device; rules take them where a program is compiled for it. What
 * they compute, other kernels compute as well.
 */

import { at, invariant } from "../../../src/base/index.js";
import {
  matmulAddKernel, matmulKernel, packedShape, rmsNormKernel, roundedKernel,
} from "../../../src/codegen/index.js";
import type { ValueType } from "../../../src/ir/index.js";
import { elementCount } from "../../../src/ir/index.js";
import type { KernelInstance, WgslKernelRow } from "../kernel-row.js";
import { integer, reads, writesResult } from "../kernel-row.js";
import { panelBytes, panelLayout, panelsOf } from "../panels.js";
import { STAGE } from "./products.js";
import { rmsNormInstance } from "./rowwise.js";

const TARGET = "wgsl";

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

function integerInstance([x, w, addend]: readonly ValueType[]): readonly KernelInstance[] {
  invariant(x?.kind === "tensor" && w?.kind === "packed", "a packed matrix is multiplied");
  const format = panelLayout.parseFormat(w.format);
  invariant(format?.kind === "quantized", "type inference has seen codes");
  const { group } = format;
  const [hasAddend, [k, n]] = [addend !== undefined, packedShape(w)];
  const rows = at(x.shape, 0);
  const unitBytes = panelBytes({ kind: "quantized", bits: 8, group }, k);
  const instance: KernelInstance = {
    name: `integer_matmul_${hasAddend ? "add_" : ""}q8_g${group}_${k}x${n}`,
    comment: `result[${rows}, ${n}] = ${hasAddend ? "addend + " : ""}codes of x[${rows}, ${k}] w[${k}, ${n}], w as ${w.format}`,
    constants: [integer("K", k), integer("N", n), integer("GROUP", group)],
    rows: [rows],
    files: [
      `kernels/addend-${hasAddend ? "tensor" : "none"}.wgsl`, "kernels/round-group.wgsl", "kernels/integer-matmul.wgsl",
    ],
    accesses: [
      reads("x", 0, "f32"), reads("w", 1, "vector"), ...(hasAddend ? [reads("addend", 2, "f32")] : []), writesResult(),
    ],
    groups: [{ factors: [panelsOf(n)], per: 1 }, { factors: [rows], per: 1 }],
    split: { operand: 1, units: panelsOf(n), unitBytes, first: "first_panel", dispatchesUnits: true },
    needs: ["packed_4x8_integer_dot_product"],
  };
  return [instance];
}

const plain = [matmulKernel(TARGET, panelLayout), matmulAddKernel(TARGET, panelLayout)];
const dots = { prefix: "integer", rowsTogether: 1, bits: 8, stage: STAGE } as const;

export const optionalRows: readonly WgslKernelRow[] = [
  subgroupNorm,
  ...plain.map((record): WgslKernelRow => ({
    ...roundedKernel(record, panelLayout, dots),
    family: "integer_matmul",
    instances: integerInstance,
  })),
];
