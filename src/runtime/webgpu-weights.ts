/**
 * Weights on the device: every part of every copy begins at an offset that can be bound, in as few buffers
 * as the device's largest one allows. Read from the file and uploaded in pieces, so that memory is bounded
 * by one.
 */

import type { WeightRecord } from "../../backends/wgsl/index.js";
import { LIMITS } from "../../backends/wgsl/index.js";
import { at } from "../base/index.js";
import type { GpuBuffer, GpuDevice } from "./webgpu-device.js";
import { USAGE } from "./webgpu-device.js";

/** Reads bytes of the weight file. */
export type ReadWeights = (offsetBytes: number, sizeBytes: number) => Uint8Array;

/** A range of a buffer, as a binding takes it. */
export interface BufferRange {
  readonly buffer: GpuBuffer;
  readonly offset: number;
  readonly size: number;
}

export interface DeviceWeights {
  /** The range of a part of a weight; of the copy of a layer when it has one for each. */
  range(weight: number, part: number, layer: number | undefined): BufferRange;
  destroy(): void;
}

/** Bytes that are read and uploaded at a time. */
const PIECE_BYTES = 8 * 2 ** 20;

interface Placed {
  readonly sourceBytes: number;
  readonly sizeBytes: number;
  readonly buffer: number;
  readonly offset: number;
}

export function uploadWeights(
  device: GpuDevice,
  entries: readonly WeightRecord[],
  read: ReadWeights,
): DeviceWeights {
  const most = Math.min(device.limits["maxBufferSize"] ?? LIMITS.bufferBytes, 2 ** 30);
  const sizes: number[] = [];
  const places = entries.map((entry) => placeCopies(entry, sizes, most));
  const usage = USAGE.storage | USAGE.copyTarget;
  const buffers = sizes.map((size, i) => device.createBuffer({ label: `weights ${i}`, size, usage }));
  for (const placed of places.flat(2)) upload(device, at(buffers, placed.buffer), placed, read);
  return {
    range: (weight, part, layer) => {
      const first = entries[weight]?.layers?.first;
      const copy = first === undefined || layer === undefined ? 0 : layer - first;
      const { buffer, offset, sizeBytes } = at(at(at(places, weight), copy), part);
      return { buffer: at(buffers, buffer), offset, size: wholeWords(sizeBytes) };
    },
    destroy: () => {
      for (const buffer of buffers) buffer.destroy();
    },
  };
}

/** Places the parts of each copy one after the other; `sizes` are those of the buffers so far. */
function placeCopies(entry: WeightRecord, sizes: number[], most: number): readonly (readonly Placed[])[] {
  return Array.from({ length: entry.layers?.count ?? 1 }, (_, copy) => {
    let sourceBytes = entry.offsetBytes + copy * entry.strideBytes;
    return entry.parts.map((sizeBytes) => {
      const room = Math.ceil(sizeBytes / LIMITS.offsetAlignment) * LIMITS.offsetAlignment;
      if (sizes.length === 0 || at(sizes, sizes.length - 1) + room > most) sizes.push(0);
      const buffer = sizes.length - 1;
      const placed = { sourceBytes, sizeBytes, buffer, offset: at(sizes, buffer) };
      sizes[buffer] = placed.offset + room;
      sourceBytes += sizeBytes;
      return placed;
    });
  });
}

function upload(device: GpuDevice, buffer: GpuBuffer, placed: Placed, read: ReadWeights): void {
  const { sourceBytes, sizeBytes, offset } = placed;
  for (let done = 0; done < sizeBytes; done += PIECE_BYTES) {
    const count = Math.min(PIECE_BYTES, sizeBytes - done);
    device.queue.writeBuffer(buffer, offset + done, padded(read(sourceBytes + done, count)));
  }
}

/** WebGPU writes whole words: what is missing is zero. */
function padded(bytes: Uint8Array): Uint8Array {
  if (bytes.length % 4 === 0) return bytes;
  const whole = new Uint8Array(wholeWords(bytes.length));
  whole.set(bytes);
  return whole;
}

function wholeWords(bytes: number): number {
  return Math.ceil(bytes / 4) * 4;
}
