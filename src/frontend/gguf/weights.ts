/**
 * The tensors of a GGUF file as a weight source. Matrices in Q8_0 and Q4_0 stay codes and scales; every
 * other format of integers is widened to f32 when it is read, exactly, at four bytes a weight. A tensor
 * whose layers are stored in different formats is read as f32 in all of them, since one function stands for
 * them all.
 */

import type { RandomAccessFile } from "../../base/index.js";
import { invariant } from "../../base/index.js";
import type { FloatDType, QuantizedValue, TensorValue } from "../../ir/index.js";
import { typeOfWeight } from "../tensor-table.js";
import type { WeightDType, WeightSource } from "../weights.js";
import { readRowBytes } from "../weights.js";
import { widenFloats } from "../widen.js";
import { blockReaders, dequantizeBlocks } from "./dequantize.js";
import type { GroupFormat } from "./group-codes.js";
import { readGroups } from "./group-codes.js";
import type { GgufHeader, GgufTensor } from "./read-header.js";

const floats: Readonly<Record<string, FloatDType>> = { F32: "f32", F16: "f16", BF16: "bf16" };
const groups: Readonly<Record<string, GroupFormat>> = { Q8_0: "q8_0", Q4_0: "q4_0" };

/** Owns the file. */
export function createGgufWeights(file: RandomAccessFile, { tensors }: GgufHeader): WeightSource {
  const mixed = findMixed([...tensors.values()]);
  const locate = (name: string): GgufTensor => {
    const tensor = tensors.get(name);
    invariant(tensor !== undefined, `the file has no tensor ${name}`);
    return tensor;
  };
  const readRaw = (name: string): Uint8Array => {
    const { offsetBytes, sizeBytes } = locate(name);
    return file.read(offsetBytes, sizeBytes);
  };
  const dtypeOf = (tensor: GgufTensor): WeightDType | undefined =>
    mixed.has(layerless(tensor.name)) && ownDType(tensor) !== undefined ? "f32" : ownDType(tensor);
  return {
    location: file.path,
    names: [...tensors.keys()].sort(),
    has: (name) => tensors.has(name),
    info: (name) => {
      const tensor = locate(name);
      const { type, shape, sizeBytes } = tensor;
      return { dtype: dtypeOf(tensor), storedDtype: type.name, shape, sizeBytes };
    },
    read: (name) => {
      const tensor = locate(name);
      return readTensor(tensor, dtypeOf(tensor), readRaw(name));
    },
    readRows: (name, first, count) => {
      const tensor = locate(name);
      const part = { ...tensor, shape: tensor.shape.with(0, count) };
      return readTensor(part, dtypeOf(tensor), readRowBytes(file, tensor, { first, count }));
    },
    readRaw,
    close: () => {
      file.close();
    },
  };
}

/** Names, with `{layer}`, of which two layers are stored in different formats. */
function findMixed(tensors: readonly GgufTensor[]): ReadonlySet<string> {
  const types = new Map<string, string>();
  const mixed = new Set<string>();
  for (const { name, type } of tensors) {
    const common = layerless(name);
    if ((types.get(common) ?? type.name) !== type.name) mixed.add(common);
    types.set(common, type.name);
  }
  return mixed;
}

function layerless(name: string): string {
  return name.replace(/^blk\.\d+\./, "blk.{layer}.");
}

/** What a tensor would be if it stood alone; undefined when its format cannot be read. */
function ownDType({ type, shape }: GgufTensor): WeightDType | undefined {
  const group = groups[type.name];
  if (group !== undefined && shape.length === 2) return group;
  return floats[type.name] ?? (Object.hasOwn(blockReaders, type.name) ? "f32" : undefined);
}

function readTensor(
  { name, type, shape }: GgufTensor,
  dtype: WeightDType | undefined,
  bytes: Uint8Array,
): TensorValue | QuantizedValue {
  invariant(dtype !== undefined, `tensor ${name} is stored as ${type.name}`);
  if (dtype === "q8_0" || dtype === "q4_0") {
    const quantized = typeOfWeight(dtype, shape);
    invariant(quantized.kind === "quantized", "codes are of a quantized type");
    return readGroups(dtype, quantized, bytes);
  }
  const stored = floats[type.name];
  const data = stored === undefined ? dequantizeBlocks(type, bytes) : widenFloats(stored, bytes);
  return { kind: "tensor", dtype, shape, data };
}
