/** Ops of kernels that compute each row by itself, under the names of a target. */

import type { OpRecord } from "../../ir/index.js";
import { defineOp, elementCount, tensor } from "../../ir/index.js";
import { coreOp, illTyped, meaning, requireF32, requireNumber } from "./checks.js";
import { tensorOf } from "./shapes.js";

/** `rms_norm` in f32. */
export function rmsNormKernel(target: string): OpRecord {
  const name = `${target}.rms_norm`;
  return defineOp({
    name,
    doc: "`rms_norm` in f32. The result may lie where `x` lies.",
    operands: ["x", "weight"],
    attrs: { epsilon: "float" },
    traits: ["pure", "rowwise"],
    infer: ([x, weight]) => {
      const rank = x?.kind === "tensor" ? Math.max(1, x.shape.length) : 1;
      const type = requireF32(name, x, rank);
      const width = requireNumber(name, type.shape.at(-1), "columns");
      const gain = requireF32(name, weight, 1);
      if (gain.shape[0] !== width) illTyped(`\`${name}\` needs ${width} weights, found ${gain.shape[0] ?? 0}`);
      return type;
    },
    evaluate: (operands, attrs) => meaning("rms_norm", operands, attrs),
    work: (operands, attrs, result) => coreOp("rms_norm").work(operands, attrs, result),
    samples: [
      { operands: [tensor("f32", "T", 64), tensor("f32", 64)], attrs: { epsilon: 1e-5 }, dims: { T: 3 } },
      { operands: [tensor("f32", "T", 37), tensor("f32", 37)], attrs: { epsilon: 1e-6 }, dims: { T: 2 } },
      { operands: [tensor("f32", "T", 3, 10), tensor("f32", 10)], attrs: { epsilon: 1e-5 }, dims: { T: 2 } },
    ],
  });
}

/** `swiglu` in f32. */
export function swigluKernel(target: string): OpRecord {
  const name = `${target}.swiglu`;
  return defineOp({
    name,
    doc: "`swiglu` in f32: silu of the first half of each row, times the second half.",
    operands: ["gate_up"],
    attrs: {},
    traits: ["pure", "rowwise"],
    infer: ([gateUp]) => {
      const { shape } = requireF32(name, gateUp, 2);
      const width = requireNumber(name, shape[1], "columns");
      if (width % 2 !== 0) illTyped(`\`${name}\` splits rows in halves, found ${width} columns`);
      return tensor("f32", shape[0] ?? 0, width / 2);
    },
    evaluate: (operands) => meaning("swiglu", operands),
    work: (_operands, _attrs, result) => ({ flops: 8 * elementCount(tensorOf(result).shape) }),
    samples: [
      { operands: [tensor("f32", "T", 128)], attrs: {}, dims: { T: 3 } },
      { operands: [tensor("f32", "T", 74)], attrs: {}, dims: { T: 2 } },
      { operands: [tensor("f32", "T", 1034)], attrs: {}, dims: { T: 1 } },
    ],
  });
}
