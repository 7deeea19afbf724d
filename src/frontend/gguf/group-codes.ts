/**
 * Writes Q8_0 and Q4_0 blocks: rows [N][K] in blocks of 32 along K, each a half-precision scale and 32 codes.
 * `block-codes.ts` reads them.
 */

import { fromHalfBits, toHalfBits } from "../../base/index.js";

export type GroupFormat = "q8_0" | "q4_0";

export const groupElements = 32;

const scaleBytes = 2;

export function blockBytes(format: GroupFormat): number {
  return scaleBytes + (format === "q8_0" ? groupElements : groupElements / 2);
}

/**
 * Blocks of rows of numbers, nearest codes for a scale that is rounded first: the meaning of the `quantize`
 * op, row by row. `numbers` holds whole groups.
 */
export function writeGroups(format: GroupFormat, numbers: Float32Array): Uint8Array {
  const size = blockBytes(format);
  const bytes = new Uint8Array((numbers.length / groupElements) * size);
  const view = new DataView(bytes.buffer);
  for (let block = 0; block < numbers.length / groupElements; block++) {
    const group = numbers.subarray(block * groupElements, (block + 1) * groupElements);
    const scale = groupScale(format, group);
    view.setUint16(block * size, scale, true);
    writeCodes(format, group, { view, at: block * size + scaleBytes, scale: fromHalfBits(scale) });
  }
  return bytes;
}

const largestHalf = 65504;

/** Half-precision bits. A scale beyond f16 would be infinite, and every weight of the group with it. */
function groupScale(format: GroupFormat, group: Float32Array): number {
  let extreme = 0;
  for (const each of group) if (Math.abs(each) > Math.abs(extreme)) extreme = each;
  const scale = format === "q8_0" ? Math.abs(extreme) / 127 : extreme / -8;
  return toHalfBits(Math.max(-largestHalf, Math.min(largestHalf, scale)));
}

interface CodePlace {
  readonly view: DataView;
  readonly at: number;
  readonly scale: number;
}

function writeCodes(format: GroupFormat, group: Float32Array, { view, at, scale }: CodePlace): void {
  const steps = (i: number): number => (scale === 0 ? 0 : group[i]! / scale);
  if (format === "q8_0") {
    for (let i = 0; i < groupElements; i++) view.setInt8(at + i, byteCode(steps(i)));
    return;
  }
  const middle = groupElements / 2;
  for (let i = 0; i < middle; i++) view.setUint8(at + i, nibble(steps(i)) | (nibble(steps(i + middle)) << 4));
}

/** Halves away from zero. */
function byteCode(steps: number): number {
  return Math.max(-127, Math.min(127, Math.sign(steps) * Math.floor(Math.abs(steps) + 0.5)));
}

function nibble(steps: number): number {
  return Math.max(-8, Math.min(7, Math.floor(steps + 0.5))) + 8;
}
