/** Types and sizes as comments say them. */

import { assertNever } from "../base/index.js";
import type { Attrs, ValueType } from "../ir/index.js";
import { FUSED } from "../loops/index.js";

export function shapeText(type: ValueType): string {
  switch (type.kind) {
    case "tensor":
      return `[${type.shape.join(", ")}]${type.dtype === "f32" ? "" : ` ${type.dtype}`}`;
    case "quantized":
      return `[${type.shape.join(", ")}] q${type.bits}, groups of ${type.group}`;
    case "packed":
      return `[${type.shape.join(", ")}] ${type.format}`;
    case "kv_cache":
      return `[${type.layers}, P, ${type.blockSize}, ${type.heads}, ${type.headDim}] ${type.dtype}`;
    default:
      return assertNever(type);
  }
}

export function bytesText(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB"];
  let [value, unit] = [bytes, 0];
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024;
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit] ?? ""}`;
}

/** An op that a kernel is printed from, with its operands: of a fused one the term that it computes. */
export function printedUseText(op: string, attrs: Attrs, operands: readonly string[]): string {
  const body = op === FUSED ? attrs["body"] : undefined;
  return typeof body === "string" ? `${body} of ${operands.join(", ")}` : `${op}(${operands.join(", ")})`;
}
