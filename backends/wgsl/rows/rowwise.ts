/** Kernels that compute each row by itself, and the rows of a table. */

import { at, invariant } from "../../../src/base/index.js";
import {
  coreOp, illTyped, meaning, rmsNormKernel, swigluKernel, tensorOf, wgslFloat,
} from "../../../src/codegen/index.js";
import type { ValueType } from "../../../src/ir/index.js";
import { defineOp, dtypeBytes, isFloat, printType, tensor } from "../../../src/ir/index.js";
import type { KernelInstance, WgslKernelRow } from "../kernel-row.js";
import { integer, reads, writesResult } from "../kernel-row.js";

const TARGET = "wgsl";

/** Invocations of a workgroup of kernels with one invocation an element. */
export const ELEMENT_WORKGROUP = 64;

const rmsNorm: WgslKernelRow = {
  family: "rowwise",
  ...rmsNormKernel(TARGET),
  instances: ([x], { epsilon }) => [rmsNormInstance(x, Number(epsilon))],
};

export function rmsNormInstance(x: ValueType | undefined, epsilon: number): KernelInstance {
  const { shape } = tensorOf(x);
  const [width, rows] = [Number(shape.at(-1)), shape.slice(0, -1)];
  return {
    name: `rms_norm_${width}_e${String(epsilon).replace(/[^0-9a-z]/g, "_")}`,
    comment: `result[${shape.join(", ")}] = x / sqrt(mean(x^2) + ${String(epsilon)}) * weight[${width}]`,
    constants: [integer("D", width), { name: "EPSILON", type: "f32", value: wgslFloat(epsilon) }],
    rows,
    files: ["kernels/rms-norm.wgsl"],
    accesses: [reads("x", 0, "f32"), reads("weight", 1, "f32"), writesResult()],
    groups: [{ factors: rows, per: 1 }],
  };
}

const swiglu: WgslKernelRow = {
  family: "elementwise",
  ...swigluKernel(TARGET),
  instances: ([gateUp]) => {
    const { shape } = tensorOf(gateUp);
    const [rows, columns] = [at(shape, 0), Number(shape[1]) / 2];
    return [
      {
        name: `swiglu_${columns}`,
        comment: `result[${rows}, ${columns}] = silu(gate) * up, of gate_up[${rows}, ${2 * columns}]`,
        constants: [integer("F", columns)],
        rows: [rows],
        files: ["numbers/exponential.wgsl", "kernels/swiglu.wgsl"],
        accesses: [reads("gate_up", 0, "f32"), writesResult()],
        groups: [{ factors: [rows, columns], per: ELEMENT_WORKGROUP }],
      },
    ];
  },
};

const gather: WgslKernelRow = {
  family: "movement",
  ...defineOp({
    name: "wgsl.gather",
    doc: "Rows of a float matrix in f32, whatever it is stored in; the matrix may be larger than one binding.",
    operands: ["table", "indices"],
    attrs: {},
    traits: ["pure"],
    infer: ([table, indices]) => {
      if (table?.kind !== "tensor" || table.shape.length !== 2 || !isFloat(table.dtype)) {
        return illTyped(`\`wgsl.gather\` takes a float matrix, found ${table === undefined ? "nothing" : printType(table)}`);
      }
      if (indices?.kind !== "tensor" || indices.dtype !== "i32" || indices.shape.length !== 1) {
        return illTyped(`\`wgsl.gather\` takes a list of i32 indices, found ${indices === undefined ? "nothing" : printType(indices)}`);
      }
      return tensor("f32", indices.shape[0] ?? 0, table.shape[1] ?? 0);
    },
    evaluate: ([table, indices]) => {
      invariant(table !== undefined && indices !== undefined, "two operands");
      return meaning("cast", [meaning("gather", [table, indices])], { dtype: "f32" });
    },
    work: (operands, attrs, result) => coreOp("gather").work(operands, attrs, result),
    samples: (["f32", "f16", "bf16"] as const).map((dtype) => ({
      operands: [tensor(dtype, 9, 6), tensor("i32", "T")],
      attrs: {},
      dims: { T: 5 },
      indexBounds: { 1: 9 },
    })),
  }),
  refuses: ([table]) => {
    const { dtype, shape } = tensorOf(table);
    const isWhole = shape.every((dim) => typeof dim === "number") && (Number(shape[1]) * dtypeBytes(dtype)) % 4 === 0;
    return isWhole ? undefined : "rows of the table are not whole words";
  },
  instances: ([table, indices]) => {
    const { dtype, shape } = tensorOf(table);
    const [count, width] = [Number(shape[0]), Number(shape[1])];
    const rows = at(tensorOf(indices).shape, 0);
    const instance: KernelInstance = {
      name: `gather_${dtype}_${count}x${width}`,
      comment: `result[${rows}, ${width}] = rows of table[${count}, ${width}] ${dtype}`,
      constants: [integer("D", width)],
      rows: [rows],
      files: ["kernels/gather.wgsl"],
      accesses: [reads("table", 0, dtype), reads("indices", 1, "i32"), writesResult()],
      groups: [{ factors: [rows, width], per: ELEMENT_WORKGROUP }],
      split: {
        operand: 0, units: count, unitBytes: width * dtypeBytes(dtype),
        first: "first_row", count: "part_rows", dispatchesUnits: false,
      },
    };
    return [instance];
  },
};

export const rowwiseRows: readonly WgslKernelRow[] = [rmsNorm, swiglu, gather];
