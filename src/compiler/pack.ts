/**
 * Computes every packed constant and writes the weight file, in slices where a constant allows it: memory is
 * bounded by a slice (some tens of MiB), not by a matrix or the model, and slices are shared among threads.
 * Measures what quantization cost.
 */

import type { QuantizationError } from "../artifacts/index.js";
import { invariant } from "../base/index.js";
import type { Diagnostic, Result } from "../diagnostics/index.js";
import { diagnostic, failure, success } from "../diagnostics/index.js";
import type { WeightSource } from "../frontend/index.js";
import type { Attrs, Func, QuantizedValue, Registry, TensorValue, Value, ValueType } from "../ir/index.js";
import { serializeValue, typeBytes, valueType, weightName } from "../ir/index.js";
import type { ProgramPlan, WeightEntry } from "../plan/index.js";
import type { Slice } from "./evaluate-slice.js";
import { evaluateSlice, producerOf, sliceType } from "./evaluate-slice.js";

/** Writes bytes at an offset of the file that is being made. */
export type WriteAt = (offsetBytes: number, bytes: Uint8Array) => void;

/** What is packed: the layout of the file, and the term of each of its entries. */
export interface PackSource {
  readonly plan: Pick<ProgramPlan, "weights">;
  readonly constants: readonly { readonly term: Func }[];
}

/** What terms are evaluated with. */
export interface PackTools {
  readonly registry: Registry;
  readonly weights: WeightSource;
}

export interface PackInput extends PackSource, PackTools {
  readonly writeAt: WriteAt;
  readonly onPart?: ((done: number, total: number) => void) | undefined;
}

export interface PackReport {
  readonly quantization: readonly QuantizationError[];
}

/** A piece of work: one copy of a constant, or a slice of it. */
export interface PackTask {
  /** Index into the entries of the weight file, and into the constants. */
  readonly entry: number;
  readonly copy: number;
  readonly layer: number | undefined;
  readonly slice: Slice | undefined;
  /** Where its bytes go, in order. */
  readonly runs: readonly Run[];
}

/** Consecutive bytes of the weight file. */
export interface Run {
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

export interface PackedPart {
  readonly bytes: Uint8Array;
  /** One for each `quantize` of the term, in the order of evaluation. */
  readonly errors: readonly SquaredError[];
  /** The name of a weight with a value that is not finite. */
  readonly nonFinite: string | undefined;
}

interface SquaredError {
  readonly bits: number;
  readonly errorSquares: number;
  readonly squares: number;
}

/** Packs on the calling thread. */
export function packWeights(input: PackInput): Result<PackReport> {
  const tasks = packTasks(input, input.registry);
  const collector = new PackCollector(input, tasks);
  for (const [i, task] of tasks.entries()) {
    const fault = collector.add(i, packPart(input, input, task), input.writeAt);
    if (fault !== undefined) return failure(fault);
    input.onPart?.(i + 1, tasks.length);
  }
  return success(collector.report());
}

/** Of a constant that cannot be cut, and is sampled whole. */
const SAMPLE_BYTES = 4 * 2 ** 20;

/**
 * Bytes of the first columns of each constant, in the order of the file: other ones whenever ops, layouts or
 * weights change in a way that shows there.
 */
export function packSamples(input: PackSource & PackTools): readonly Uint8Array[] {
  return input.plan.weights.entries.flatMap((entry, i) => {
    const [{ slice } = { slice: undefined }] = cut(input.constants[i]!.term, input.registry);
    if (slice === undefined && entry.sizeBytes > SAMPLE_BYTES) return [];
    const sample = slice && { ...slice, size: SLICE_COLUMNS };
    const layer = entry.scope === "layer" ? entry.layers?.first : undefined;
    return [packPart(input, input, { entry: i, copy: 0, layer, slice: sample, runs: [] }).bytes];
  });
}

/* ---- Cutting ---- */

/** Slices start at multiples of this many columns: every layout keeps so many together. */
const SLICE_COLUMNS = 64;

/** Elements of a slice: its codes and bytes stay in a core's cache. */
const SLICE_ELEMENTS = 1 << 19;

/** All the work of a weight file, in the order of the file. */
export function packTasks({ plan, constants }: PackSource, registry: Registry): readonly PackTask[] {
  return plan.weights.entries.flatMap((entry, i) => {
    const { first, count } = entry.layers ?? { first: 0, count: 1 };
    const slices = cut(constants[i]!.term, registry);
    return Array.from({ length: count }, (_, copy) => {
      const start = entry.offsetBytes + copy * entry.strideBytes;
      const layer = entry.scope === "layer" ? first + copy : undefined;
      return slices.map(({ slice, runs }) => {
        const placed = runs.map((run) => ({ ...run, offsetBytes: start + run.offsetBytes }));
        return { entry: i, copy, layer, slice, runs: placed };
      });
    }).flat();
  });
}

interface Cut {
  readonly slice: Slice | undefined;
  /** From the start of the constant. */
  readonly runs: readonly Run[];
}

function cut(term: Func, registry: Registry): readonly Cut[] {
  const id = term.results[0]!;
  const type = valueType(term, id);
  const whole = [{ slice: undefined, runs: [{ offsetBytes: 0, sizeBytes: typeBytes(type) }] }];
  // Rows of a tensor and columns of a packed matrix are runs of bytes.
  const axis = type.kind === "packed" ? 1 : 0;
  if (!isMatrix(type)) return whole;
  const [extent, other] = [type.shape[axis], type.shape[1 - axis]!];
  const step = SLICE_COLUMNS * Math.max(1, Math.floor(SLICE_ELEMENTS / other / SLICE_COLUMNS));
  if (extent <= step) return whole;
  const slices = Array.from({ length: Math.ceil(extent / step) }, (_, i): Slice => {
    return { axis, start: i * step, size: Math.min(step, extent - i * step) };
  });
  const parts = slices.map((slice) => {
    const part = sliceType(term, registry, { id, slice });
    return part && runSizes(term, registry, part);
  });
  if (!parts.every((part) => part !== undefined)) return whole;
  const placed = placeRuns(parts);
  return slices.map((slice, i) => ({ slice, runs: placed[i]! }));
}

/** Bytes of the runs that a slice of a term's value, or all of it, consists of. */
function runSizes(term: Func, registry: Registry, type: ValueType): readonly number[] {
  const { runs } = registry.require(producerOf(term, term.results[0]!).op);
  return (type.kind === "packed" ? runs?.(type) : undefined) ?? [typeBytes(type)];
}

/** Where the runs of each slice lie, given sizes: a run of the whole holds those of all slices in order. */
function placeRuns(slices: readonly (readonly number[])[]): readonly (readonly Run[])[] {
  const placed = slices.map((): Run[] => []);
  let offsetBytes = 0;
  for (const run of slices[0]!.keys()) {
    for (const [i, sizes] of slices.entries()) {
      const sizeBytes = sizes[run]!;
      placed[i]!.push({ offsetBytes, sizeBytes });
      offsetBytes += sizeBytes;
    }
  }
  return placed;
}

function isMatrix(type: ValueType): type is ValueType & { readonly shape: readonly [number, number] } {
  if (type.kind !== "packed" && type.kind !== "tensor") return false;
  return type.shape.length === 2 && type.shape.every((extent) => typeof extent === "number");
}

/* ---- Computing ---- */

/** The bytes of one piece. */
export function packPart({ constants }: PackSource, tools: PackTools, task: PackTask): PackedPart {
  const { registry, weights } = tools;
  const errors: SquaredError[] = [];
  let nonFinite: string | undefined;
  const readWeight = (attrs: Attrs, rows: Slice | undefined): Value => {
    const name = weightName(attrs, task.layer);
    const value = rows === undefined ? weights.read(name) : weights.readRows(name, rows.start, rows.size);
    if (!isFinite(value)) nonFinite = name;
    return value;
  };
  const onQuantize = (source: Value, result: Value): void => {
    if (result.kind === "quantized") errors.push(squaredError(source, result));
  };
  const { term } = constants[task.entry]!;
  const value = evaluateSlice(term, { registry, readWeight, onQuantize }, task.slice);
  return { bytes: serializeValue(value), errors, nonFinite };
}

/** A product of a code and a finite scale is finite. */
function isFinite(value: TensorValue | QuantizedValue): boolean {
  const data = value.kind === "quantized" ? value.scales : value.data;
  for (let i = 0; i < data.length; i++) {
    if (!Number.isFinite(data[i])) return false;
  }
  return true;
}

/** Compares the codes with the matrix that they stand for. */
function squaredError(source: Value, { type, codes, scales }: QuantizedValue): SquaredError {
  invariant(source.kind === "tensor", "quantize reads a tensor");
  const [rows, columns] = type.shape;
  let errorSquares = 0;
  let squares = 0;
  for (let row = 0, i = 0; row < rows; row++) {
    const scale = Math.floor(row / type.group) * columns;
    for (let column = 0; column < columns; column++, i++) {
      const weight = source.data[i]!;
      errorSquares += (codes[i]! * scales[scale + column]! - weight) ** 2;
      squares += weight ** 2;
    }
  }
  return { bits: type.bits, errorSquares, squares };
}

/* ---- Collecting ---- */

/** Writes parts as they come, in any order. Invariant: `#errors[i]` belongs to the task i. */
export class PackCollector {
  readonly #entries: readonly WeightEntry[];
  readonly #tasks: readonly PackTask[];
  readonly #errors: (readonly SquaredError[])[];
  #written = 0;

  constructor({ plan }: PackSource, tasks: readonly PackTask[]) {
    this.#entries = plan.weights.entries;
    this.#tasks = tasks;
    this.#errors = tasks.map(() => []);
  }

  /** Gives what is wrong with the part's weights, if anything is. */
  add(index: number, { bytes, errors, nonFinite }: PackedPart, writeAt: WriteAt): Diagnostic | undefined {
    const task = this.#tasks[index]!;
    if (nonFinite !== undefined) return nonFiniteWeight(nonFinite, task.layer);
    const { name } = this.#entries[task.entry]!;
    const sizeBytes = task.runs.reduce((sum, run) => sum + run.sizeBytes, 0);
    invariant(bytes.length === sizeBytes, `${name} takes ${sizeBytes} bytes, made ${bytes.length}`);
    let first = 0;
    for (const run of task.runs) {
      writeAt(run.offsetBytes, bytes.subarray(first, first + run.sizeBytes));
      first += run.sizeBytes;
    }
    this.#errors[index] = errors;
    this.#written += bytes.length;
    return undefined;
  }

  /** After the last part. Sums are taken in the order of the file, whoever computed them first. */
  report(): PackReport {
    const sizes = this.#entries.map(({ sizeBytes, layers }) => sizeBytes * (layers?.count ?? 1));
    const total = sizes.reduce((sum, size) => sum + size, 0);
    invariant(this.#written === total, `the weights take ${total} bytes, ${this.#written} were made`);
    const sums = new Map<string, { name: string; layer: number | undefined; error: SquaredError }>();
    this.#tasks.forEach(({ entry, copy, layer }, i) => {
      this.#errors[i]!.forEach(({ bits, ...own }, k) => {
        const key = `${entry}/${copy}/${k}`;
        const before = sums.get(key)?.error;
        const errorSquares = (before?.errorSquares ?? 0) + own.errorSquares;
        const squares = (before?.squares ?? 0) + own.squares;
        sums.set(key, { name: this.#entries[entry]!.name, layer, error: { bits, errorSquares, squares } });
      });
    });
    return {
      quantization: [...sums.values()].map(({ name, layer, error: { bits, errorSquares, squares } }) => {
        return { name, layer, bits, relativeError: squares === 0 ? 0 : Math.sqrt(errorSquares / squares) };
      }),
    };
  }
}

function nonFiniteWeight(name: string, layer: number | undefined): Diagnostic {
  return diagnostic("plan/non-finite-weight", "a weight is infinite or not a number", {
    at: layer === undefined ? name : `${name}, layer ${layer}`,
    hint: "the model file is damaged, or the training that wrote it diverged",
  });
}
