/**
 * A constant term evaluated for some rows or columns of its result. Most packed constants are computed
 * column by column, so that a slice of them reads a slice of the weights: memory stays small whatever the
 * matrix, numbers stay in the cache between one op and the next, and slices can be shared among threads. Ops
 * are evaluated by their records as ever; this file only knows which part of an operand a part of a result
 * needs.
 */

import { at, invariant } from "../base/index.js";
import type { Attrs, Func, OpOperation, Registry, Value, ValueId, ValueType } from "../ir/index.js";
import { hasTrait, typeBytes, valueType } from "../ir/index.js";

/** Rows (axis 0) or columns (axis 1) of a matrix. */
export interface Slice {
  readonly axis: 0 | 1;
  readonly start: number;
  readonly size: number;
}

export interface TermContext {
  readonly registry: Registry;
  /** A weight, or so many of the rows that it is stored in. */
  readonly readWeight: (attrs: Attrs, rows: Slice | undefined) => Value;
  /** Called with every value that an op rounded to codes. */
  readonly onQuantize: (source: Value, result: Value) => void;
}

/** Of a value that is needed whole for each slice. */
const SMALL_BYTES = 2 ** 16;

/** What one operand contributes; all of it without a slice. */
interface Part {
  readonly operand: number;
  readonly slice: Slice | undefined;
}

interface Use {
  readonly attrs: Attrs;
  readonly operands: readonly ValueType[];
  readonly result: ValueType;
}

/** Which parts of its operands an op needs for a slice of its result; undefined when that has no answer. */
type Slicer = (use: Use, slice: Slice) => readonly Part[] | undefined;

const slicers: Readonly<Record<string, Slicer>> = {
  transpose: ({ attrs, operands: [x] }, { axis, ...rest }) => {
    const swaps = x?.kind === "tensor" && x.shape.length === 2 && String(attrs["permutation"]) === "1,0";
    return swaps ? [{ operand: 0, slice: { axis: axis === 0 ? 1 : 0, ...rest } }] : undefined;
  },
  concat: ({ attrs, operands }, slice) =>
    attrs["axis"] === slice.axis ? pieces(operands, slice) : operands.map((_, operand) => ({ operand, slice })),
  concat_quantized: ({ operands }, slice) => (slice.axis === 1 ? pieces(operands, slice) : undefined),
  quantize: columnByColumn,
  dequantize: columnByColumn,
};

/** The matrices of one row or column of matrices that a slice meets. */
function pieces(operands: readonly ValueType[], { axis, start, size }: Slice): readonly Part[] {
  const parts: Part[] = [];
  let first = 0;
  operands.forEach((type, operand) => {
    const extent = extentOf(type, axis);
    const [from, to] = [Math.max(start, first), Math.min(start + size, first + extent)];
    if (from < to) parts.push({ operand, slice: { axis, start: from - first, size: to - from } });
    first += extent;
  });
  return parts;
}

function columnByColumn({ operands }: Use, slice: Slice): readonly Part[] | undefined {
  return slice.axis === 1 ? operands.map((_, operand) => ({ operand, slice })) : undefined;
}

/** Operands of the result's shape are sliced with it; one that is repeated along the axis is needed whole. */
function elementByElement({ operands, result }: Use, slice: Slice): readonly Part[] | undefined {
  const parts = operands.map((type, operand): Part | undefined => {
    if (type.kind !== "tensor" || result.kind !== "tensor" || result.shape.length !== 2) return undefined;
    const own = type.shape.length - 2 + slice.axis;
    if (own < 0 || type.shape[own] === 1) return { operand, slice: undefined };
    return type.shape.length === 2 ? { operand, slice } : undefined;
  });
  return parts.every((part) => part !== undefined) ? parts : undefined;
}

function extentOf(type: ValueType, axis: 0 | 1): number {
  invariant(type.kind !== "kv_cache", "constants are matrices");
  const extent = at(type.shape, axis);
  invariant(typeof extent === "number", "a constant's extents are known");
  return extent;
}

/** Evaluates a result of a term of constants, or a slice of it for which `sliceBytes` has an answer. */
export function evaluateSlice(term: Func, context: TermContext, slice: Slice | undefined): Value {
  return new Evaluation(term, context).value(term.results[0]!, slice);
}

/** Invariant: `#values` holds each value, or slice of one, that was computed, by number and place. */
class Evaluation {
  readonly #term: Func;
  readonly #context: TermContext;
  readonly #values = new Map<string, Value>();

  constructor(term: Func, context: TermContext) {
    this.#term = term;
    this.#context = context;
  }

  value(id: ValueId, slice: Slice | undefined): Value {
    const key = slice === undefined ? `${id}` : `${id}/${slice.axis}/${slice.start}/${slice.size}`;
    const known = this.#values.get(key);
    if (known !== undefined) return known;
    const made = this.#compute(producerOf(this.#term, id), slice);
    this.#values.set(key, made);
    return made;
  }

  #compute(operation: OpOperation, slice: Slice | undefined): Value {
    const { op, attrs } = operation;
    const { registry, readWeight, onQuantize } = this.#context;
    if (op === "weight") return readWeight(attrs, slice);
    const parts = partsOf(this.#term, registry, { operation, slice });
    invariant(parts !== undefined, `\`${op}\` can be evaluated for a slice`);
    const operands = parts.map((part) => this.value(at(operation.operands, part.operand), part.slice));
    const [id] = operation.results;
    const term = this.#term;
    const type = slice === undefined ? valueType(term, id) : sliceType(term, registry, { id, slice });
    invariant(type !== undefined, "a slice has a type");
    const result = registry.require(op).evaluate(operands, attrs, type);
    if (op === "quantize") onQuantize(at(operands, 0), result);
    return result;
  }
}

export function producerOf(term: Func, id: ValueId): OpOperation {
  const found = term.operations.find(({ results }) => results.includes(id));
  invariant(found?.kind === "op", "a term of constants is made of ops");
  return found;
}

interface Application {
  readonly operation: OpOperation;
  readonly slice: Slice | undefined;
}

function partsOf(
  term: Func,
  registry: Registry,
  { operation, slice }: Application,
): readonly Part[] | undefined {
  const { op, attrs, operands, results } = operation;
  if (slice === undefined) return operands.map((_, operand) => ({ operand, slice: undefined }));
  const record = registry.require(op);
  const types = operands.map((id) => valueType(term, id));
  const slicer =
    (Object.hasOwn(slicers, op) ? slicers[op] : undefined) ??
    (hasTrait(record, "elementwise") ? elementByElement : undefined) ??
    (hasTrait(record, "columnwise") ? columnByColumn : undefined);
  return slicer?.({ attrs, operands: types, result: valueType(term, results[0]) }, slice);
}

/** The type of a slice of a value; undefined when slices of weights and small values do not make it. */
export function sliceType(
  term: Func,
  registry: Registry,
  { id, slice }: { readonly id: ValueId; readonly slice: Slice | undefined },
): ValueType | undefined {
  const type = valueType(term, id);
  if (slice === undefined) return isSmall(term, id) ? type : undefined;
  const operation = producerOf(term, id);
  if (operation.op === "weight") return isStoredRows(type, slice) ? resized(type, slice) : undefined;
  const parts = partsOf(term, registry, { operation, slice });
  const operands = parts?.map((part) => {
    return sliceType(term, registry, { id: at(operation.operands, part.operand), slice: part.slice });
  });
  if (!operands?.every((each) => each !== undefined)) return undefined;
  return type.kind === "packed" ? registry.require(operation.op).infer(operands, operation.attrs) : resized(type, slice);
}

/** Every slice computes it anew: a gain may be such a value, but nothing that was made from a matrix. */
function isSmall(term: Func, id: ValueId): boolean {
  const { operands } = producerOf(term, id);
  return typeBytes(valueType(term, id)) <= SMALL_BYTES && operands.every((each) => isSmall(term, each));
}

/** A matrix of floats is stored as it stands, codes the other way round. */
function isStoredRows(type: ValueType, { axis }: Slice): boolean {
  return type.kind === "quantized" ? axis === 1 : type.kind === "tensor" && type.shape.length === 2 && axis === 0;
}

function resized(type: ValueType, { axis, size }: Slice): ValueType | undefined {
  if (type.kind === "tensor") return { ...type, shape: type.shape.with(axis, size) };
  if (type.kind !== "quantized" || axis === 0) return undefined;
  return { ...type, shape: [type.shape[0], size] };
}
