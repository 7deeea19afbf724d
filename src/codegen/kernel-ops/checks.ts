/** Type checks and meanings that kernel ops share. Kernels compute in f32 and read f32 activations. */

import type {
  Attrs, Dim, KvCacheType, OpRecord, PackedType, TensorType, Value, ValueType,
} from "../../ir/index.js";
import { coreRegistry, IllTyped, inferType, printType } from "../../ir/index.js";

export function illTyped(sentence: string): never {
  throw new IllTyped(sentence);
}

/** An f32 tensor of a rank. */
export function requireF32(op: string, type: ValueType | undefined, rank: number): TensorType {
  if (type?.kind === "tensor" && type.dtype === "f32" && type.shape.length === rank) return type;
  return illTyped(`\`${op}\` takes an f32 tensor with ${rank} dimensions, found ${found(type)}`);
}

export function requireIndices(
  op: string,
  type: ValueType | undefined,
  ...shape: readonly (Dim | undefined)[]
): void {
  const fits =
    type?.kind === "tensor" && type.dtype === "i32" && type.shape.length === shape.length &&
    shape.every((dim, i) => dim === undefined || dim === type.shape[i]);
  if (!fits) illTyped(`\`${op}\` takes i32 indices [${shape.map((dim) => dim ?? "?").join(", ")}], found ${found(type)}`);
}

export function requireCache(op: string, type: ValueType | undefined): KvCacheType {
  if (type?.kind === "kv_cache") return type;
  return illTyped(`\`${op}\` takes a paged KV cache, found ${found(type)}`);
}

export function requirePacked(op: string, type: ValueType | undefined): PackedType {
  if (type?.kind === "packed") return type;
  return illTyped(`\`${op}\` takes packed weights, found ${found(type)}`);
}

/** An extent that is printed into the kernel. */
export function requireNumber(op: string, dim: Dim | undefined, what: string): number {
  if (typeof dim === "number") return dim;
  return illTyped(`\`${op}\` needs a number of ${what} that is known at compile time, found ${dim ?? "nothing"}`);
}

/** The frequencies of heads of an even size. */
export function requireFrequencies(op: string, type: ValueType | undefined, headDim: number): void {
  const { shape } = requireF32(op, type, 1);
  if (shape[0] !== headDim / 2) illTyped(`\`${op}\` needs ${headDim / 2} frequencies, found ${found(type)}`);
}

const styles = ["halves", "interleaved"];

export function requireStyle(op: string, style: string): void {
  if (!styles.includes(style)) illTyped(`\`${op}\` knows the styles ${styles.join(", ")}, found "${style}"`);
}

function found(type: ValueType | undefined): string {
  return type === undefined ? "nothing" : printType(type);
}

/** The core op that says what a kernel means. */
export function coreOp(name: string): OpRecord {
  return coreRegistry.require(name);
}

/** Evaluates a core op on values, with its result type inferred from theirs. */
export function meaning(name: string, operands: readonly Value[], attrs: Attrs = {}): Value {
  const record = coreOp(name);
  return record.evaluate(operands, attrs, inferType(record, operands.map(typeOf), attrs));
}

function typeOf(value: Value): ValueType {
  return value.kind === "tensor" ? { kind: "tensor", dtype: value.dtype, shape: value.shape } : value.type;
}

/** Columns first … first+count-1 of a matrix [rows, width], as heads [rows, heads, headDim]. */
export function columnsAsHeads(x: Value, first: number, heads: number, headDim: number): Value {
  const rows = x.kind === "tensor" ? (x.shape[0] ?? 0) : 0;
  const flat = meaning("reshape", [x], { shape: [rows, flatWidth(x)] });
  const columns = meaning("slice", [flat], { axis: 1, start: first, size: heads * headDim });
  return meaning("reshape", [columns], { shape: [rows, heads, headDim] });
}

function flatWidth(x: Value): number {
  return x.kind === "tensor" ? x.shape.slice(1).reduce((count, extent) => count * extent, 1) : 0;
}
