/** Kernels that compute each row by itself. */

import { invariant } from "../../../src/base/index.js";
import type { Attrs, TensorType, ValueType } from "../../../src/ir/index.js";
import { defineOp, elementCount, tensor } from "../../../src/ir/index.js";
import type { CKernelRow } from "../kernel-row.js";
import { cFloat, coreOp, illTyped, meaning, requireF32, requireNumber } from "../../../src/codegen/index.js";

function shapeOf(type: ValueType | undefined): TensorType["shape"] {
  invariant(type?.kind === "tensor", "type inference has made sure of a tensor");
  return type.shape;
}

const rmsNorm: CKernelRow = {
  family: "rowwise",
  ...defineOp({
    name: "c.rms_norm",
    doc: "`rms_norm` in f32. The result may lie where `x` lies.",
    operands: ["x", "weight"],
    attrs: { epsilon: "float" },
    traits: ["pure", "rowwise"],
    infer: ([x, weight]) => {
      const rank = x?.kind === "tensor" ? Math.max(1, x.shape.length) : 1;
      const type = requireF32("c.rms_norm", x, rank);
      const width = requireNumber("c.rms_norm", type.shape.at(-1), "columns");
      const gain = requireF32("c.rms_norm", weight, 1);
      if (gain.shape[0] !== width) illTyped(`\`c.rms_norm\` needs ${width} weights, found ${gain.shape[0] ?? 0}`);
      return type;
    },
    evaluate: (operands, attrs) => meaning("rms_norm", operands, attrs),
    work: (operands, attrs, result) => coreOp("rms_norm").work(operands, attrs, result),
    samples: [
      { operands: [tensor("f32", "T", 64), tensor("f32", 64)], attrs: { epsilon: 1e-5 }, dims: { T: 3 } },
      { operands: [tensor("f32", "T", 37), tensor("f32", 37)], attrs: { epsilon: 1e-6 }, dims: { T: 2 } },
      { operands: [tensor("f32", "T", 3, 10), tensor("f32", 10)], attrs: { epsilon: 1e-5 }, dims: { T: 2 } },
    ],
  }),
  instance: ([x], { epsilon }: Attrs) => {
    const shape = shapeOf(x);
    const width = Number(shape.at(-1));
    return {
      file: "rms_norm.h",
      name: `rms_norm_${width}`,
      defines: [["D", String(width)], ["EPSILON", cFloat(Number(epsilon))]],
      comment: `out[rows, ${width}] = x / sqrt(mean(x^2) + ${String(epsilon)}) * weight`,
      scratchFloats: 0,
      call: ([from, weight], result, dim) => [
        ["1", ...shapeOf(from?.type).slice(0, -1).map(dim)].filter((text, i, all) => text !== "1" || all.length === 1)
          .join(" * ") || "1",
        from?.text ?? "", weight?.text ?? "", result.text,
      ],
    };
  },
};

const swiglu: CKernelRow = {
  family: "elementwise",
  ...defineOp({
    name: "c.swiglu",
    doc: "`swiglu` in f32: silu of the first half of each row, times the second half.",
    operands: ["gate_up"],
    attrs: {},
    traits: ["pure", "rowwise"],
    infer: ([gateUp]) => {
      const { shape } = requireF32("c.swiglu", gateUp, 2);
      const width = requireNumber("c.swiglu", shape[1], "columns");
      if (width % 2 !== 0) illTyped(`\`c.swiglu\` splits rows in halves, found ${width} columns`);
      return tensor("f32", shape[0] ?? 0, width / 2);
    },
    evaluate: (operands) => meaning("swiglu", operands),
    work: (_operands, _attrs, result) => ({ flops: 8 * elementCount(shapeOf(result)) }),
    samples: [
      { operands: [tensor("f32", "T", 128)], attrs: {}, dims: { T: 3 } },
      { operands: [tensor("f32", "T", 74)], attrs: {}, dims: { T: 2 } },
      { operands: [tensor("f32", "T", 1034)], attrs: {}, dims: { T: 1 } },
    ],
  }),
  instance: ([gateUp]) => {
    const columns = Number(shapeOf(gateUp)[1]) / 2;
    return {
      file: "swiglu.h",
      name: `swiglu_${columns}`,
      defines: [["F", String(columns)]],
      comment: `out[T, ${columns}] = silu(gate) * up`,
      scratchFloats: 0,
      call: ([from], result, dim) => [dim(shapeOf(from?.type)[0] ?? 0), from?.text ?? "", result.text],
    };
  },
};

export const rowwiseRows: readonly CKernelRow[] = [rmsNorm, swiglu];
