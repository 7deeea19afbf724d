/** Fused forms: each equals a composition of plain ops bit for bit, because it rounds where they do. */

import { local, store } from "../loop-form.js";
import type { ValueType } from "../types.js";
import { elementCount, printType, sameType, tensor } from "../types.js";
import { roundInPlace, roundTo } from "../values.js";
import { silu, siluScalar } from "./arithmetic.js";
import { defineCoreOp, draftBySignature, relateDouble } from "./drawing.js";
import { add, indicesOf, int, loadFloat, mul, overElements, resultOf, tensorOf } from "./loop-parts.js";
import { drawProduct, evaluateProduct, inferProduct, lowerProductSum, productWork } from "./products.js";
import { mapBinary, newResult, tensorAt } from "./tensor-access.js";
import { refuse, requireExtent, requireFloat } from "./type-checks.js";
import { signature } from "./signature.js";

/** Result and operand of swiglu, for drawing: D is twice F. */
const swigluTypes = signature("gate_up: float[..., D] -> float[..., F]");

const swiglu = defineCoreOp({
  name: "swiglu",
  doc: "silu of the first half of each row, times its second half.",
  operands: ["gate_up"],
  attrs: {},
  traits: ["pure", "rowwise"],
  infer: ([type]) => {
    const x = requireFloat("swiglu", type);
    const axis = x.shape.length - 1;
    if (axis < 0) refuse("`swiglu` takes rows, found a scalar");
    const width = requireExtent("swiglu", axis, x);
    if (width % 2 !== 0) refuse(`\`swiglu\` takes rows of two halves, found rows of ${width}`);
    return { ...x, shape: x.shape.with(axis, width / 2) };
  },
  evaluate: (operands, _, result) => {
    const { data, dtype } = tensorAt(operands, 0);
    const out = newResult(result);
    const half = out.shape.at(-1) ?? 1;
    for (let i = 0; i < out.data.length; i++) {
      const gate = i + Math.floor(i / half) * half;
      const activated =
        dtype === "f16" || dtype === "bf16"
          ? roundTo(dtype, silu(data[gate]!))
          : Math.fround(silu(data[gate]!));
      out.data[i] = activated * data[gate + half]!;
    }
    roundInPlace(out);
    return out;
  },
  work: (_operands, _attrs, result) => ({ flops: 12 * elementCount(tensorOf(result).shape) }),
  lower: (input) => {
    const { shape } = resultOf(input);
    const indices = indicesOf(shape);
    const [column = int(0)] = indices.slice(-1);
    const gate = loadFloat("gate_up", ...indices);
    const up = loadFloat("gate_up", ...indices.slice(0, -1), add(column, int(Number(shape.at(-1)))));
    return overElements(shape, [store("result", indices, mul(siluScalar(gate), up))]);
  },
  draw: draftBySignature(swigluTypes, {
    relate: (extents, random) => relateDouble(extents, "D", "F", random),
  }),
  samples: [
    { operands: [tensor("f32", "T", 10)], attrs: {}, dims: { T: 3 } },
    { operands: [tensor("f16", 2, 6)], attrs: {} },
  ],
});

/** Checks that what is added has the product's own type: nothing is broadcast. */
function requireAddend(op: string, product: ValueType, addend: ValueType | undefined): ValueType {
  if (addend !== undefined && sameType(product, addend)) return product;
  return refuse(
    `\`${op}\` adds ${printType(product)}, found ${addend === undefined ? "nothing" : printType(addend)}`,
  );
}

const matmulAdd = defineCoreOp({
  name: "matmul_add",
  doc: "addend + x times w: a projection with its residual.",
  operands: ["x", "w", "addend"],
  attrs: {},
  traits: ["pure"],
  infer: ([x, w, addend]) => requireAddend("matmul_add", inferProduct("matmul_add", x, w), addend),
  evaluate: (operands, _, result) => {
    const product = evaluateProduct(tensorAt(operands, 0), tensorAt(operands, 1), result);
    return mapBinary([tensorAt(operands, 2), product], result, (a, b) => a + b);
  },
  work: (operands, _, result) => {
    const { flops } = productWork(operands, result);
    return { flops: flops + elementCount(tensorOf(result).shape) };
  },
  lower: (input) => {
    const { shape } = resultOf(input);
    const indices = indicesOf(shape);
    const [x, w] = [tensorOf(input.operands[0]), tensorOf(input.operands[1])];
    return overElements(shape, [
      ...lowerProductSum(x, w, resultOf(input), ["x", "w"]),
      store("result", indices, add(loadFloat("addend", ...indices), local("sum"))),
    ]);
  },
  draw: (random, request) => {
    const [x, w, addend] = request.operands;
    const result = request.result ?? addend;
    const product = drawProduct(random, { ...request, operands: [x, w], ...(result && { result }) });
    if (product === undefined) return undefined;
    const type = result ?? inferProduct("matmul_add", product.operands[0], product.operands[1]);
    return { operands: [...product.operands, type], attrs: {} };
  },
  samples: [
    {
      operands: [tensor("f32", "T", 16), tensor("f32", 16, 5), tensor("f32", "T", 5)],
      attrs: {},
      dims: { T: 3 },
    },
    { operands: [tensor("bf16", 2, 3), tensor("bf16", 3, 4), tensor("bf16", 2, 4)], attrs: {} },
  ],
});

export const fusedOps = [swiglu, matmulAdd] as const;
