// The way back from `serializeValue`: numbers out of the bytes that targets read and write.

import { fromBrainBits, fromHalfBits } from "../../src/base/index.js";
import type { DType } from "../../src/ir/index.js";
import { dtypeBytes } from "../../src/ir/index.js";

/** `count` elements of a dtype from the byte `at` on, little-endian. */
export function numbersFrom(bytes: Uint8Array, dtype: DType, count: number, at = 0): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = dtypeBytes(dtype);
  return Array.from({ length: count }, (_, i) => numberAt(view, dtype, at + i * size));
}

function numberAt(view: DataView, dtype: DType, at: number): number {
  switch (dtype) {
    case "f32":
      return view.getFloat32(at, true);
    case "f16":
      return fromHalfBits(view.getUint16(at, true));
    case "bf16":
      return fromBrainBits(view.getUint16(at, true));
    case "i32":
      return view.getInt32(at, true);
    case "i8":
      return view.getInt8(at);
    case "u8":
    case "i1":
      return view.getUint8(at);
  }
}
