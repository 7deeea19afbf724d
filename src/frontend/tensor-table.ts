/**
 * The tensors that an architecture expects, checked against a weight source. Weights of repeated layers
 * are named with `{layer}` in place of the number; all layers must agree in shape. Neighbouring layers that
 * agree in format too are one range, for which one function stands.
 */

import { invariant } from "../base/index.js";
import type { Diagnostic } from "../diagnostics/index.js";
import { didYouMean, diagnostic, DiagnosticError } from "../diagnostics/index.js";
import type { FloatDType, QuantizedType, TensorType } from "../ir/index.js";
import { sameType, tensor } from "../ir/index.js";
import { codeFormat, codesType } from "./gguf/block-codes.js";
import type { WeightDType, WeightSource } from "./weights.js";

export interface ExpectedTensor {
  /** With `{layer}` where it exists once a layer. */
  readonly name: string;
  readonly shape: readonly number[];
}

export type WeightType = TensorType | QuantizedType;

/** The type of each expected weight, by its name with `{layer}`. */
export type WeightTypes = ReadonlyMap<string, WeightType>;

/** Faults shown at once: a wrong configuration makes every tensor wrong. */
const faultLimit = 20;

/** Neighbouring layers whose weights are of the same types, and those, with the ones of no layer. */
export interface LayerRange {
  readonly first: number;
  readonly count: number;
  readonly types: WeightTypes;
}

/** The types where there are no weights: all in one format. */
export function assumeWeightTypes(
  expected: readonly ExpectedTensor[],
  count: number,
  dtype: FloatDType,
): readonly LayerRange[] {
  const types = new Map(expected.map(({ name, shape }) => [name, tensor(dtype, ...shape)]));
  return [{ first: 0, count, types }];
}

/** Types of existing weights, range by range. Throws `DiagnosticError` with up to twenty faults. */
export function checkWeightTypes(
  expected: readonly ExpectedTensor[],
  layers: number,
  weights: WeightSource,
): readonly LayerRange[] {
  const faults: Diagnostic[] = [];
  const common = new Map<string, WeightType>();
  const own = Array.from({ length: layers }, () => new Map<string, WeightType>());
  for (const { name, shape } of expected) {
    const places = name.includes("{layer}") ? own : [common];
    places.forEach((types, layer) => {
      const dtype = checkTensor({ name: name.replaceAll("{layer}", String(layer)), shape }, weights, faults);
      if (dtype !== undefined) types.set(name, typeOfWeight(dtype, shape));
      if (faults.length >= faultLimit) throw new DiagnosticError(...faults);
    });
  }
  if (faults.length > 0) throw new DiagnosticError(...faults);
  return rangesOf(own).map((range) => ({ ...range, types: new Map([...common, ...range.types]) }));
}

/** Of each layer's own types, the runs that are alike. */
function rangesOf(layers: readonly WeightTypes[]): readonly LayerRange[] {
  const ranges: LayerRange[] = [];
  layers.forEach((types, layer) => {
    const last = ranges.at(-1);
    const isMore = last !== undefined && areAlike(last.types, types);
    if (isMore) ranges[ranges.length - 1] = { ...last, count: last.count + 1 };
    else ranges.push({ first: layer, count: 1, types });
  });
  return ranges;
}

function areAlike(left: WeightTypes, right: WeightTypes): boolean {
  return [...left].every(([name, type]) => sameType(type, weightType(right, name)));
}

export function weightType(types: WeightTypes, name: string): WeightType {
  const type = types.get(name);
  invariant(type !== undefined, `the weight ${name} was not checked`);
  return type;
}

/** The type that a stored tensor has in the graph: a matrix [out, in] of codes stands there as [in, out]. */
export function typeOfWeight(dtype: WeightDType, shape: readonly number[]): WeightType {
  const format = codeFormat(dtype.toUpperCase());
  return format === undefined ? tensor(dtype as FloatDType, ...shape) : codesType(format, shape);
}

function checkTensor(
  { name, shape }: ExpectedTensor,
  weights: WeightSource,
  faults: Diagnostic[],
): WeightDType | undefined {
  if (!weights.has(name)) {
    const suggestion = didYouMean(name, weights.names);
    faults.push(
      diagnostic("model/missing-tensor", `the weights have no tensor \`${name}\``, {
        at: weights.location,
        hint: suggestion ?? "the configuration and the weights may be of different models",
      }),
    );
    return undefined;
  }
  const { dtype, storedDtype, shape: found } = weights.info(name);
  if (found.length !== shape.length || found.some((dim, i) => dim !== shape[i])) {
    const message = `tensor \`${name}\` has the shape [${found.join(", ")}]; the configuration implies [${shape.join(", ")}]`;
    faults.push(diagnostic("model/wrong-shape", message, { at: weights.location }));
  }
  if (dtype === undefined) {
    faults.push(
      diagnostic("model/unsupported-dtype", `tensor \`${name}\` is stored as ${storedDtype}`, {
        at: weights.location,
        hint: "weights must be stored as F32, F16 or BF16, in GGUF files also as Q8_0, Q4_0, Q4_1, Q5_0, Q5_1 or Q2_K to Q6_K",
      }),
    );
  }
  return dtype;
}
