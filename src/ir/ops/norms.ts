/** Normalisation of rows. Sums run in double; the result is rounded once. */

import type { Scalar, Statement } from "../loop-form.js";
import { cast, index, local, loop, number, store, unary, declare } from "../loop-form.js";
import type { Random } from "../../base/index.js";
import type { DrawRequest } from "../op.js";
import type { Dim, TensorType } from "../types.js";
import { elementCount, tensor } from "../types.js";
import { roundInPlace } from "../values.js";
import { attrOr, defineCoreOp, draftBySignature, pick } from "./drawing.js";
import {
  accumulate,
  add,
  div,
  extentOf,
  indicesOf,
  loadFloat,
  mul,
  resultOf,
  sub,
  tensorOf,
} from "./loop-parts.js";
import { inferBySignature, signature } from "./signature.js";
import { floatsOf, mapBinary, newResult, tensorAt } from "./tensor-access.js";

function drawEpsilon(random: Random, request: DrawRequest): { readonly epsilon: number } {
  return { epsilon: attrOr(request, "epsilon", () => pick(random, [1e-5, 1e-6])) };
}

/** Parallel loops over the rows, and the indices of the element `name` of the row. */
function overRows(
  shape: readonly Dim[],
  body: (along: (name: string) => ReturnType<typeof index>[]) => readonly Statement[],
): readonly Statement[] {
  const rows = indicesOf(shape.slice(0, -1));
  const inner = body((name) => [...rows, index(name)]);
  return shape
    .slice(0, -1)
    .reduceRight<readonly Statement[]>(
      (nested, extent, i) => [loop(`i${i}`, extent, "parallel", nested)],
      inner,
    );
}

const rmsNormTypes = signature("x: float[..., D], weight: float[D] -> float[..., D]");

const rmsNorm = defineCoreOp({
  name: "rms_norm",
  doc: "Each row divided by its root mean square, then scaled by `weight`: x / sqrt(mean(x^2) + epsilon) * weight.",
  operands: rmsNormTypes.names,
  attrs: { epsilon: "float" },
  traits: ["pure", "rowwise"],
  infer: (types) => inferBySignature("rms_norm", rmsNormTypes, types),
  evaluate: (operands, { epsilon }, result) => {
    const out = newResult(result);
    const [x, weight] = [floatsOf(tensorAt(operands, 0)), floatsOf(tensorAt(operands, 1))];
    const width = weight.length;
    for (let start = 0; start < x.length; start += width) {
      let squares = 0;
      for (let i = 0; i < width; i++) squares += x[start + i]! * x[start + i]!;
      const scale = 1 / Math.sqrt(squares / width + epsilon);
      for (let i = 0; i < width; i++) out.data[start + i] = x[start + i]! * scale * weight[i]!;
    }
    roundInPlace(out);
    return out;
  },
  work: ([x]) => ({ flops: 4 * elementCount(tensorOf(x).shape) }),
  lower: (input) => lowerRmsNorm(resultOf(input), input.attrs.epsilon),
  draw: draftBySignature(rmsNormTypes, { attrs: drawEpsilon }),
  samples: [
    { operands: [tensor("f32", "T", 64), tensor("f32", 64)], attrs: { epsilon: 1e-5 }, dims: { T: 2 } },
    { operands: [tensor("f32", 2, 3, 5), tensor("f32", 5)], attrs: { epsilon: 0.5 } },
    { operands: [tensor("f16", 7), tensor("f16", 7)], attrs: { epsilon: 1e-5 } },
  ],
});

function lowerRmsNorm(
  { shape }: TensorType,
  epsilon: number,
  finish: (normed: Scalar, place: readonly Scalar[]) => Scalar = (normed) => normed,
): readonly Statement[] {
  const width = shape.at(-1) ?? 1;
  return overRows(shape, (along) => [
    ...accumulate("squares", 0, { index: "k", extent: width }, (total) =>
      add(total, mul(loadFloat("x", ...along("k")), loadFloat("x", ...along("k")))),
    ),
    declare("scale", "f32", reciprocalRoot(local("squares"), width, epsilon)),
    loop("j", width, "parallel", [
      store("result", along("j"), finish(normedAt(along("j")), along("j"))),
    ]),
  ]);
}

function normedAt(place: readonly Scalar[]): Scalar {
  return mul(mul(loadFloat("x", ...place), local("scale")), loadFloat("weight", index("j")));
}

/** 1 / sqrt(squares / width + epsilon) */
function reciprocalRoot(
  squares: ReturnType<typeof local>,
  width: Dim,
  epsilon: number,
): ReturnType<typeof local> {
  const mean = div(squares, cast("f32", extentOf(width)));
  return div(number(1), unary("sqrt", add(mean, number(epsilon))));
}

const layerNormTypes = signature("x: float[..., D], weight: float[D], bias: float[D] -> float[..., D]");

const layerNorm = defineCoreOp({
  name: "layer_norm",
  doc: "Each row less its mean, divided by its standard deviation, then scaled by `weight` and shifted by `bias`.",
  operands: layerNormTypes.names,
  attrs: { epsilon: "float" },
  traits: ["pure", "rowwise"],
  infer: (types) => inferBySignature("layer_norm", layerNormTypes, types),
  evaluate: (operands, { epsilon }, result) => {
    const out = newResult(result);
    const [x, weight, bias] = [0, 1, 2].map((i) => floatsOf(tensorAt(operands, i))) as [
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    const width = weight.length;
    for (let start = 0; start < x.length; start += width) {
      let mean = 0;
      for (let i = 0; i < width; i++) mean += x[start + i]! / width;
      let squares = 0;
      for (let i = 0; i < width; i++) squares += (x[start + i]! - mean) ** 2;
      const scale = 1 / Math.sqrt(squares / width + epsilon);
      for (let i = 0; i < width; i++)
        out.data[start + i] = (x[start + i]! - mean) * scale * weight[i]! + bias[i]!;
    }
    roundInPlace(out);
    return out;
  },
  work: ([x]) => ({ flops: 8 * elementCount(tensorOf(x).shape) }),
  lower: (input) => lowerLayerNorm(resultOf(input), input.attrs.epsilon),
  draw: draftBySignature(layerNormTypes, { attrs: drawEpsilon }),
  samples: [
    {
      operands: [tensor("f32", "T", 33), tensor("f32", 33), tensor("f32", 33)],
      attrs: { epsilon: 1e-5 },
      dims: { T: 3 },
    },
    { operands: [tensor("bf16", 2, 8), tensor("bf16", 8), tensor("bf16", 8)], attrs: { epsilon: 1e-5 } },
  ],
});

function lowerLayerNorm({ shape }: TensorType, epsilon: number): readonly Statement[] {
  const width = shape.at(-1) ?? 1;
  return overRows(shape, (along) => {
    const centred = (name: string): ReturnType<typeof sub> =>
      sub(loadFloat("x", ...along(name)), local("mean"));
    const scaled = mul(mul(centred("j"), local("scale")), loadFloat("weight", index("j")));
    return [
      ...accumulate("total", 0, { index: "m", extent: width }, (total) =>
        add(total, loadFloat("x", ...along("m"))),
      ),
      declare("mean", "f32", div(local("total"), cast("f32", extentOf(width)))),
      ...accumulate("squares", 0, { index: "k", extent: width }, (total) =>
        add(total, mul(centred("k"), centred("k"))),
      ),
      declare("scale", "f32", reciprocalRoot(local("squares"), width, epsilon)),
      loop("j", width, "parallel", [store("result", along("j"), add(scaled, loadFloat("bias", index("j"))))]),
    ];
  });
}

const normAddTypes = signature(
  "x: float[..., D], weight: float[D], addend: float[..., D] -> float[..., D]",
);

const rmsNormAdd = defineCoreOp({
  name: "rms_norm_add",
  doc: "addend + `rms_norm` of x: a block's normed output with its residual. The norm is rounded before the sum.",
  operands: normAddTypes.names,
  attrs: { epsilon: "float" },
  traits: ["pure", "rowwise"],
  infer: (types) => inferBySignature("rms_norm_add", normAddTypes, types),
  evaluate: (operands, attrs, result) => {
    const normed = tensorAt([rmsNorm.evaluate(operands, attrs, result)], 0);
    return mapBinary([tensorAt(operands, 2), normed], result, (a, b) => a + b);
  },
  work: ([x]) => ({ flops: 5 * elementCount(tensorOf(x).shape) }),
  lower: (input) =>
    lowerRmsNorm(resultOf(input), input.attrs.epsilon, (normed, place) => add(loadFloat("addend", ...place), normed)),
  draw: draftBySignature(normAddTypes, { attrs: drawEpsilon }),
  samples: [
    {
      operands: [tensor("f32", "T", 33), tensor("f32", 33), tensor("f32", "T", 33)],
      attrs: { epsilon: 1e-5 },
      dims: { T: 3 },
    },
  ],
});

export const normOps = [rmsNorm, layerNorm, rmsNormAdd] as const;
