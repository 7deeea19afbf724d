/** Fused forms: each equals a composition of plain ops bit for bit, because it rounds where they do. */

import type { ValueType } from "../types.js";
import { printType, sameType, tensor } from "../types.js";
import { defineCoreOp } from "./drawing.js";
import { resultOf, tensorOf } from "./loop-parts.js";
import { lowerProductAdd, plusAddend, productAddWork } from "./product-addend.js";
import { drawProduct, evaluateProduct, inferProduct, lowerProductSum } from "./products.js";
import { tensorAt } from "./tensor-access.js";
import { refuse } from "./type-checks.js";

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
    return plusAddend(operands, product, result);
  },
  work: (operands, _, result) => productAddWork(operands, result),
  lower: (input) => {
    const [x, w] = [tensorOf(input.operands[0]), tensorOf(input.operands[1])];
    return lowerProductAdd(input, lowerProductSum(x, w, resultOf(input), ["x", "w"]));
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

export const fusedOps = [matmulAdd] as const;
