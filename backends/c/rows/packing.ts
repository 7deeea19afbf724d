/** Kernels that never run on the target: they lay weights out when the weight file is written. */

import { invariant } from "../../../src/base/index.js";
import { defineOp, isFloat, isPlainCodes, printType, tensor } from "../../../src/ir/index.js";
import type { CKernelRow } from "../kernel-row.js";
import { packedType, packFloats, packQuantized } from "../panels.js";
import { illTyped, requireNumber } from "../../../src/codegen/index.js";

const pack: CKernelRow = {
  family: "movement",
  ...defineOp({
    name: "c.pack",
    doc: "Lays a float matrix out in panels of 16 columns.",
    operands: ["w"],
    attrs: {},
    traits: ["pure", "columnwise"],
    infer: ([w]) => {
      if (w?.kind !== "tensor" || w.shape.length !== 2 || !isFloat(w.dtype)) {
        return illTyped(`\`c.pack\` takes a float matrix, found ${w === undefined ? "nothing" : printType(w)}`);
      }
      const [rows, columns] = [requireNumber("c.pack", w.shape[0], "rows"), requireNumber("c.pack", w.shape[1], "columns")];
      return packedType({ kind: "float", dtype: w.dtype }, [rows, columns]);
    },
    evaluate: ([w], _, result) => {
      invariant(w?.kind === "tensor" && result.kind === "packed", "a tensor is packed");
      return packFloats(w, result);
    },
    work: () => ({ flops: 0 }),
    samples: [
      { operands: [tensor("f32", 3, 5)], attrs: {} },
      { operands: [tensor("f16", 8, 16)], attrs: {} },
      { operands: [tensor("bf16", 5, 33)], attrs: {} },
    ],
  }),
};

const packQuantizedRow: CKernelRow = {
  family: "movement",
  ...defineOp({
    name: "c.pack_quantized",
    doc: "Lays a quantized matrix out in panels of 16 columns, the scales of a group before its codes.",
    operands: ["q"],
    attrs: {},
    traits: ["pure", "columnwise"],
    infer: ([q]) => {
      if (q?.kind !== "quantized" || q.scaleDtype !== "f16") {
        return illTyped(`\`c.pack_quantized\` takes a quantized matrix with f16 scales, found ${q === undefined ? "nothing" : printType(q)}`);
      }
      if (!isPlainCodes(q)) return illTyped(`\`c.pack_quantized\` takes codes of 4 or 8 bits with one scale a group, found ${printType(q)}`);
      if (q.bits === 4 && q.group % 2 !== 0) illTyped(`\`c.pack_quantized\` needs an even group of 4-bit codes, found ${q.group}`);
      return packedType({ kind: "quantized", bits: q.bits, group: q.group }, q.shape);
    },
    evaluate: ([q], _, result) => {
      invariant(q?.kind === "quantized" && result.kind === "packed", "a quantized matrix is packed");
      return packQuantized(q, result);
    },
    work: () => ({ flops: 0 }),
    samples: ([8, 4] as const).map((bits) => ({
      operands: [{ kind: "quantized", shape: [64, 5], bits, group: 32, scaleDtype: "f16" }],
      attrs: {},
    })),
  }),
};

export const packingRows: readonly CKernelRow[] = [pack, packQuantizedRow];
