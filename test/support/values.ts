// Short ways to write values and to run one op on them.

import type { Attrs, QuantizedValue, TensorData, TensorValue, Value, ValueType } from "../../src/ir/index.js";
import { coreRegistry, inferType, quantizedArrays, quantizedParts, tensor, tensorValue } from "../../src/ir/index.js";

export function f32(shape: readonly number[], ...numbers: readonly number[]): TensorValue {
  return tensorValue("f32", shape, numbers);
}

export function i32(shape: readonly number[], ...numbers: readonly number[]): TensorValue {
  return tensorValue("i32", shape, numbers);
}

export function i1(shape: readonly number[], ...numbers: readonly number[]): TensorValue {
  return tensorValue("i1", shape, numbers);
}

export function typeOf(value: Value): ValueType {
  return value.kind === "tensor" ? tensor(value.dtype, ...value.shape) : value.type;
}

/** Infers and evaluates, as the evaluator does. */
export function apply(op: string, operands: readonly Value[], attrs: Attrs = {}, given?: ValueType): Value {
  const record = coreRegistry.require(op);
  const result = inferType(record, operands.map(typeOf), attrs, given);
  return record.evaluate(operands, attrs, result);
}

export function applyTensor(op: string, operands: readonly Value[], attrs: Attrs = {}): TensorValue {
  const value = apply(op, operands, attrs);
  if (value.kind !== "tensor") throw new Error(`${op} returned a ${value.kind}`);
  return value;
}

/** The numbers of a tensor result. */
export function numbers(op: string, operands: readonly Value[], attrs: Attrs = {}): number[] {
  return Array.from(applyTensor(op, operands, attrs).data);
}

/** The arrays of a quantized matrix under the names of its buffers. */
export function quantizedBuffers(name: string, value: QuantizedValue): Record<string, TensorData> {
  const parts = quantizedParts(value.type);
  return Object.fromEntries(quantizedArrays(value).map((array, i) => [`${name}_${parts[i]!.name}`, array]));
}
