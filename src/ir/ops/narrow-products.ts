/**
 * Products in which activations are rounded to bfloat16 first, to meet weights that are stored in it: what
 * models trained in bfloat16 compute. Products are exact in binary32, and sums are made in it.
 */

import { roundToBrain } from "../../base/index.js";
import { cast, index, local, store } from "../loop-form.js";
import type { Statement } from "../loop-form.js";
import type { ValueType } from "../types.js";
import { tensor } from "../types.js";
import type { TensorValue } from "../values.js";
import { defineCoreOp, draftBySignature } from "./drawing.js";
import { dot, indicesOf, loadFloat, overElements, resultOf, tensorOf } from "./loop-parts.js";
import { lowerProductAdd, plusAddend, productAddWork } from "./product-addend.js";
import { evaluateProduct, productWork } from "./products.js";
import { inferBySignature, signature } from "./signature.js";
import { floatsOf, tensorAt } from "./tensor-access.js";

function evaluateNarrow([x, w]: readonly [TensorValue, TensorValue], result: ValueType): TensorValue {
  const rounded = { ...x, data: floatsOf(x).map(roundToBrain) };
  return evaluateProduct(rounded, w, result);
}

/** The sum over k in the local `sum`, for the result element at `i0`, `i1`. */
function lowerNarrowSum(x: ValueType | undefined): readonly Statement[] {
  const [row, column, k] = [index("i0"), index("i1"), index("k")];
  const rounded = cast("f32", cast("bf16", loadFloat("x", row, k)));
  return dot("sum", "k", tensorOf(x).shape[1] ?? 1, [rounded, loadFloat("w", k, column)]);
}

const productTypes = signature("x: f32[T, K], w: bf16[K, N] -> f32[T, N]");

const narrowMatmul = defineCoreOp({
  name: "narrow_matmul",
  doc: "x rounded to bfloat16, times bfloat16 weights; sums in f32.",
  operands: productTypes.names,
  attrs: {},
  traits: ["pure", "rounds"],
  infer: (types) => inferBySignature("narrow_matmul", productTypes, types),
  evaluate: (operands, _, result) => evaluateNarrow([tensorAt(operands, 0), tensorAt(operands, 1)], result),
  work: (operands, _, result) => productWork(operands, result),
  lower: (input) => {
    const { shape } = resultOf(input);
    return overElements(shape, [
      ...lowerNarrowSum(input.operands[0]),
      store("result", indicesOf(shape), local("sum")),
    ]);
  },
  draw: draftBySignature(productTypes),
  samples: [
    { operands: [tensor("f32", "T", 16), tensor("bf16", 16, 5)], attrs: {}, dims: { T: 3 } },
    { operands: [tensor("f32", 1, 33), tensor("bf16", 33, 1)], attrs: {} },
  ],
});

const productAddTypes = signature("x: f32[T, K], w: bf16[K, N], addend: f32[T, N] -> f32[T, N]");

const narrowMatmulAdd = defineCoreOp({
  name: "narrow_matmul_add",
  doc: "addend + `narrow_matmul` of x and w.",
  operands: productAddTypes.names,
  attrs: {},
  traits: ["pure", "rounds"],
  infer: (types) => inferBySignature("narrow_matmul_add", productAddTypes, types),
  evaluate: (operands, _, result) =>
    plusAddend(operands, evaluateNarrow([tensorAt(operands, 0), tensorAt(operands, 1)], result), result),
  work: (operands, _, result) => productAddWork(operands, result),
  lower: (input) => lowerProductAdd(input, lowerNarrowSum(input.operands[0])),
  draw: draftBySignature(productAddTypes),
  samples: [
    { operands: [tensor("f32", "T", 16), tensor("bf16", 16, 5), tensor("f32", "T", 5)], attrs: {}, dims: { T: 2 } },
  ],
});

export const narrowProductOps = [narrowMatmul, narrowMatmulAdd] as const;
