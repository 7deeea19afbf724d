/**
 * The layout of the weight file: a header page, constants that exist once, then one record a layer.
 * Every constant starts on a cache line, so that a kernel's vector loads are aligned when mapped.
 */

import type { SelectedConstant } from "../ir/index.js";
import { typeBytes } from "../ir/index.js";
import { alignUp } from "./place-buffers.js";
import type { WeightEntry } from "./plan.js";

/** The file's first page holds its header; the target's runtime checks it before it maps the rest. */
export const WEIGHT_HEADER_BYTES = 4096;

export interface WeightLayout {
  /** In the order of the constants. */
  readonly entries: readonly WeightEntry[];
  readonly sizeBytes: number;
}

export function layOutWeights(constants: readonly SelectedConstant[]): WeightLayout {
  const entries = new Array<WeightEntry>(constants.length);
  let end = WEIGHT_HEADER_BYTES;
  constants.forEach(({ name, type, perLayer }, i) => {
    if (perLayer) return;
    const sizeBytes = typeBytes(type);
    entries[i] = { name, type, scope: "step", offsetBytes: end, strideBytes: 0, sizeBytes };
    end += alignUp(sizeBytes);
  });
  for (const group of layerGroups(constants)) end = layOutRecords(constants, group, { entries, start: end });
  return { entries, sizeBytes: alignUp(end, WEIGHT_HEADER_BYTES) };
}

/** Constants of one range of layers share a record. */
function layerGroups(constants: readonly SelectedConstant[]): readonly (readonly number[])[] {
  const groups = new Map<string, number[]>();
  constants.forEach(({ perLayer, layers }, i) => {
    if (!perLayer || layers === undefined) return;
    const key = `${layers.first}+${layers.count}`;
    groups.set(key, [...(groups.get(key) ?? []), i]);
  });
  return [...groups.values()];
}

function layOutRecords(
  constants: readonly SelectedConstant[],
  group: readonly number[],
  out: { readonly entries: WeightEntry[]; readonly start: number },
): number {
  const sizes = group.map((i) => typeBytes(constants[i]!.type));
  const strideBytes = sizes.reduce((sum, size) => sum + alignUp(size), 0);
  let offsetBytes = out.start;
  let count = 0;
  group.forEach((i, k) => {
    const { name, type, layers } = constants[i]!;
    if (layers === undefined) return;
    out.entries[i] = { name, type, scope: "layer", layers, offsetBytes, strideBytes, sizeBytes: sizes[k]! };
    offsetBytes += alignUp(sizes[k]!);
    count = layers.count;
  });
  return out.start + strideBytes * count;
}
