/** Rotary positions. */

import type { Scalar } from "../loop-form.js";
import { cast, declare, index, load, local, nest, store, unary } from "../loop-form.js";
import type { Statement } from "../loop-form.js";
import { elementCount, tensor } from "../types.js";
import { roundInPlace } from "../values.js";
import type { TensorValue } from "../values.js";
import { attrOr, defineCoreOp, draftBySignature, pick, relateDouble } from "./drawing.js";
import { add, int, loadFloat, mul, resultOf, sub, tensorOf } from "./loop-parts.js";
import { bindOperands, dimNamed, extentNamed, signature, typeOfPattern } from "./signature.js";
import { floatsOf, intsOf, newResult, tensorAt } from "./tensor-access.js";
import { refuse } from "./type-checks.js";

const styles = ["halves", "interleaved"] as const;

const ropeTypes = signature("x: float[T, H, D], positions: i32[T], frequencies: f32[F] -> float[T, H, D]");

/** Where the two members of pair `j` lie in a head of `pairs` pairs. */
function pairOf(style: string, j: number, pairs: number): readonly [number, number] {
  return style === "halves" ? [j, j + pairs] : [2 * j, 2 * j + 1];
}

const rope = defineCoreOp({
  name: "rope",
  doc:
    "Turns pair j of every head by the angle position * frequencies[j], rounded to f32. Pairs are (j, j + D/2) " +
    "in the style `halves`, (2j, 2j + 1) in the style `interleaved`.",
  operands: ropeTypes.names,
  attrs: { style: "string" },
  traits: ["pure"],
  infer: (types, { style }) => {
    const bindings = bindOperands("rope", ropeTypes, types);
    const [headDim, pairs] = [extentNamed("rope", bindings, "D"), dimNamed(bindings, "F")];
    if (headDim !== 2 * Number(pairs))
      refuse(`\`rope\` needs a frequency for each pair of a head of ${headDim}, found ${pairs}`);
    if (!styles.some((each) => each === style))
      refuse(`\`rope\` knows the styles ${styles.join(", ")}, found "${style}"`);
    return typeOfPattern(ropeTypes.result, bindings);
  },
  evaluate: (operands, { style }, result) => {
    const [x, positions, frequencies] = [
      tensorAt(operands, 0),
      intsOf(tensorAt(operands, 1)),
      floatsOf(tensorAt(operands, 2)),
    ];
    const out = newResult(result);
    const pairs = frequencies.length;
    const heads = x.shape[1]!;
    for (let t = 0; t < positions.length; t++) {
      for (let j = 0; j < pairs; j++) {
        const angle = Math.fround(positions[t]! * frequencies[j]!);
        const [first, second] = pairOf(style, j, pairs);
        turn(x, out, { start: t * heads * 2 * pairs, heads, headDim: 2 * pairs, first, second, angle });
      }
    }
    roundInPlace(out);
    return out;
  },
  work: ([x, , frequencies]) => ({
    flops:
      3 * elementCount(tensorOf(x).shape) +
      16 * elementCount(tensorOf(x).shape.slice(0, 1)) * elementCount(tensorOf(frequencies).shape),
  }),
  lower: (input) => {
    const { shape } = resultOf(input);
    return nest(
      [
        { name: "t", extent: shape[0]! },
        { name: "h", extent: shape[1]! },
        { name: "j", extent: tensorOf(input.operands[2]).shape[0]! },
      ],
      "parallel",
      lowerTurn(input.attrs.style, Number(shape[2]) / 2),
    );
  },
  draw: draftBySignature(ropeTypes, {
    relate: (extents, random) => relateDouble(extents, "D", "F", random),
    attrs: (random, request) => ({ style: attrOr(request, "style", () => pick(random, styles)) }),
  }),
  samples: styles.flatMap((style) => [
    {
      operands: [tensor("f32", "T", 2, 8), tensor("i32", "T"), tensor("f32", 4)],
      attrs: { style },
      dims: { T: 3 },
      indexBounds: { 1: 100 },
    },
    {
      operands: [tensor("f16", 2, 1, 2), tensor("i32", 2), tensor("f32", 1)],
      attrs: { style },
      indexBounds: { 1: 10 },
    },
  ]),
});

interface Turn {
  readonly start: number;
  readonly heads: number;
  readonly headDim: number;
  readonly first: number;
  readonly second: number;
  readonly angle: number;
}

/** Turns one pair of every head of one token. */
function turn(x: TensorValue, out: TensorValue, { start, heads, headDim, first, second, angle }: Turn): void {
  const [cosine, sine] = [Math.cos(angle), Math.sin(angle)];
  for (let h = 0; h < heads; h++) {
    const [at, to] = [start + h * headDim + first, start + h * headDim + second];
    out.data[at] = x.data[at]! * cosine - x.data[to]! * sine;
    out.data[to] = x.data[to]! * cosine + x.data[at]! * sine;
  }
}

function lowerTurn(style: string, pairs: number): readonly Statement[] {
  const [t, h, j] = [index("t"), index("h"), index("j")];
  const [first, second]: readonly [Scalar, Scalar] =
    style === "halves" ? [j, add(j, int(pairs))] : [mul(int(2), j), add(mul(int(2), j), int(1))];
  const angle = mul(cast("f32", load("positions", t)), load("frequencies", j));
  return [
    declare("angle", "f32", angle),
    declare("cosine", "f32", unary("cos", local("angle"))),
    declare("sine", "f32", unary("sin", local("angle"))),
    declare("left", "f32", loadFloat("x", t, h, first)),
    declare("right", "f32", loadFloat("x", t, h, second)),
    store(
      "result",
      [t, h, first],
      sub(mul(local("left"), local("cosine")), mul(local("right"), local("sine"))),
    ),
    store(
      "result",
      [t, h, second],
      add(mul(local("right"), local("cosine")), mul(local("left"), local("sine"))),
    ),
  ];
}

export const positionOps = [rope] as const;
