/**
 * The tensors that an architecture expects, checked against a weight source. Weights of repeated layers
 * are named with `{layer}` in place of the number; all layers must agree in shape and format, since one
 * function stands for them all.
 */

import { invariant } from "../base/index.js";
import type { Diagnostic } from "../diagnostics/index.js";
import { didYouMean, diagnostic, DiagnosticError } from "../diagnostics/index.js";
import type { FloatDType, TensorType } from "../ir/index.js";
import { tensor } from "../ir/index.js";
import type { WeightSource } from "./weights.js";

export interface ExpectedTensor {
  /** With `{layer}` where it exists once a layer. */
  readonly name: string;
  readonly shape: readonly number[];
}

/** The type of each expected weight, by its name with `{layer}`. */
export type WeightTypes = ReadonlyMap<string, TensorType>;

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
  const types = new Map<string, TensorType>();
  for (const { name, shape } of expected) {
    const dtypes = new Map<FloatDType, string>();
    for (const concrete of concreteNames(name, layers)) {
      const dtype = checkTensor({ name: concrete, shape }, weights, faults);
      if (dtype !== undefined && !dtypes.has(dtype)) dtypes.set(dtype, concrete);
      if (faults.length >= faultLimit) throw new DiagnosticError(...faults);
    }
    if (dtypes.size > 1) faults.push(mixedDtypes(dtypes, weights.location));
    const [first] = dtypes.keys();
    if (first !== undefined) types.set(name, tensor(first, ...shape));
  }
  if (faults.length > 0) throw new DiagnosticError(...faults);
  return types;
}

export function weightType(types: WeightTypes, name: string): TensorType {
  const type = types.get(name);
  invariant(type !== undefined, `the weight ${name} was not checked`);
  return type;
}

function concreteNames(name: string, layers: number): readonly string[] {
  if (!name.includes("{layer}")) return [name];
  return Array.from({ length: layers }, (_, layer) => name.replaceAll("{layer}", String(layer)));
}

function checkTensor(
  { name, shape }: ExpectedTensor,
  weights: WeightSource,
  faults: Diagnostic[],
): FloatDType | undefined {
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
    const message = `tensor \`${name}\` has the shape [${found.join(", ")}]; \`config.json\` implies [${shape.join(", ")}]`;
    faults.push(diagnostic("model/wrong-shape", message, { at: weights.location }));
  }
  if (dtype === undefined) {
    faults.push(
      diagnostic("model/unsupported-dtype", `tensor \`${name}\` is stored as ${storedDtype}`, {
        at: weights.location,
        hint: "weights must be stored as F32, F16 or BF16",
      }),
    );
  }
  return dtype;
}

function mixedDtypes(dtypes: ReadonlyMap<FloatDType, string>, at: string): Diagnostic {
  const list = [...dtypes].map(([dtype, name]) => `\`${name}\` is ${dtype}`).join(", ");
  return diagnostic("model/mixed-dtypes", `layers disagree in their number format: ${list}`, {
    at,
    hint: "convert the weights to one format",
  });
}
