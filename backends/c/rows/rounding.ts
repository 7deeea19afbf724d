/** Kernels that make rows of 8-bit codes: of activations, or of what a norm or a gate makes of them. */

import { invariant } from "../../../src/base/index.js";
import {
  cFloat, firstDim, illTyped, meaning, requireF32, requireNumber, rmsNormKernel, swigluKernel, tensorOf,
} from "../../../src/codegen/index.js";
import type { Dim, TensorType, Value } from "../../../src/ir/index.js";
import { defineOp, elementCount, tensor } from "../../../src/ir/index.js";
import type { CKernelRow } from "../kernel-row.js";
import { canPackQuads, quantizeRows, rowBytes } from "../quads.js";

/** The columns that share a scale, and what the weights that codes will meet are stored plus. */
interface Rounding {
  readonly group: number;
  readonly offset: number;
}

/** The type of rows of so many codes. */
function roundedRows(
  op: string,
  [rows = 0, columns]: readonly Dim[],
  { group, offset }: Rounding,
): TensorType {
  const width = requireNumber(op, columns, "columns");
  if (offset < 0 || offset > 128) illTyped(`\`${op}\` meets weights of a byte, not plus ${offset}`);
  if (group < 1 || width % group !== 0 || !canPackQuads({ bits: 8, group })) {
    illTyped(`\`${op}\` has no layout for ${width} columns in groups of ${group}`);
  }
  return tensor("u8", rows, rowBytes(width, group));
}

function roundValue(x: Value | undefined, { group, offset }: Rounding): Value {
  invariant(x?.kind === "tensor", "type inference has made sure of a tensor");
  return quantizeRows(x, { group, offset });
}

/** Of rounding a tensor of this shape. */
function roundingFlops({ shape }: TensorType): number {
  return 4 * elementCount(shape);
}

function roundingDefines(columns: number, attrs: Readonly<Record<string, unknown>>): [string, string][] {
  return [["K", String(columns)], ["GROUP", String(attrs["group"])], ["OFFSET", String(attrs["offset"])]];
}

const quantizeRowsRow: CKernelRow = {
  family: "rowwise",
  ...defineOp({
    name: "c.quantize_rows",
    doc:
      "Rows of activations as 8-bit codes with a scale for each group, to meet weights that are stored plus `offset`: " +
      "bytes in the layout of kernels/quantized-rows.h.",
    operands: ["x"],
    attrs: { group: "int", offset: "int" },
    traits: ["pure", "rowwise"],
    infer: ([x], attrs) => roundedRows("c.quantize_rows", requireF32("c.quantize_rows", x, 2).shape, attrs),
    evaluate: ([x], attrs) => roundValue(x, attrs),
    work: ([x]) => ({ flops: roundingFlops(tensorOf(x)) }),
    draw: (random, { operands: [x], attrs }) => {
      const group = Number(attrs["group"] ?? 4 * (1 + random.below(4)));
      const offset = Number(attrs["offset"] ?? [8, 128][random.below(2)]);
      return {
        operands: [x ?? tensor("f32", 1 + random.below(3), group * (1 + random.below(3)))],
        attrs: { group, offset },
      };
    },
    samples: [
      { operands: [tensor("f32", "T", 64)], attrs: { group: 32, offset: 128 }, dims: { T: 3 } },
      { operands: [tensor("f32", "T", 120)], attrs: { group: 24, offset: 8 }, dims: { T: 2 } },
    ],
  }),
  instance: ([x], attrs) => {
    const width = Number(tensorOf(x).shape[1]);
    return {
      file: "quantize_rows.h",
      name: `quantize_rows_${width}`,
      defines: roundingDefines(width, attrs),
      comment: `out[T] = x[T, ${width}] as 8-bit codes with a scale for each ${String(attrs["group"])}`,
      scratchFloats: 0,
      call: ([from], result, dim) => [dim(firstDim(from?.type)), from?.text ?? "", result.text],
    };
  },
};

const norm = rmsNormKernel("c");

const rmsNormCodesRow: CKernelRow = {
  family: "rowwise",
  ...defineOp({
    name: "c.rms_norm_codes",
    doc: "`c.quantize_rows` of `c.rms_norm`.",
    operands: ["x", "weight"],
    attrs: { epsilon: "float", group: "int", offset: "int" },
    traits: ["pure", "rowwise"],
    infer: (operands, { epsilon, ...rounding }) => {
      requireF32("c.rms_norm_codes", operands[0], 2);
      return roundedRows("c.rms_norm_codes", tensorOf(norm.infer(operands, { epsilon })).shape, rounding);
    },
    evaluate: (operands, { epsilon, ...rounding }) => roundValue(meaning("rms_norm", operands, { epsilon }), rounding),
    work: (operands, { epsilon }) => {
      const x = tensorOf(operands[0]);
      return { flops: norm.work(operands, { epsilon }, x).flops + roundingFlops(x) };
    },
    samples: [
      {
        operands: [tensor("f32", "T", 64), tensor("f32", 64)],
        attrs: { epsilon: 1e-5, group: 32, offset: 128 },
        dims: { T: 3 },
      },
      {
        operands: [tensor("f32", "T", 120), tensor("f32", 120)],
        attrs: { epsilon: 1e-6, group: 24, offset: 8 },
        dims: { T: 2 },
      },
    ],
  }),
  instance: ([x], attrs) => {
    const width = Number(tensorOf(x).shape[1]);
    const { epsilon, group } = attrs;
    return {
      file: "rms_norm_codes.h",
      name: `rms_norm_codes_${width}`,
      defines: [...roundingDefines(width, attrs), ["EPSILON", cFloat(Number(epsilon))]],
      comment:
        `out[T] = x[T, ${width}] / sqrt(mean(x^2) + ${String(epsilon)}) * weight, ` +
        `as 8-bit codes with a scale for each ${String(group)}`,
      scratchFloats: 0,
      call: ([from, weight], result, dim) => [
        dim(firstDim(from?.type)), from?.text ?? "", weight?.text ?? "", result.text,
      ],
    };
  },
};

const gate = swigluKernel("c");

const swigluCodesRow: CKernelRow = {
  family: "elementwise",
  ...defineOp({
    name: "c.swiglu_codes",
    doc: "`c.quantize_rows` of `c.swiglu`.",
    operands: ["gate_up"],
    attrs: { group: "int", offset: "int" },
    traits: ["pure", "rowwise"],
    infer: (operands, rounding) => roundedRows("c.swiglu_codes", tensorOf(gate.infer(operands, {})).shape, rounding),
    evaluate: (operands, rounding) => roundValue(meaning("swiglu", operands), rounding),
    work: (operands) => {
      const gated = tensorOf(gate.infer(operands, {}));
      return { flops: gate.work(operands, {}, gated).flops + roundingFlops(gated) };
    },
    samples: [
      { operands: [tensor("f32", "T", 128)], attrs: { group: 32, offset: 128 }, dims: { T: 3 } },
      { operands: [tensor("f32", "T", 240)], attrs: { group: 24, offset: 8 }, dims: { T: 2 } },
    ],
  }),
  instance: ([gateUp], attrs) => {
    const columns = Number(tensorOf(gateUp).shape[1]) / 2;
    return {
      file: "swiglu_codes.h",
      name: `swiglu_codes_${columns}`,
      defines: roundingDefines(columns, attrs),
      comment: `out[T] = silu(gate) * up, ${columns} columns, as 8-bit codes with a scale for each ${String(attrs["group"])}`,
      scratchFloats: 0,
      call: ([from], result, dim) => [dim(firstDim(from?.type)), from?.text ?? "", result.text],
    };
  },
};

export const roundingRows: readonly CKernelRow[] = [quantizeRowsRow, rmsNormCodesRow, swigluCodesRow];
