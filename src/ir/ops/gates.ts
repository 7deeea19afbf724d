/** Activations with a second half or a bound: gated rows, capped scores. */

import type { Scalar } from "../loop-form.js";
import { number, store, unary } from "../loop-form.js";
import type { OpRecord } from "../op.js";
import { elementCount, tensor } from "../types.js";
import { roundInPlace, roundTo } from "../values.js";
import { gelu, geluScalar, geluTanh, geluTanhScalar, silu, siluScalar } from "./arithmetic.js";
import {
  attrOr,
  defineCoreOp,
  draftBySignature,
  drawFloat,
  drawShape,
  pick,
  relateDouble,
  tensorType,
} from "./drawing.js";
import { add, div, indicesOf, int, loadFloat, mul, overElements, resultOf, tensorOf } from "./loop-parts.js";
import { signature } from "./signature.js";
import { mapUnary, newResult, tensorAt } from "./tensor-access.js";
import { refuse, requireExtent, requireFloat } from "./type-checks.js";

/** Result and operand of a gated row, for drawing: D is twice F. */
const gatedTypes = signature("gate_up: float[..., D] -> float[..., F]");

interface GatedSpec<Name extends string> {
  readonly name: Name;
  /** The activation's name, for the documentation. */
  readonly by: string;
  readonly apply: (x: number) => number;
  readonly scalar: (x: Scalar) => Scalar;
}

/** An activation of the first half of each row, times its second half, rounded where the plain ops do. */
function gatedOp<const Name extends string>(spec: GatedSpec<Name>): OpRecord & { readonly name: Name } {
  const { name } = spec;
  return defineCoreOp({
    name,
    doc: `${spec.by} of the first half of each row, times its second half.`,
    operands: ["gate_up"],
    attrs: {},
    traits: ["pure", "rowwise"],
    infer: ([type]) => {
      const x = requireFloat(name, type);
      const axis = x.shape.length - 1;
      if (axis < 0) refuse(`\`${name}\` takes rows, found a scalar`);
      const width = requireExtent(name, axis, x);
      if (width % 2 !== 0) refuse(`\`${name}\` takes rows of two halves, found rows of ${width}`);
      return { ...x, shape: x.shape.with(axis, width / 2) };
    },
    evaluate: (operands, _, result) => {
      const { data, dtype } = tensorAt(operands, 0);
      const isNarrow = dtype === "f16" || dtype === "bf16";
      const out = newResult(result);
      const half = out.shape.at(-1) ?? 1;
      for (let i = 0; i < out.data.length; i++) {
        const gate = i + Math.floor(i / half) * half;
        const activated = spec.apply(data[gate]!);
        out.data[i] = (isNarrow ? roundTo(dtype, activated) : Math.fround(activated)) * data[gate + half]!;
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
      return overElements(shape, [store("result", indices, mul(spec.scalar(gate), up))]);
    },
    draw: draftBySignature(gatedTypes, {
      relate: (extents, random) => relateDouble(extents, "D", "F", random),
    }),
    samples: [
      { operands: [tensor("f32", "T", 10)], attrs: {}, dims: { T: 3 } },
      { operands: [tensor("f16", 2, 6)], attrs: {} },
    ],
  });
}

const softcap = defineCoreOp({
  name: "softcap",
  doc: "cap * tanh(x / cap): x, bent so that it stays between -cap and cap.",
  operands: ["x"],
  attrs: { cap: "float" },
  traits: ["pure", "elementwise"],
  infer: ([x], { cap }) => {
    if (!(cap > 0)) refuse(`\`softcap\` needs a positive cap, found ${cap}`);
    return requireFloat("softcap", x);
  },
  evaluate: (operands, { cap }, result) =>
    mapUnary(tensorAt(operands, 0), result, (x) => cap * Math.tanh(x / cap)),
  work: (_operands, _attrs, result) => ({ flops: 10 * elementCount(tensorOf(result).shape) }),
  lower: (input) => {
    const { shape } = resultOf(input);
    const cap = number(input.attrs.cap);
    const value = mul(unary("tanh", div(loadFloat("x", ...indicesOf(shape)), cap)), cap);
    return overElements(shape, [store("result", indicesOf(shape), value)]);
  },
  draw: (random, request) => ({
    operands: [request.operands[0] ?? request.result ?? tensorType(drawFloat(random), drawShape(random))],
    attrs: { cap: attrOr(request, "cap", () => pick(random, [1, 2, 50])) },
  }),
  samples: [{ operands: [tensor("f32", "T", 5)], attrs: { cap: 30 }, dims: { T: 3 } }],
});

export const gateOps = [
  gatedOp({ name: "swiglu", by: "silu", apply: silu, scalar: siluScalar }),
  gatedOp({ name: "geglu", by: "gelu", apply: gelu, scalar: geluScalar }),
  gatedOp({ name: "geglu_tanh", by: "gelu_tanh", apply: geluTanh, scalar: geluTanhScalar }),
  softcap,
] as const;
