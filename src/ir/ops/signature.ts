/**
 * Signatures: the types of an op with fixed ranks, written once as text and used to infer its result and
 * to draw operands for it. For example
 *
 *     x: float[..., D], weight: float[D] -> float[..., D]
 *
 * A capital name is an extent and means the same one wherever it stands; `...` is any number of leading
 * dimensions; `float` is one float dtype; `kv_cache[G, D]` names heads and head size, `quantized[K, N]` the
 * matrix.
 */

import { at, invariant } from "../../base/index.js";
import type { Dim, DType, FloatDType, KvCacheType, QuantizedType, TensorType, ValueType } from "../types.js";
import { isFloat, printType } from "../types.js";
import { printShape, refuse } from "./type-checks.js";

export interface OperandPattern {
  readonly name: string;
  readonly form: DType | "float" | "kv_cache" | "quantized";
  /** Names of extents; the first may be `...`. */
  readonly shape: readonly string[];
}

export interface Signature {
  readonly names: readonly string[];
  readonly operands: readonly OperandPattern[];
  readonly result: OperandPattern;
}

/** What the names of a signature stand for in one use. */
export interface Bindings {
  readonly dims: Map<string, Dim>;
  /** Which operand an extent was first seen in, for messages. */
  readonly seenIn: Map<string, string>;
  leading?: readonly Dim[];
  dtype?: FloatDType;
  cache?: KvCacheType;
  quantized?: QuantizedType;
}

export function signature(text: string): Signature {
  const [left = "", right = ""] = text.split("->");
  const operands = [...left.matchAll(/(\w+):\s*(\w+)\[([^\]]*)\]/g)].map(([, name, form, shape]) =>
    operandPattern(name, form, shape),
  );
  const [, form, shape] = /(\w+)\[([^\]]*)\]/.exec(right) ?? [];
  return {
    names: operands.map((each) => each.name),
    operands,
    result: operandPattern("result", form, shape),
  };
}

function operandPattern(name = "", form = "", shape = ""): OperandPattern {
  const names = shape.split(",").map((each) => each.trim());
  return { name, form: form as OperandPattern["form"], shape: names.filter((each) => each !== "") };
}

export function newBindings(): Bindings {
  return { dims: new Map(), seenIn: new Map() };
}

/** Matches operand types, in order; throws `IllTyped` at the first that does not fit. */
export function bindOperands(op: string, { operands }: Signature, types: readonly ValueType[]): Bindings {
  const bindings = newBindings();
  operands.forEach((pattern, i) => bindType(op, pattern, at(types, i), bindings));
  return bindings;
}

export function bindType(op: string, pattern: OperandPattern, type: ValueType, bindings: Bindings): void {
  switch (pattern.form) {
    case "kv_cache":
      if (type.kind !== "kv_cache") mismatch(op, pattern, type);
      bindings.cache = type;
      bindShape(op, pattern, [type.heads, type.headDim], bindings);
      break;
    case "quantized":
      if (type.kind !== "quantized") mismatch(op, pattern, type);
      bindings.quantized = type;
      bindShape(op, pattern, type.shape, bindings);
      break;
    default:
      if (type.kind !== "tensor") mismatch(op, pattern, type);
      bindDType(op, pattern, type, bindings);
      bindShape(op, pattern, type.shape, bindings);
  }
}

function mismatch(op: string, { name, form, shape }: OperandPattern, type: ValueType): never {
  const wanted = form === "kv_cache" ? "a paged KV cache" : `${form}[${shape.join(", ")}]`;
  return refuse(`\`${op}\` takes ${wanted} as \`${name}\`, found ${printType(type)}`);
}

function bindDType(op: string, pattern: OperandPattern, type: TensorType, bindings: Bindings): void {
  const { dtype } = type;
  if (pattern.form !== "float") {
    if (dtype !== pattern.form) mismatch(op, pattern, type);
    return;
  }
  if (!isFloat(dtype)) mismatch(op, pattern, type);
  bindings.dtype ??= dtype;
  if (bindings.dtype !== dtype) {
    refuse(
      `\`${op}\` takes operands of one dtype, but \`${pattern.name}\` is ${dtype}, not ${bindings.dtype}`,
    );
  }
}

function bindShape(op: string, pattern: OperandPattern, shape: readonly Dim[], bindings: Bindings): void {
  const open = pattern.shape[0] === "...";
  const names = open ? pattern.shape.slice(1) : pattern.shape;
  const lead = shape.length - names.length;
  if (lead < 0 || (!open && lead > 0)) {
    refuse(
      `\`${op}\` takes [${pattern.shape.join(", ")}] as \`${pattern.name}\`, found the shape ${printShape(shape)}`,
    );
  }
  if (open) bindLeading(op, pattern, shape.slice(0, lead), bindings);
  names.forEach((name, i) => bindDim(op, pattern, { name, dim: at(shape, lead + i) }, bindings));
}

function bindLeading(
  op: string,
  { name }: OperandPattern,
  leading: readonly Dim[],
  bindings: Bindings,
): void {
  bindings.leading ??= leading;
  if (printShape(bindings.leading) !== printShape(leading)) {
    refuse(
      `\`${op}\` takes operands of equal leading dimensions, but \`${name}\` has ${printShape(leading)}`,
    );
  }
}

function bindDim(
  op: string,
  pattern: OperandPattern,
  { name, dim }: { readonly name: string; readonly dim: Dim },
  { dims, seenIn }: Bindings,
): void {
  const known = dims.get(name);
  if (known === undefined) {
    dims.set(name, dim);
    seenIn.set(name, pattern.name);
  } else if (known !== dim) {
    refuse(
      `\`${op}\` needs one extent ${name}, found ${known} in \`${seenIn.get(name) ?? ""}\` and ${dim} in \`${pattern.name}\``,
    );
  }
}

export function dimNamed({ dims }: Bindings, name: string): Dim {
  const dim = dims.get(name);
  invariant(dim !== undefined, `the signature binds ${name}`);
  return dim;
}

/** The extent of a name that must be known at compile time. */
export function extentNamed(op: string, bindings: Bindings, name: string): number {
  const dim = dimNamed(bindings, name);
  return typeof dim === "number"
    ? dim
    : refuse(`\`${op}\` needs a number as its extent ${name}, found ${dim}`);
}

/** The type that a pattern means once every name in it is bound. */
export function typeOfPattern({ form, shape }: OperandPattern, bindings: Bindings): ValueType {
  if (form === "kv_cache" || form === "quantized") {
    const known = form === "kv_cache" ? bindings.cache : bindings.quantized;
    invariant(known !== undefined, `the signature binds its ${form}`);
    return known;
  }
  const dtype = form === "float" ? (bindings.dtype ?? "f32") : form;
  const dims = shape.flatMap((name) =>
    name === "..." ? (bindings.leading ?? []) : [dimNamed(bindings, name)],
  );
  return { kind: "tensor", dtype, shape: dims };
}

/** Matches the operands and gives the result's type. */
export function inferBySignature(op: string, given: Signature, types: readonly ValueType[]): ValueType {
  return typeOfPattern(given.result, bindOperands(op, given, types));
}
