/**
 * The layouts that products of bfloat16 read: rows of activations (`kernels/narrow-rows.h`), and weights in
 * panels of 16 columns by pairs of rows, as instructions want that multiply pairs
 * (`kernels/narrow_matmul.h`).
 *
 * bf16_pairs16  [panel][ceil(K / 32) * 16] rows of 16 pairs: k and k + 1 of each column, zeros behind the
 * last k
 */

import { fromBrainBits, toBrainBits } from "../../src/base/index.js";
import type { PackedType, PackedValue, TensorValue } from "../../src/ir/index.js";
import { tensorValue } from "../../src/ir/index.js";
import { matrixShape, PANEL } from "./panels.js";

export const pairsFormat = "bf16_pairs16";

/** Rows of pairs of a panel: whole tiles of 16. */
function pairRows(k: number): number {
  return Math.ceil(k / 32) * 16;
}

export function pairsType([rows, columns]: readonly [number, number]): PackedType {
  const sizeBytes = Math.ceil(columns / PANEL) * pairRows(rows) * PANEL * 4;
  return { kind: "packed", format: pairsFormat, shape: [rows, columns], sizeBytes };
}

/** A matrix [K, N] of bfloat16. Whole models pass through here. */
export function packPairs({ shape, data }: TensorValue, type: PackedType): PackedValue {
  const [rows, columns] = matrixShape(shape);
  const bytes = new Uint8Array(type.sizeBytes);
  const to = new Uint16Array(bytes.buffer);
  const bits = new Uint32Array(data.buffer, data.byteOffset, data.length);
  for (let first = 0; first < columns; first += PANEL) {
    const width = Math.min(PANEL, columns - first);
    const panel = (first / PANEL) * pairRows(rows) * PANEL * 2;
    for (let row = 0; row < rows; row++) {
      const target = panel + (row >> 1) * PANEL * 2 + (row & 1);
      const source = row * columns + first;
      for (let i = 0; i < width; i++) to[target + 2 * i] = bits[source + i]! >>> 16;
    }
  }
  return { kind: "packed", type, bytes };
}

export function unpackPairs({ type, bytes }: PackedValue): TensorValue {
  const [rows, columns] = matrixShape(type.shape);
  const data = new Float32Array(rows * columns);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const pair = (Math.floor(column / PANEL) * pairRows(rows) + (row >> 1)) * PANEL + (column % PANEL);
      data[row * columns + column] = fromBrainBits(view.getUint16(4 * pair + 2 * (row & 1), true));
    }
  }
  return { kind: "tensor", dtype: "bf16", shape: [rows, columns], data };
}

/** Elements of a row of activations: an odd number of cache lines. */
export function narrowRow(k: number): number {
  return (Math.ceil(k / 32) | 1) * 32;
}

/** Rows [T, K] rounded to bfloat16, with zeros behind each. */
export function narrowRows({ shape, data }: TensorValue): TensorValue {
  const [rows = 0, k = 0] = shape;
  const width = narrowRow(k);
  const padded = new Float32Array(rows * width);
  for (let row = 0; row < rows; row++) padded.set(data.subarray(row * k, (row + 1) * k), row * width);
  return tensorValue("bf16", [rows, width], padded.map((value) => fromBrainBits(toBrainBits(value))));
}

/** The first `k` elements of each row, as f32. */
export function rowsOfNarrow({ shape, data }: TensorValue, k: number): TensorValue {
  const [rows = 0, width = 0] = shape;
  const values = new Float32Array(rows * k);
  for (let row = 0; row < rows; row++) values.set(data.subarray(row * width, row * width + k), row * k);
  return { kind: "tensor", dtype: "f32", shape: [rows, k], data: values };
}
