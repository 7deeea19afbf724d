/** Reductions along one axis, and softmax. Sums run in double. */

import type { Scalar, Statement } from "../loop-form.js";
import { assign, binary, cast, declare, index, loop, local, number, store, unary } from "../loop-form.js";
import type { DrawRequest, OpRecord } from "../op.js";
import type { Random } from "../../base/index.js";
import type { Dim, TensorType } from "../types.js";
import { elementCount, tensor } from "../types.js";
import type { TensorValue } from "../values.js";
import { roundInPlace } from "../values.js";
import {
  attrOr,
  defineCoreOp,
  draftBySignature,
  drawExtent,
  drawFloat,
  drawShape,
  knownTensor,
  tensorType,
} from "./drawing.js";
import {
  accumulate,
  add,
  div,
  extentOf,
  indicesOf,
  loadFloat,
  overElements,
  resultOf,
  sub,
  tensorOf,
} from "./loop-parts.js";
import { inferBySignature, signature } from "./signature.js";
import { axisParts, floatsOf, newResult, tensorAt } from "./tensor-access.js";
import { requireAxis, requireFloat } from "./type-checks.js";

interface ReductionSpec<Name extends string> {
  readonly name: Name;
  readonly doc: string;
  readonly start: number;
  readonly step: (total: number, x: number) => number;
  readonly finish: (total: number, count: number) => number;
  readonly scalarStep: (total: Scalar, x: Scalar) => Scalar;
  readonly scalarFinish: (total: Scalar, extent: Dim) => Scalar;
}

function reduction<const Name extends string>(spec: ReductionSpec<Name>): OpRecord & { readonly name: Name } {
  const { name } = spec;
  return defineCoreOp({
    name,
    doc: `${spec.doc} With \`keep\` the axis stays, with extent 1.`,
    operands: ["x"],
    attrs: { axis: "int", keep: "bool" },
    traits: ["pure"],
    infer: ([type], { axis, keep }) => {
      const x = requireFloat(name, type);
      requireAxis(name, axis, x);
      return { ...x, shape: reducedShape(x.shape, axis, keep) };
    },
    evaluate: (operands, { axis }, result) => reduce(tensorAt(operands, 0), axis, newResult(result), spec),
    work: ([x]) => ({ flops: elementCount(tensorOf(x).shape) }),
    lower: (input) => lowerReduction(spec, tensorOf(input.operands[0]), resultOf(input), input.attrs),
    draw: (random, request) => {
      const keep = attrOr(request, "keep", () => random.below(2) === 0);
      return drawReduction(random, request, keep);
    },
    samples: [
      { operands: [tensor("f32", "T", 7)], attrs: { axis: 1, keep: false }, dims: { T: 3 } },
      { operands: [tensor("f32", "T", 3, 2)], attrs: { axis: 0, keep: true }, dims: { T: 5 } },
      { operands: [tensor("f16", 9)], attrs: { axis: 0, keep: false } },
    ],
  });
}

function reducedShape(shape: readonly Dim[], axis: number, keep: boolean): readonly Dim[] {
  return keep ? shape.with(axis, 1) : shape.toSpliced(axis, 1);
}

function reduce(x: TensorValue, axis: number, out: TensorValue, spec: ReductionSpec<string>): TensorValue {
  const { outer, along, inner } = axisParts(x.shape, axis);
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      let total = spec.start;
      for (let a = 0; a < along; a++) total = spec.step(total, x.data[(o * along + a) * inner + i]!);
      out.data[o * inner + i] = spec.finish(total, along);
    }
  }
  roundInPlace(out);
  return out;
}

function lowerReduction(
  spec: ReductionSpec<string>,
  x: TensorType,
  result: TensorType,
  { axis, keep }: { readonly axis: number; readonly keep: boolean },
): readonly Statement[] {
  const extent = x.shape[axis]!;
  const outside = indicesOf(result.shape);
  const inside = keep ? outside.with(axis, index("r")) : outside.toSpliced(axis, 0, index("r"));
  return overElements(result.shape, [
    ...accumulate("total", spec.start, { index: "r", extent }, (total) =>
      spec.scalarStep(total, loadFloat("x", ...inside)),
    ),
    store("result", outside, spec.scalarFinish(local("total"), extent)),
  ]);
}

function drawReduction(
  random: Random,
  request: DrawRequest,
  keep: boolean,
): ReturnType<NonNullable<OpRecord["draw"]>> {
  const {
    operands: [given],
    result,
  } = request;
  const reduced = knownTensor(result);
  const rank =
    knownTensor(given)?.shape.length ?? (reduced ? reduced.shape.length + (keep ? 0 : 1) : undefined);
  const shape = knownTensor(given)?.shape ?? drawShape(random, rank);
  if (shape.length === 0) return undefined;
  const axis = attrOr(request, "axis", () => random.below(shape.length));
  if (axis >= shape.length) return undefined;
  const known =
    reduced &&
    (keep
      ? reduced.shape.with(axis, drawExtent(random))
      : reduced.shape.toSpliced(axis, 0, drawExtent(random)));
  return {
    operands: [given ?? tensorType(reduced?.dtype ?? drawFloat(random), known ?? shape)],
    attrs: { axis, keep },
  };
}

/** exp(x - max) / sum of the same, along an axis. A row of minus infinities is not a number. */
const softmax = defineCoreOp({
  name: "softmax",
  doc: "Exponentials along an axis, scaled to a sum of 1. An element of minus infinity becomes 0.",
  operands: ["x"],
  attrs: { axis: "int" },
  traits: ["pure"],
  infer: ([type], { axis }) => {
    const x = requireFloat("softmax", type);
    requireAxis("softmax", axis, x);
    return x;
  },
  evaluate: (operands, { axis }, result) => {
    const x = tensorAt(operands, 0);
    const out = newResult(result);
    const { outer, along, inner } = axisParts(x.shape, axis);
    for (let o = 0; o < outer; o++) {
      for (let i = 0; i < inner; i++)
        softmaxRow(floatsOf(x), floatsOf(out), { start: o * along * inner + i, along, inner });
    }
    roundInPlace(out);
    return out;
  },
  work: ([x]) => ({ flops: 12 * elementCount(tensorOf(x).shape) }),
  lower: (input) => lowerSoftmax(resultOf(input), input.attrs.axis),
  draw: (random, request) => {
    const type = request.operands[0] ?? request.result ?? tensorType(drawFloat(random), drawShape(random));
    const rank = knownTensor(type)?.shape.length ?? 0;
    if (rank === 0) return undefined;
    // Mostly the last axis, as models use it.
    const axis = attrOr(request, "axis", () => (random.below(3) === 0 ? random.below(rank) : rank - 1));
    return { operands: [type], attrs: { axis } };
  },
  samples: [
    { operands: [tensor("f32", 2, "T", "C")], attrs: { axis: 2 }, dims: { T: 3, C: 5 } },
    { operands: [tensor("f32", 4, 3)], attrs: { axis: 0 } },
    { operands: [tensor("f16", 6)], attrs: { axis: 0 } },
  ],
});

interface SoftmaxRow {
  readonly start: number;
  readonly along: number;
  readonly inner: number;
  /** One more element, whose share is not written. */
  readonly sink?: number;
}

function softmaxRow(x: Float32Array, out: Float32Array, { start, along, inner, sink }: SoftmaxRow): void {
  const end = start + along * inner;
  let greatest = sink ?? -Infinity;
  for (let at = start; at < end; at += inner) greatest = Math.max(greatest, x[at]!);
  let total = sink === undefined ? 0 : Math.exp(sink - greatest);
  for (let at = start; at < end; at += inner) total += Math.exp(x[at]! - greatest);
  for (let at = start; at < end; at += inner) out[at] = Math.exp(x[at]! - greatest) / total;
}

const sinkTypes = signature("x: float[H, T, C], sinks: float[H] -> float[H, T, C]");

const sinkSoftmax = defineCoreOp({
  name: "sink_softmax",
  doc: "`softmax` along the last axis with one more element a head, `sinks`, whose share is left out of the result.",
  operands: sinkTypes.names,
  attrs: {},
  traits: ["pure"],
  infer: (types) => inferBySignature("sink_softmax", sinkTypes, types),
  evaluate: (operands, _, result) => {
    const [x, sinks] = [floatsOf(tensorAt(operands, 0)), floatsOf(tensorAt(operands, 1))];
    const out = newResult(result);
    const [, tokens = 1, along = 1] = out.shape;
    for (let row = 0; row * along < x.length; row++) {
      const sink = sinks[Math.floor(row / tokens)]!;
      softmaxRow(x, floatsOf(out), { start: row * along, along, inner: 1, sink });
    }
    roundInPlace(out);
    return out;
  },
  work: ([x]) => ({ flops: 12 * elementCount(tensorOf(x).shape) }),
  lower: (input) => lowerSoftmax(resultOf(input), 2, loadFloat("sinks", index("i0"))),
  draw: draftBySignature(sinkTypes),
  samples: [
    { operands: [tensor("f32", 2, "T", "C"), tensor("f32", 2)], attrs: {}, dims: { T: 3, C: 5 } },
    { operands: [tensor("f16", 1, 2, 3), tensor("f16", 1)], attrs: {} },
  ],
});

function lowerSoftmax({ shape }: TensorType, axis: number, sink?: Scalar): readonly Statement[] {
  const extent = shape[axis]!;
  const rows = shape.map((dim, i) => ({ name: `i${i}`, extent: dim })).filter((_, i) => i !== axis);
  const along = (name: string): Scalar[] => indicesOf(shape).with(axis, index(name));
  const power = (name: string): Scalar =>
    unary("exp", sub(loadFloat("x", ...along(name)), local("greatest")));
  const fold = (name: string, k: string, step: (total: Scalar) => Scalar): Statement =>
    loop(k, extent, "serial", [assign(name, step(local(name)))]);
  const sinkShare = sink && unary("exp", sub(sink, local("greatest")));
  const body: readonly Statement[] = [
    declare("greatest", "f32", sink ?? number(-Infinity)),
    fold("greatest", "m", (total) => binary("max", total, loadFloat("x", ...along("m")))),
    declare("total", "f32", sinkShare ?? number(0)),
    fold("total", "s", (total) => add(total, power("s"))),
    loop("r", extent, "serial", [store("result", along("r"), div(power("r"), local("total")))]),
  ];
  return rows.reduceRight<readonly Statement[]>(
    (inner, row) => [loop(row.name, row.extent, "parallel", inner)],
    body,
  );
}

export const reductionOps = [
  reduction({
    name: "reduce_sum",
    doc: "The sum along an axis.",
    start: 0,
    step: (total, x) => total + x,
    finish: (total) => total,
    scalarStep: add,
    scalarFinish: (total) => total,
  }),
  reduction({
    name: "reduce_max",
    doc: "The greatest element along an axis.",
    start: -Infinity,
    step: (total, x) => Math.max(total, x),
    finish: (total) => total,
    scalarStep: (total, x) => binary("max", total, x),
    scalarFinish: (total) => total,
  }),
  reduction({
    name: "reduce_mean",
    doc: "The mean along an axis.",
    start: 0,
    step: (total, x) => total + x,
    finish: (total, count) => total / count,
    scalarStep: add,
    scalarFinish: (total, extent) => div(total, cast("f32", extentOf(extent))),
  }),
  softmax,
  sinkSoftmax,
] as const;
