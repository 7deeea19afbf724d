/** Types and sizes as comments say them. */

import { assertNever } from "../base/index.js";
import type { ValueType } from "../ir/index.js";

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
