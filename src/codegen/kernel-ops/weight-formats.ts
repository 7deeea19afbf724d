/**
 * What the layouts of packed weights have in common, whatever the order of their numbers: how formats are
 * named, and how numbers are stored.
 */

import { fromBrainBits, fromHalfBits, toHalfBits } from "../../base/index.js";
import type { FloatDType, TensorValue } from "../../ir/index.js";

/** The numbers of a packed matrix. */
export type WeightFormat =
  | { readonly kind: "float"; readonly dtype: FloatDType }
  | { readonly kind: "quantized"; readonly bits: 4 | 8; readonly group: number };

/** `f16_<layout>`, `q4_<layout>_g<group>`. */
export function weightFormatName(layout: string, format: WeightFormat): string {
  return format.kind === "float" ? `${format.dtype}_${layout}` : `q${format.bits}_${layout}_g${format.group}`;
}

/** The format behind a name, or undefined when it is not one of this layout. */
export function parseWeightFormat(layout: string, name: string): WeightFormat | undefined {
  const float = /^(f32|f16|bf16)_([a-z0-9]+)$/.exec(name);
  if (float?.[2] === layout) return { kind: "float", dtype: float[1] as FloatDType };
  const quantized = /^q([48])_([a-z0-9]+)_g([1-9][0-9]*)$/.exec(name);
  if (quantized?.[2] !== layout) return undefined;
  return { kind: "quantized", bits: quantized[1] === "4" ? 4 : 8, group: Number(quantized[3]) };
}

/**
 * What is stored for each number: itself, or the bits of the 16-bit float that it is already. Whole models
 * pass through here, so bits are converted, not numbers.
 */
export function storedElements(data: Float32Array, dtype: TensorValue["dtype"]): Float32Array | Uint16Array {
  if (dtype === "f32") return data;
  const bits = new Uint32Array(data.buffer, data.byteOffset, data.length);
  const out = new Uint16Array(data.length);
  if (dtype === "bf16") {
    for (let i = 0; i < out.length; i++) out[i] = bits[i]! >>> 16;
    return out;
  }
  // Normal numbers by shifting, the others one by one.
  for (let i = 0; i < out.length; i++) {
    const each = bits[i]!;
    const exponent = (each >>> 23) & 0xff;
    const isNormal = exponent > 112 && exponent < 143;
    const shifted = ((each >>> 16) & 0x8000) | (((each >>> 13) & 0x3ffff) - (112 << 10));
    out[i] = isNormal ? shifted : toHalfBits(data[i]!);
  }
  return out;
}

/** The number that is stored at an offset in bytes. */
export function readStored(view: DataView, offset: number, dtype: FloatDType): number {
  if (dtype === "f32") return view.getFloat32(offset, true);
  const bits = view.getUint16(offset, true);
  return dtype === "f16" ? fromHalfBits(bits) : fromBrainBits(bits);
}
