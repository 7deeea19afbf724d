/**
 * The tensors of a GGUF file as a weight source. Matrices of integers stay codes and scales in the format of
 * the file.
 */

import type { RandomAccessFile } from "../../base/index.js";
import { invariant } from "../../base/index.js";
import type { FloatDType, QuantizedValue, TensorValue } from "../../ir/index.js";
import type { WeightDType, WeightSource } from "../weights.js";
import { readRowBytes } from "../weights.js";
import { widenFloats } from "../widen.js";
import { codeFormat, dequantizeBlocks, readCodes } from "./block-codes.js";
import type { GgufHeader, GgufTensor } from "./read-header.js";

const floats: Readonly<Record<string, FloatDType>> = { F32: "f32", F16: "f16", BF16: "bf16" };

/** Owns the file. */
export function createGgufWeights(file: RandomAccessFile, { tensors }: GgufHeader): WeightSource {
  const locate = (name: string): GgufTensor => {
    const tensor = tensors.get(name);
    invariant(tensor !== undefined, `the file has no tensor ${name}`);
    return tensor;
  };
  const readRaw = (name: string): Uint8Array => {
    const { offsetBytes, sizeBytes } = locate(name);
    return file.read(offsetBytes, sizeBytes);
  };
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
      return readTensor(tensor, readRaw(name));
    },
    readRows: (name, first, count) => {
      const tensor = locate(name);
      const part = { ...tensor, shape: tensor.shape.with(0, count) };
      return readTensor(part, readRowBytes(file, tensor, { first, count }));
    },
    readRaw,
    close: () => {
      file.close();
    },
  };
}

/** Undefined when the format cannot be read. Codes that make no matrix are widened. */
function dtypeOf({ type, shape }: GgufTensor): WeightDType | undefined {
  if (codeFormat(type.name) === undefined) return floats[type.name];
  return shape.length === 2 ? (type.name.toLowerCase() as WeightDType) : "f32";
}

function readTensor({ type, shape }: GgufTensor, bytes: Uint8Array): TensorValue | QuantizedValue {
  const format = codeFormat(type.name);
  if (format !== undefined && shape.length === 2) return readCodes(format, shape, bytes);
  if (format !== undefined) return { kind: "tensor", dtype: "f32", shape, data: dequantizeBlocks(format, bytes) };
  const dtype = floats[type.name];
  invariant(dtype !== undefined, `a tensor is stored as ${type.name}`);
  return { kind: "tensor", dtype, shape, data: widenFloats(dtype, bytes) };
}
