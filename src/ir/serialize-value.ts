/**
 * The bytes of a value as targets read them, little-endian: tensors row-major in their own format,
 * quantized matrices as their parts, a byte a code, packed constants as they are.
 */

import { assertNever, invariant, toBrainBits, toHalfBits } from "../base/index.js";
import type { DType } from "./types.js";
import { quantizedParts, typeBytes } from "./types.js";
import type { TensorData, Value } from "./values.js";
import { quantizedArrays } from "./values.js";

/** As many bytes as `typeBytes` says of the value's type. A KV cache has none: it is never a constant. */
export function serializeValue(value: Value): Uint8Array {
  switch (value.kind) {
    case "tensor":
      return tensorBytes(value.dtype, value.data);
    case "quantized": {
      const bytes = new Uint8Array(typeBytes(value.type));
      const parts = quantizedParts(value.type);
      let at = 0;
      for (const [i, array] of quantizedArrays(value).entries()) {
        const part = tensorBytes(parts[i]!.dtype, array);
        bytes.set(part, at);
        at += part.length;
      }
      invariant(at === bytes.length, "a quantized matrix has the size of its type");
      return bytes;
    }
    case "packed":
      invariant(value.bytes.length === value.type.sizeBytes, "a packed constant has the size of its type");
      return value.bytes;
    case "kv_cache":
      throw new TypeError("a KV cache is not a constant");
    default:
      return assertNever(value);
  }
}

function tensorBytes(dtype: DType, data: TensorData): Uint8Array {
  if (dtype === "f16" || dtype === "bf16") {
    const convert = dtype === "f16" ? toHalfBits : toBrainBits;
    const halves = new Uint16Array(data.length);
    for (let i = 0; i < data.length; i++) halves[i] = convert(data[i]!);
    return new Uint8Array(halves.buffer);
  }
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
