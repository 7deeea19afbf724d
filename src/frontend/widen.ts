/**
 * Stored floats to binary32, whole tensors at a time. Both 16-bit formats are widened by moving bits
 * through typed arrays, since a call for each element costs seconds on a real model. Files are
 * little-endian, and so is every machine this runs on.
 */

import type { FloatDType } from "../ir/index.js";

/** The numbers of a tensor's bytes. Takes ownership of `bytes`: the result may share its memory. */
export function widenFloats(dtype: FloatDType, bytes: Uint8Array): Float32Array {
  switch (dtype) {
    case "f32": {
      const { buffer, byteOffset, byteLength } = aligned(bytes, 4);
      return new Float32Array(buffer, byteOffset, byteLength / 4);
    }
    case "f16":
      return widenHalf(words(bytes));
    case "bf16":
      return widenBrain(words(bytes));
  }
}

function words(bytes: Uint8Array): Uint16Array {
  const { buffer, byteOffset, byteLength } = aligned(bytes, 2);
  return new Uint16Array(buffer, byteOffset, byteLength / 2);
}

/** The same bytes, copied when they start at an address that typed arrays refuse. */
function aligned(bytes: Uint8Array, alignment: number): Uint8Array {
  return bytes.byteOffset % alignment === 0 ? bytes : new Uint8Array(bytes);
}

function widenBrain(source: Uint16Array): Float32Array {
  const bits = new Uint32Array(source.length);
  for (let i = 0; i < source.length; i++) bits[i] = source[i]! << 16;
  return new Float32Array(bits.buffer);
}

/**
 * A half's exponent and fraction, moved into a binary32, read as the half's value times 2^-112, for
 * subnormal halves as well; one multiplication repairs it exactly. Infinities and NaNs are set apart.
 */
function widenHalf(source: Uint16Array): Float32Array {
  const bits = new Uint32Array(source.length);
  const floats = new Float32Array(bits.buffer);
  for (let i = 0; i < source.length; i++) {
    const half = source[i]!;
    const moved = ((half & 0x8000) << 16) | ((half & 0x7fff) << 13);
    if ((half & 0x7c00) === 0x7c00) {
      bits[i] = moved | 0x7f800000;
    } else {
      bits[i] = moved;
      floats[i] = floats[i]! * 2 ** 112;
    }
  }
  return floats;
}
