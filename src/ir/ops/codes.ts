/** Groups of numbers as 8-bit codes with a scale: what activations and a cache of codes are rounded to. */

import { roundToHalf } from "../../base/index.js";
import type { Scalar, Statement } from "../loop-form.js";
import { assign, binary, cast, declare, local, loop, number, unary } from "../loop-form.js";
import { add, div, mul } from "./loop-parts.js";

/** The largest magnitude of a code. */
export const LARGEST_CODE = 127;

/** Where a number is a normal one in half precision. */
const [SMALLEST_HALF, LARGEST_HALF] = [2 ** -14, 65504];

/**
 * The nearest 8-bit codes of a group and their scale, max |x| / 127: GGML's Q8_0. In binary32, step by step,
 * so that kernels find the same codes. The scale is rounded to half precision where it is a normal number of
 * it. A group that holds an infinity or a NaN has codes 0 and a NaN for scale.
 */
export function roundToCodes(values: Float32Array): { readonly codes: Int8Array; readonly scale: number } {
  const codes = new Int8Array(values.length);
  let largest = 0;
  for (const value of values) {
    if (!Number.isFinite(value)) return { codes, scale: NaN };
    largest = Math.max(largest, Math.abs(value));
  }
  const inverse = largest > 0 ? Math.fround(LARGEST_CODE / largest) : 0;
  for (let i = 0; i < values.length; i++) {
    const steps = Math.fround(values[i]! * inverse);
    codes[i] = Math.sign(steps) * Math.floor(Math.abs(steps) + 0.5);
  }
  const scale = Math.fround(largest / LARGEST_CODE);
  return { codes, scale: scale >= SMALLEST_HALF && scale <= LARGEST_HALF ? roundToHalf(scale) : scale };
}

/** Numbers whose groups, one after another, are what their codes and scales stand for. */
export function roundGroups(values: Float32Array, group: number): Float32Array {
  const rounded = new Float32Array(values.length);
  for (let start = 0; start < values.length; start += group) {
    const { codes, scale } = roundToCodes(values.subarray(start, start + group));
    for (let i = 0; i < group; i++) rounded[start + i] = codes[i]! * scale;
  }
  return rounded;
}

/**
 * Declares `scale` and `inverse` of a group of numbers: `x` is number `a` of it. The scale is a NaN where the
 * group holds one, or an infinity.
 */
export function lowerGroupScale(group: number, x: Scalar): readonly Statement[] {
  const isHalf = binary(
    "and",
    binary("ge", local("scale"), number(SMALLEST_HALF)),
    binary("le", local("scale"), number(LARGEST_HALF)),
  );
  const when = (condition: Scalar, ...then: readonly Statement[]): Statement => ({ kind: "if", condition, then });
  return [
    declare("largest", "f32", number(0)),
    declare("faults", "f32", number(0)),
    loop("a", group, "serial", [
      assign("largest", binary("max", local("largest"), unary("abs", x))),
      assign("faults", add(local("faults"), mul(x, number(0)))),
    ]),
    declare("scale", "f32", div(local("largest"), number(LARGEST_CODE))),
    when(isHalf, assign("scale", cast("f32", cast("f16", local("scale"))))),
    assign("scale", add(local("scale"), local("faults"))),
    declare("inverse", "f32", number(0)),
    when(
      binary("gt", local("largest"), number(0)),
      assign("inverse", div(number(LARGEST_CODE), local("largest"))),
    ),
  ];
}
