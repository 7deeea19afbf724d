/** What storing a number in a dtype does to it: rounding, truncation, saturation. */

import type { DType } from "../types.js";
import { isFloat } from "../types.js";
import { roundTo } from "../values.js";

const ranges = { i32: [-2147483648, 2147483647], i8: [-128, 127], u8: [0, 255] } as const;

/** Floats round to nearest; integers truncate towards zero and saturate, NaN becomes 0; i1 is "not zero". */
export function castNumber(dtype: DType, value: number): number {
  if (isFloat(dtype)) return roundTo(dtype, value);
  if (dtype === "i1") return value === 0 ? 0 : 1;
  if (Number.isNaN(value)) return 0;
  const [least, most] = ranges[dtype];
  return Math.min(most, Math.max(least, Math.trunc(value)));
}
