/**
 * Random well-typed uses of ops, for checking rules by machine. A draft fills in what a request leaves open;
 * `defineCoreOp` keeps only drafts that honour the whole request and that type inference accepts, so that
 * a draft may guess where exact reasoning would be long.
 */

import type { Random } from "../../base/index.js";
import type { AttrSpec, Attrs, AttrValue } from "../attrs.js";
import { attrsKey } from "../attrs.js";
import type { Drawn, DrawRequest, OpRecord, TypedOpRecord } from "../op.js";
import { defineOp, hasTrait, IllTyped } from "../op.js";
import { inferType } from "../registry.js";
import type { Dim, DType, FloatDType, KvCacheType, QuantizedType, TensorType, ValueType } from "../types.js";
import { sameType } from "../types.js";
import type { Bindings, Signature } from "./signature.js";
import { bindType, newBindings, typeOfPattern } from "./signature.js";

export type Draft = (random: Random, request: DrawRequest) => Drawn | undefined;

/** How often a draft is tried before a request counts as impossible. */
const ATTEMPTS = 6;

/** `defineOp`, with `draw` wrapped so that what it returns always honours the request. */
export function defineCoreOp<const Name extends string, const Spec extends AttrSpec>(
  record: TypedOpRecord<Name, Spec>,
): OpRecord & { readonly name: Name } {
  const { draw } = record;
  const op = defineOp(record);
  return draw === undefined
    ? op
    : { ...op, draw: (random, request) => firstFitting(op, draw, random, request) };
}

function firstFitting(op: OpRecord, draft: Draft, random: Random, request: DrawRequest): Drawn | undefined {
  // Where nothing is open, trying again shows nothing new.
  const isOpen =
    hasTrait(op, "typed") ||
    request.operands.includes(undefined) ||
    Object.keys(op.attrs).some((name) => !(name in request.attrs));
  const attempts = isOpen ? ATTEMPTS : 1;
  for (let attempt = 0; attempt < attempts; attempt++) {
    const drawn = draft(random, request);
    if (drawn !== undefined && fits(op, drawn, request)) return drawn;
  }
  return undefined;
}

function fits(op: OpRecord, drawn: Drawn, request: DrawRequest): boolean {
  if (!request.operands.every((type, i) => type === undefined || sameType(type, drawn.operands[i] ?? type)))
    return false;
  const kept = { ...drawn.attrs, ...request.attrs } as Attrs;
  if (attrsKey(kept) !== attrsKey(drawn.attrs)) return false;
  try {
    const result = inferType(op, drawn.operands, drawn.attrs, drawn.result);
    return request.result === undefined || sameType(request.result, result);
  } catch (error) {
    if (error instanceof IllTyped) return false;
    throw error;
  }
}

export function pick<T>(random: Random, choices: readonly T[]): T {
  return choices[random.below(choices.length)]!;
}

/** Small extents, odd ones and 1 included. */
export function drawExtent(random: Random): number {
  return pick(random, [1, 2, 2, 3, 3, 4, 4, 5, 6, 8]);
}

export function drawShape(random: Random, rank?: number): number[] {
  return Array.from({ length: rank ?? pick(random, [1, 2, 2, 2, 3, 3]) }, () => drawExtent(random));
}

/** Mostly f32, which activations are. */
export function drawFloat(random: Random): FloatDType {
  return pick(random, ["f32", "f32", "f32", "f32", "f32", "f32", "f16", "bf16"]);
}

/** An attribute that the request fixes, or a fresh one. */
export function attrOr<T extends AttrValue>({ attrs }: DrawRequest, name: string, choose: () => T): T {
  const fixed = attrs[name];
  return fixed === undefined ? choose() : (fixed as T);
}

/** A tensor type with concrete dimensions, or undefined. */
export function knownTensor(
  type: ValueType | undefined,
): (TensorType & { readonly shape: readonly number[] }) | undefined {
  if (type?.kind !== "tensor" || !type.shape.every((dim) => typeof dim === "number")) return undefined;
  return type as TensorType & { readonly shape: readonly number[] };
}

export function tensorType(dtype: DType, shape: readonly Dim[]): TensorType {
  return { kind: "tensor", dtype, shape };
}

/** A random divisor of a positive number. */
export function divisorOf(random: Random, value: number): number {
  return pick(
    random,
    Array.from({ length: value }, (_, i) => i + 1).filter((each) => value % each === 0),
  );
}

/** Extents by name, as a draft sees them: undefined while open. */
export type Extents = Record<string, number | undefined>;

export interface SignatureDraft {
  /** Settles extents that depend on each other, before the others are chosen freely. */
  readonly relate?: (extents: Extents, random: Random, request: DrawRequest) => void;
  /** Chooses the attributes once every operand is known. */
  readonly attrs?: (random: Random, request: DrawRequest) => Attrs;
  /** The type of a quantized operand that is free. */
  readonly quantized?: (extents: Extents, random: Random) => QuantizedType | undefined;
}

/** A draft for an op with a signature: unify with what is known, relate, fill in the rest. */
export function draftBySignature(types: Signature, options: SignatureDraft = {}): Draft {
  return (random, request) => {
    const bindings = bindKnown(types, request);
    if (bindings === undefined) return undefined;
    const extents: Extents = Object.fromEntries(bindings.dims) as Extents;
    options.relate?.(extents, random, request);
    fillIn(types, bindings, extents, random);
    bindings.cache ??= drawCache(extents, random);
    const quantized = bindings.quantized ?? options.quantized?.(extents, random);
    if (quantized !== undefined) bindings.quantized = quantized;
    else if (types.operands.some(({ form }) => form === "quantized")) return undefined;
    const operands = types.operands.map(
      (pattern, i) => request.operands[i] ?? typeOfPattern(pattern, bindings),
    );
    return { operands, attrs: { ...request.attrs, ...options.attrs?.(random, request) } as Attrs };
  };
}

/** Unifies with the known types; undefined when they disagree or are not concrete. */
function bindKnown(types: Signature, { operands, result }: DrawRequest): Bindings | undefined {
  const bindings = newBindings();
  try {
    operands.forEach((type, i) => {
      const pattern = types.operands[i];
      if (type !== undefined && pattern !== undefined) bindType("draw", pattern, type, bindings);
    });
    if (result !== undefined) bindType("draw", types.result, result, bindings);
  } catch (error) {
    if (error instanceof IllTyped) return undefined;
    throw error;
  }
  return [...bindings.dims.values()].every((dim) => typeof dim === "number") ? bindings : undefined;
}

function fillIn(types: Signature, bindings: Bindings, extents: Extents, random: Random): void {
  for (const name of [...types.operands, types.result].flatMap((pattern) => pattern.shape)) {
    if (name !== "...") extents[name] ??= drawExtent(random);
  }
  for (const [name, extent] of Object.entries(extents))
    if (extent !== undefined) bindings.dims.set(name, extent);
  bindings.dtype ??= drawFloat(random);
  bindings.leading ??= pick(random, [[drawExtent(random)], [drawExtent(random)], [], drawShape(random, 2)]);
}

function drawCache({ G = 1, D = 1 }: Extents, random: Random): KvCacheType {
  const [layers, blockSize] = [1 + random.below(3), pick(random, [1, 2, 4])];
  return {
    kind: "kv_cache",
    layers,
    blockSize,
    heads: G,
    headDim: D,
    dtype: pick(random, ["f32", "f32", "f16"]),
  };
}

/** Makes `many` a multiple of `one`, choosing whichever is open. */
export function relateMultiple(extents: Extents, many: string, one: string, random: Random): void {
  const whole = extents[many];
  extents[one] ??= whole === undefined ? pick(random, [1, 2, 3]) : divisorOf(random, whole);
  extents[many] ??= extents[one] * pick(random, [1, 2, 2, 3]);
}

/** Makes `double` twice `single`, choosing whichever is open. */
export function relateDouble(extents: Extents, double: string, single: string, random: Random): void {
  const whole = extents[double];
  extents[single] ??= whole === undefined ? drawExtent(random) : Math.ceil(whole / 2);
  extents[double] ??= extents[single] * 2;
}
