/**
 * The tensors that an architecture expects, checked against a weight source. Weights of repeated layers
 * are named with `{layer}` in place of the number; all layers must agree in shape and format, since one
 * function stands for them all.
 */

import { invariant } from "../base/index.js";
import type { Diagnostic } from "../diagnostics/index.js";
import { didYouMean, diagnostic, DiagnosticError } from "../diagnostics/index.js";
import type { FloatDType, QuantizedType, TensorType } from "../ir/index.js";
import { tensor } from "../ir/index.js";
import { groupElements } from "./gguf/group-codes.js";
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

/** The types where there are no weights: all in one format. */
export function assumeWeightTypes(expected: readonly ExpectedTensor[], dtype: FloatDType): WeightTypes {
  return new Map(expected.map(({ name, shape }) => [name, tensor(dtype, ...shape)]));
}

/** Types of existing weights. Throws `DiagnosticError` with up to twenty faults. */
export function checkWeightTypes(
  expected: readonly ExpectedTensor[],
  layers: number,
  weights: WeightSource,
): WeightTypes {
  const faults: Diagnostic[] = [];
  const types = new Map<string, WeightType>();
  for (const { name, shape } of expected) {
    const dtypes = new Map<WeightDType, string>();
    for (const concrete of concreteNames(name, layers)) {
      const dtype = checkTensor({ name: concrete, shape }, weights, faults);
      if (dtype !== undefined && !dtypes.has(dtype)) dtypes.set(dtype, concrete);
      if (faults.length >= faultLimit) throw new DiagnosticError(...faults);
    }
    if (dtypes.size > 1) faults.push(mixedDtypes(dtypes, weights.location));
    const [first] = dtypes.keys();
    if (first !== undefined) types.set(name, typeOfWeight(first, shape));
  }
  if (faults.length > 0) throw new DiagnosticError(...faults);
  return types;
}

export function weightType(types: WeightTypes, name: string): WeightType {
  const type = types.get(name);
  invariant(type !== undefined, `the weight ${name} was not checked`);
  return type;
}

/** The type that a stored tensor has in the graph: a matrix [out, in] of codes stands there as [in, out]. */
export function typeOfWeight(dtype: WeightDType, shape: readonly number[]): WeightType {
  if (dtype !== "q8_0" && dtype !== "q4_0") return tensor(dtype, ...shape);
  const [rows, columns] = shape;
  invariant(rows !== undefined && columns !== undefined, "codes are stored as matrices");
  const bits = dtype === "q8_0" ? 8 : 4;
  return { kind: "quantized", shape: [columns, rows], bits, group: groupElements, scaleDtype: "f16" };
}

function concreteNames(name: string, layers: number): readonly string[] {
  if (!name.includes("{layer}")) return [name];
  return Array.from({ length: layers }, (_, layer) => name.replaceAll("{layer}", String(layer)));
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

function mixedDtypes(dtypes: ReadonlyMap<WeightDType, string>, at: string): Diagnostic {
  const list = [...dtypes].map(([dtype, name]) => `\`${name}\` is ${dtype}`).join(", ");
  return diagnostic("model/mixed-dtypes", `layers disagree in their number format: ${list}`, {
    at,
    hint: "convert the weights to one format",
  });
}
