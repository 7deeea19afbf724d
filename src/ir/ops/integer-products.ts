/**
 * Products in which activations are rounded to 8 bits first, as GGML does for quantized weights: each group
 * of a row's columns that meets one scale of the weights gets a scale of its own, computed from its largest
 * element. Within a group the product is one of integers.
 */

import type { Scalar, Statement } from "../loop-form.js";
import { assign, declare, index, local, loop, number, store, unary } from "../loop-form.js";
import type { QuantizedType, ValueType } from "../types.js";
import { elementCount, tensor } from "../types.js";
import type { TensorValue } from "../values.js";
import { lowerGroupScale, roundGroups } from "./codes.js";
import { attrOr, defineCoreOp, divisorOf, draftBySignature, drawExtent, knownTensor } from "./drawing.js";
import { add, indicesOf, int, loadFloat, mul, overElements, resultOf, tensorOf } from "./loop-parts.js";
import { lowerProductAdd, plusAddend, productAddWork } from "./product-addend.js";
import { evaluateProduct, productWork } from "./products.js";
import {
  dequantized, drawQuantized, loadQuantized, quantizedType, relateRows, sampleMinimums, sampleNibbles,
  sampleTwoLevels, sampleWeights,
} from "./quantized.js";
import { inferBySignature, signature } from "./signature.js";
import { floatsOf, quantizedAt, tensorAt } from "./tensor-access.js";
import { refuse, requireExtent } from "./type-checks.js";

/** Rows whose groups of columns are rounded to 8 bits. */
function roundedRows(x: TensorValue, group: number): TensorValue {
  return { ...x, data: roundGroups(floatsOf(x), group) };
}

/** Column `first + a` of row `i0`. */
function groupElement(first: Scalar): Scalar {
  return loadFloat("x", index("i0"), add(first, index("a")));
}

/** An element of the group as its code times the scale; the code is what rounding leaves of `steps`. */
function roundedElement(): Scalar {
  return mul(unary("round", local("steps")), local("scale"));
}

/** The sum over k in the local `sum`, group by group, for the result element at `i0`, `i1`. */
function lowerIntegerSum(q: QuantizedType): readonly Statement[] {
  const [row, column, k] = [index("i0"), index("i1"), local("k")];
  const first = mul(index("g"), int(q.group));
  return [
    declare("sum", "f32", number(0)),
    loop("g", q.shape[0] / q.group, "serial", [
      ...lowerGroupScale(q.group, groupElement(first)),
      loop("b", q.group, "serial", [
        declare("k", "i32", add(first, index("b"))),
        declare("steps", "f32", mul(loadFloat("x", row, k), local("inverse"))),
        assign("sum", add(local("sum"), mul(roundedElement(), loadQuantized("q", q, k, column)))),
      ]),
    ]),
  ];
}

const rowTypes = signature("x: f32[T, K] -> f32[T, K]");

const roundRows = defineCoreOp({
  name: "round_rows",
  doc: "Each group of `group` columns of a row as 8-bit codes times their scale: what `integer_matmul` multiplies.",
  operands: rowTypes.names,
  attrs: { group: "int" },
  traits: ["pure", "rounds"],
  infer: (types, { group }) => {
    const result = tensorOf(inferBySignature("round_rows", rowTypes, types));
    const width = requireExtent("round_rows", 1, result);
    if (group < 1 || width % group !== 0) refuse(`\`round_rows\` needs whole groups, found ${width} columns in groups of ${group}`);
    return result;
  },
  evaluate: (operands, { group }) => roundedRows(tensorAt(operands, 0), group),
  work: ([x]) => ({ flops: 6 * elementCount(tensorOf(x).shape) }),
  lower: ({ attrs: { group }, ...input }) => {
    const [rows = 1, width = 1] = resultOf(input).shape;
    const first = mul(index("g"), int(group));
    const place = [index("i0"), add(first, index("b"))];
    const body: readonly Statement[] = [
      ...lowerGroupScale(group, groupElement(first)),
      loop("b", group, "serial", [
        declare("steps", "f32", mul(loadFloat("x", ...place), local("inverse"))),
        store("result", place, roundedElement()),
      ]),
    ];
    return [loop("i0", rows, "parallel", [loop("g", Number(width) / group, "parallel", body)])];
  },
  draw: draftBySignature(rowTypes, {
    relate: (extents, random, request) => {
      extents["K"] ??= attrOr(request, "group", () => drawExtent(random)) * drawExtent(random);
    },
    attrs: (random, request) => {
      const known = knownTensor(request.operands[0]) ?? knownTensor(request.result);
      return { group: attrOr(request, "group", () => divisorOf(random, known?.shape[1] ?? 1)) };
    },
  }),
  samples: [
    { operands: [tensor("f32", "T", 64)], attrs: { group: 32 }, dims: { T: 3 } },
    { operands: [tensor("f32", 2, 12)], attrs: { group: 4 } },
  ],
});

const productTypes = signature("x: f32[T, K], q: quantized[K, N] -> f32[T, N]");

const integerMatmul = defineCoreOp({
  name: "integer_matmul",
  doc: "x times the matrix that q stands for, with each group of x that meets one scale of q rounded to 8 bits.",
  operands: productTypes.names,
  attrs: {},
  traits: ["pure", "rounds"],
  infer: (types) => inferBySignature("integer_matmul", productTypes, types),
  evaluate: (operands, _, result) =>
    evaluateIntegerProduct([tensorAt(operands, 0), quantizedAt(operands, 1)], result),
  work: (operands, _, result) => productWork(operands, result),
  lower: (input) => {
    const { shape } = resultOf(input);
    return overElements(shape, [
      ...lowerIntegerSum(quantizedType(input.operands[1])),
      store("result", indicesOf(shape), local("sum")),
    ]);
  },
  draw: draftBySignature(productTypes, { relate: relateRows, quantized: drawQuantized }),
  samples: [
    { operands: [tensor("f32", "T", 64), sampleWeights], attrs: {}, dims: { T: 3 } },
    { operands: [tensor("f32", 2, 64), sampleNibbles], attrs: {} },
    { operands: [tensor("f32", 2, 128), sampleMinimums], attrs: {} },
    { operands: [tensor("f32", 2, 64), sampleTwoLevels], attrs: {} },
  ],
});

function evaluateIntegerProduct(
  [x, q]: readonly [TensorValue, ReturnType<typeof quantizedAt>],
  result: ValueType,
): TensorValue {
  return evaluateProduct(roundedRows(x, q.type.group), dequantized(q), result);
}

const productAddTypes = signature("x: f32[T, K], q: quantized[K, N], addend: f32[T, N] -> f32[T, N]");

const integerMatmulAdd = defineCoreOp({
  name: "integer_matmul_add",
  doc: "addend + `integer_matmul` of x and q.",
  operands: productAddTypes.names,
  attrs: {},
  traits: ["pure", "rounds"],
  infer: (types) => inferBySignature("integer_matmul_add", productAddTypes, types),
  evaluate: (operands, _, result) => {
    const product = evaluateIntegerProduct([tensorAt(operands, 0), quantizedAt(operands, 1)], result);
    return plusAddend(operands, product, result);
  },
  work: (operands, _, result) => productAddWork(operands, result),
  lower: (input) => lowerProductAdd(input, lowerIntegerSum(quantizedType(input.operands[1]))),
  draw: draftBySignature(productAddTypes, { relate: relateRows, quantized: drawQuantized }),
  samples: [
    { operands: [tensor("f32", "T", 64), sampleWeights, tensor("f32", "T", 3)], attrs: {}, dims: { T: 2 } },
  ],
});

export const integerProductOps = [integerMatmul, integerMatmulAdd, roundRows] as const;
