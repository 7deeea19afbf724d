/** The place of the greatest element, of rows that exist and of rows that never need to. */

import type { Scalar, Statement } from "../loop-form.js";
import { assign, binary, declare, index, local, loop, number, store } from "../loop-form.js";
import { elementCount, tensor } from "../types.js";
import type { TensorValue, Value } from "../values.js";
import { defineCoreOp, draftBySignature } from "./drawing.js";
import { dot, indicesOf, int, loadFloat, overElements, resultOf, tensorOf } from "./loop-parts.js";
import { evaluateProduct } from "./products.js";
import { inferBySignature, signature } from "./signature.js";
import { newResult, tensorAt } from "./tensor-access.js";

/** The first greatest element of each row, in the form of the result; 0 for a row without numbers. */
function greatestOf(rows: TensorValue, out: TensorValue): Value {
  const width = rows.shape.at(-1) ?? 1;
  for (let row = 0; row < out.data.length; row++) {
    let [best, greatest] = [0, -Infinity];
    for (let i = 0; i < width; i++) {
      const each = rows.data[row * width + i]!;
      if (each > greatest) [best, greatest] = [i, each];
    }
    out.data[row] = best;
  }
  return out;
}

/** Keeps the local `best` at the index `v` of the greatest `value` seen. */
function keepGreatest(value: Scalar): Statement {
  return {
    kind: "if",
    condition: binary("gt", value, local("greatest")),
    then: [assign("greatest", value), assign("best", index("v"))],
  };
}

const start: readonly Statement[] = [declare("best", "i32", int(0)), declare("greatest", "f32", number(-Infinity))];

const argmaxTypes = signature("x: float[..., V] -> i32[...]");

const argmax = defineCoreOp({
  name: "argmax",
  doc: "The place of the greatest element of each row; of equal ones the first.",
  operands: argmaxTypes.names,
  attrs: {},
  traits: ["pure"],
  infer: (types) => inferBySignature("argmax", argmaxTypes, types),
  evaluate: (operands, _, result) => greatestOf(tensorAt(operands, 0), newResult(result)),
  work: ([x]) => ({ flops: elementCount(tensorOf(x).shape) }),
  lower: (input) => {
    const { shape } = resultOf(input);
    const rows = indicesOf(shape);
    const width = tensorOf(input.operands[0]).shape.at(-1) ?? 1;
    return overElements(shape, [
      ...start,
      loop("v", width, "serial", [keepGreatest(loadFloat("x", ...rows, index("v")))]),
      store("result", rows, local("best")),
    ]);
  },
  draw: draftBySignature(argmaxTypes),
  samples: [
    { operands: [tensor("f32", "T", 9)], attrs: {}, dims: { T: 3 } },
    { operands: [tensor("f16", 5)], attrs: {} },
  ],
});

const productTypes = signature("x: f32[T, K], w: f32[K, V] -> i32[T]");

const matmulArgmax = defineCoreOp({
  name: "matmul_argmax",
  doc: "`argmax` of x times w, without a place for the product.",
  operands: productTypes.names,
  attrs: {},
  traits: ["pure"],
  infer: (types) => inferBySignature("matmul_argmax", productTypes, types),
  evaluate: (operands, _, result) => {
    const [x, w] = [tensorAt(operands, 0), tensorAt(operands, 1)];
    const product = evaluateProduct(x, w, tensor("f32", x.shape[0]!, w.shape[1]!));
    return greatestOf(product, newResult(result));
  },
  work: ([x, w]) => ({ flops: 2 * Number(tensorOf(x).shape[0]) * elementCount(tensorOf(w).shape) }),
  lower: (input) => {
    const { shape } = resultOf(input);
    const [t = int(0)] = indicesOf(shape);
    const [inner = 1, width = 1] = tensorOf(input.operands[1]).shape;
    const [k, v] = [index("k"), index("v")];
    return overElements(shape, [
      ...start,
      loop("v", width, "serial", [
        ...dot("sum", "k", inner, [loadFloat("x", t, k), loadFloat("w", k, v)]),
        keepGreatest(local("sum")),
      ]),
      store("result", [t], local("best")),
    ]);
  },
  draw: draftBySignature(productTypes),
  samples: [{ operands: [tensor("f32", "T", 6), tensor("f32", 6, 9)], attrs: {}, dims: { T: 3 } }],
});

export const choiceOps = [argmax, matmulArgmax] as const;
