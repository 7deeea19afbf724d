/**
 * Computes every packed constant and writes the weight file: constant by constant and layer by layer, so
 * that memory is bounded by the largest constant and not by the model. Measures what quantization cost.
 */

import { invariant } from "../base/index.js";
import type { Diagnostic, Result } from "../diagnostics/index.js";
import { diagnostic, failure, success } from "../diagnostics/index.js";
import type { WeightSource } from "../frontend/index.js";
import type {
  Func,
  QuantizedValue,
  Registry,
  SelectedConstant,
  TensorValue,
  Value,
  ValueId,
} from "../ir/index.js";
import { serializeValue, valueType, weightName } from "../ir/index.js";
import type { ProgramPlan, WeightEntry } from "../plan/index.js";

/** Writes bytes at an offset of the file that is being made. */
export type WriteAt = (offsetBytes: number, bytes: Uint8Array) => void;

export interface PackInput {
  readonly plan: ProgramPlan;
  readonly constants: readonly SelectedConstant[];
  readonly registry: Registry;
  readonly weights: WeightSource;
  readonly writeAt: WriteAt;
  readonly onEntry?: ((done: number, total: number) => void) | undefined;
}

/** What rounding to small integers did to one matrix. */
export interface QuantizationError {
  readonly name: string;
  readonly layer: number | undefined;
  readonly bits: number;
  /** Root mean square of the error over root mean square of the matrix. */
  readonly relativeError: number;
}

export interface PackReport {
  readonly quantization: readonly QuantizationError[];
}

export function packWeights(input: PackInput): Result<PackReport> {
  const { plan, constants } = input;
  const total = plan.weights.entries.reduce((sum, { layers }) => sum + (layers?.count ?? 1), 0);
  const quantization: QuantizationError[] = [];
  let done = 0;
  for (const [i, entry] of plan.weights.entries.entries()) {
    const { first, count } = entry.layers ?? { first: 0, count: 1 };
    for (let copy = 0; copy < count; copy++) {
      const layer = entry.scope === "layer" ? first + copy : undefined;
      const packed = computeConstant(input, constants[i]!.term, layer);
      const bad = packed.nonFinite;
      if (bad !== undefined) return failure(nonFinite(bad, layer));
      quantization.push(...packed.errors.map((error) => ({ name: entry.name, layer, ...error })));
      write(input, entry, { copy, value: packed.value });
      input.onEntry?.(++done, total);
    }
  }
  return success({ quantization });
}

function write(
  input: PackInput,
  entry: WeightEntry,
  { copy, value }: { readonly copy: number; readonly value: Value },
): void {
  const bytes = serializeValue(value);
  invariant(
    bytes.length === entry.sizeBytes,
    `${entry.name} takes ${entry.sizeBytes} bytes, made ${bytes.length}`,
  );
  input.writeAt(entry.offsetBytes + copy * entry.strideBytes, bytes);
}

interface Computed {
  readonly value: Value;
  readonly errors: readonly { readonly bits: number; readonly relativeError: number }[];
  /** The name of a weight with a value that is not finite. */
  readonly nonFinite: string | undefined;
}

/** Evaluates a term over the weights of one layer. */
function computeConstant({ registry, weights }: PackInput, term: Func, layer: number | undefined): Computed {
  const values = new Map<ValueId, Value>();
  const errors: Computed["errors"][number][] = [];
  let nonFinite: string | undefined;
  const read = (id: ValueId): Value => {
    const value = values.get(id);
    invariant(value !== undefined, "a term is in execution order");
    return value;
  };
  for (const operation of term.operations) {
    invariant(operation.kind === "op", "a constant runs no layers");
    const { op, attrs } = operation;
    const operands = operation.operands.map(read);
    const [result] = operation.results;
    if (op === "weight") {
      const name = weightName(attrs, layer);
      const value = weights.read(name);
      if (!isFinite(value)) nonFinite = name;
      values.set(result, value);
      continue;
    }
    const value = registry.require(op).evaluate(operands, attrs, valueType(term, result));
    if (op === "quantize" && value.kind === "quantized") errors.push(quantizationError(operands[0], value));
    values.set(result, value);
  }
  return { value: read(term.results[0]!), errors, nonFinite };
}

/** A product of a code and a finite scale is finite. */
function isFinite(value: TensorValue | QuantizedValue): boolean {
  const data = value.kind === "quantized" ? value.scales : value.data;
  for (let i = 0; i < data.length; i++) {
    if (!Number.isFinite(data[i])) return false;
  }
  return true;
}

function nonFinite(name: string, layer: number | undefined): Diagnostic {
  return diagnostic("plan/non-finite-weight", "a weight is infinite or not a number", {
    at: layer === undefined ? name : `${name}, layer ${layer}`,
    hint: "the model file is damaged, or the training that wrote it diverged",
  });
}

/** Compares the codes with the matrix that they stand for. */
function quantizationError(
  source: Value | undefined,
  { type, codes, scales }: QuantizedValue,
): { readonly bits: number; readonly relativeError: number } {
  invariant(source?.kind === "tensor", "quantize reads a tensor");
  const [, columns] = type.shape;
  let errorSquares = 0;
  let squares = 0;
  for (let i = 0; i < codes.length; i++) {
    const group = Math.floor(i / columns / type.group);
    const back = codes[i]! * scales[group * columns + (i % columns)]!;
    const weight = source.data[i]!;
    errorSquares += (back - weight) ** 2;
    squares += weight ** 2;
  }
  return { bits: type.bits, relativeError: squares === 0 ? 0 : Math.sqrt(errorSquares / squares) };
}
