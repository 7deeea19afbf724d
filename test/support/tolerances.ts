// How far two ways of computing one thing may lie apart. Bounds follow from the dtype, the number of terms of
// the longest sum and the size of the operands; nothing is tuned to what happens to pass.

import type { DType } from "../../src/ir/index.js";

/** Largest relative error of one rounding to nearest. */
export const unitRoundoff: Readonly<Record<DType, number>> = {
  f32: 2 ** -24,
  f16: 2 ** -11,
  bf16: 2 ** -8,
  i32: 0,
  i8: 0,
  u8: 0,
  i1: 0,
};

/** Half the least positive f16: what a rounding adds where numbers are subnormal. */
const LEAST_HALF = 2 ** -25;

export interface Tolerance {
  readonly absolute: number;
  readonly relative: number;
}

/** The same bits. */
export const exact: Tolerance = { absolute: 0, relative: 0 };

/** Each element is rounded `steps` times on one of the ways. Integers are exact. */
export function roundingTolerance(dtype: DType, steps = 2): Tolerance {
  return { absolute: dtype === "f16" ? LEAST_HALF : 0, relative: steps * unitRoundoff[dtype] };
}

/**
 * Sums of `terms` products of factors up to `size`, in f32 in any order against double, each result then
 * rounded to its dtype: the bound gamma(n) * sum |a b| (Higham, "Accuracy and Stability", section 3.1).
 */
export function sumTolerance(dtype: DType, terms: number, size: number): Tolerance {
  const gamma = (terms + 4) * unitRoundoff.f32;
  const { absolute, relative } = roundingTolerance(dtype);
  return { absolute: absolute + gamma * terms * size * size, relative: relative + gamma };
}

/**
 * As `sumTolerance`, where sums then go through exp (softmax, attention): an error e of an exponent is a
 * relative error e of the weight, and a mean of values up to `size` moves by at most 2 e times that size.
 */
export function softmaxTolerance(dtype: DType, terms: number, size: number): Tolerance {
  const scores = sumTolerance(dtype, terms, size);
  return { absolute: scores.absolute * 2 * Math.max(1, size), relative: scores.relative * 2 };
}

/**
 * Numbers rounded to 8-bit codes on both ways, after arithmetic whose errors are far smaller than a code: two
 * on either side of a boundary are one code apart, and scales, which are f16, two of their roundings.
 */
export function codeTolerance(expected: Float32Array): Tolerance {
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return { absolute: largest / 127, relative: 2 * roundingTolerance("f16").relative };
}

/** The first element that differs by more than allowed, as a sentence; undefined when all agree. */
export function firstDifference(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: Tolerance,
): string | undefined {
  if (actual.length !== expected.length) return `${actual.length} elements instead of ${expected.length}`;
  for (let i = 0; i < expected.length; i++) {
    const [found, wanted] = [actual[i]!, expected[i]!];
    if (Object.is(found, wanted) || found === wanted) continue;
    const allowed = tolerance.absolute + tolerance.relative * Math.abs(wanted);
    const isFar = !(Math.abs(found - wanted) <= allowed);
    if (isFar) return `element ${i} is ${found} instead of ${wanted}; ${allowed} is allowed`;
  }
  return undefined;
}

/**
 * Logits of a whole float plan against the reference: each of the seven products of a layer, and the head,
 * adds at most gamma(n) of the size of what it computes; norms bring the size back to one between layers, so
 * the shares add up. Relative to the largest logit.
 */
export function modelTolerance(layers: number, longestSum: number, largestLogit: number): Tolerance {
  const gamma = (longestSum + 4) * unitRoundoff.f32;
  return { absolute: (7 * layers + 1) * gamma * largestLogit, relative: 0 };
}

/**
 * Functions of numbers up to `size` in f32, made of a dozen operations, each right to a few units in the last
 * place (WGSL divides to 2.5 of them), against double, then rounded to the dtype. Sums in between can cancel,
 * so the bound is absolute too.
 */
export function functionTolerance(dtype: DType, size: number): Tolerance {
  const error = 32 * unitRoundoff.f32;
  const { absolute, relative } = roundingTolerance(dtype);
  return { absolute: absolute + error * size, relative: relative + error };
}
