/**
 * Whether two results agree as well as a rule's class promises.
 *
 * exact: bit for bit; any NaN equals any other, −0 is not 0.
 * reassociates: a sum of n terms, done in another order, differs by some ε · Σ|terms|. Terms are not seen
 *   here, so Σ|terms| is taken to be n times the largest magnitude that either side computed, n the longest
 *   extent; the bound is 8 · ε · n · magnitude, generous by design: a wrong equation is wrong by far more.
 * approximate: not element by element; `errorOf` adds up, and the caller judges all draws together.
 */

import type { Value } from "../../ir/index.js";
import { quantizedArrays } from "../../ir/index.js";
import type { NumericClass } from "../rule.js";
import type { Side } from "./evaluate-sides.js";

export interface Difference {
  /** Which conclusion, and which element of it. */
  readonly conclusion: number;
  readonly index: number;
  readonly left: number;
  readonly right: number;
  /** What would have been allowed; 0 for exact rules. */
  readonly allowed: number;
}

export function firstDifference(left: Side, right: Side, numerics: NumericClass): Difference | undefined {
  const allowed = numerics === "exact" ? 0 : boundFor(left, right);
  for (const [conclusion, value] of left.results.entries()) {
    const [a, b] = [numbersOf(value), numbersOf(right.results[conclusion]!)];
    const index = a.findIndex((each, i) => !agrees(each, b[i]!, allowed));
    if (index >= 0) return { conclusion, index, left: a[index]!, right: b[index]!, allowed };
  }
  return undefined;
}

/** The first element that is NaN on the left and a number on the right. */
export function firstLostNaN(left: Side, right: Side): Difference | undefined {
  for (const [conclusion, value] of left.results.entries()) {
    const [a, b] = [numbersOf(value), numbersOf(right.results[conclusion]!)];
    const index = a.findIndex((each, i) => Number.isNaN(each) && !Number.isNaN(b[i]));
    if (index >= 0) return { conclusion, index, left: NaN, right: b[index]!, allowed: 0 };
  }
  return undefined;
}

const slack = 8;

/** How far results of a rule that reassociates may be apart. */
export function boundFor(left: Side, right: Side): number {
  const magnitude = Math.max(left.magnitude, right.magnitude);
  return slack * Math.max(left.epsilon, right.epsilon) * Math.max(left.length, right.length) * magnitude;
}

function agrees(a: number, b: number, allowed: number): boolean {
  if (Object.is(a, b)) return true;
  if (allowed === 0) return false;
  if (Number.isNaN(a) || Number.isNaN(b)) return false;
  // Also equal infinities, and zeros of either sign.
  return a === b || Math.abs(a - b) <= allowed;
}

/** All numbers of a value in one row: elements, both pools of a cache, codes and scales, bytes. */
export function numbersOf(value: Value): readonly number[] {
  switch (value.kind) {
    case "tensor":
      return Array.from(value.data);
    case "kv_cache":
      return [...value.keys, ...value.values];
    case "quantized":
      return quantizedArrays(value).flatMap((array) => [...array]);
    case "packed":
      return Array.from(value.bytes);
  }
}

/** Sums of squares: of the differences, and of the exact results. */
export interface ErrorSums {
  readonly error: number;
  readonly signal: number;
}

export function errorOf(left: Side, right: Side): ErrorSums {
  let [error, signal] = [0, 0];
  left.results.forEach((value, conclusion) => {
    const other = numbersOf(right.results[conclusion]!);
    numbersOf(value).forEach((each, i) => {
      error += (each - other[i]!) ** 2;
      signal += each ** 2;
    });
  });
  return { error, signal };
}

/** The relative error, as a root of mean squares, that codes of so many bits are allowed. */
export function allowedError(bits: number): number {
  return bits >= 8 ? 0.02 : 0.2;
}
