/**
 * Conversions between binary32 and the two 16-bit float formats, IEEE 754 binary16 and bfloat16,
 * with round-to-nearest-even. They are written out because `Float16Array` is absent on Node 20.
 */

const scratch = new Float32Array(1);
const scratchBits = new Uint32Array(scratch.buffer);

function bitsOf(value: number): number {
  scratch[0] = value;
  return scratchBits[0]!;
}

function fromBits(bits: number): number {
  scratchBits[0] = bits >>> 0;
  return scratch[0]!;
}

/** binary16 bits of a number. NaN becomes a quiet NaN, overflow becomes infinity. */
export function toHalfBits(value: number): number {
  const bits = bitsOf(value);
  const sign = (bits >>> 16) & 0x8000;
  const exponent = (bits >>> 23) & 0xff;
  const fraction = bits & 0x7fffff;
  if (exponent === 0xff) return sign | 0x7c00 | (fraction === 0 ? 0 : 0x200);
  const unbiased = exponent - 127 + 15;
  if (unbiased >= 31) return sign | 0x7c00;
  if (unbiased <= 0) return unbiased < -10 ? sign : sign | roundShift(fraction | 0x800000, 14 - unbiased);
  // A carry out of the fraction raises the exponent, which is what rounding means.
  return sign | ((unbiased << 10) + roundShift(fraction, 13));
}

/** `value >> shift`, rounded to nearest, ties to even. */
function roundShift(value: number, shift: number): number {
  const half = 1 << (shift - 1);
  const rest = value & ((1 << shift) - 1);
  const floor = value >>> shift;
  return rest > half || (rest === half && (floor & 1) === 1) ? floor + 1 : floor;
}

export function fromHalfBits(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >>> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return (sign === 0 ? 1 : -1) * fraction * 2 ** -24;
  if (exponent === 31) return fromBits(sign | 0x7f800000 | (fraction << 13));
  return fromBits(sign | ((exponent - 15 + 127) << 23) | (fraction << 13));
}

/** bfloat16 bits of a number. */
export function toBrainBits(value: number): number {
  const bits = bitsOf(value);
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | 0x40;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

export function fromBrainBits(brain: number): number {
  return fromBits(brain << 16);
}

/** Rounds to a float format and back: what a store and a load do to a value. */
export function roundToHalf(value: number): number {
  return fromHalfBits(toHalfBits(value));
}

export function roundToBrain(value: number): number {
  return fromBrainBits(toBrainBits(value));
}
