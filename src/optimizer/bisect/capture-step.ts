/**
 * One step of a model by the reference evaluator, taken apart: what every parameter of every function was, in
 * the first and in the last layer, and the logits.
 */

import { at, invariant } from "../../base/index.js";
import type { EvaluationContext, Func, LayersOperation, Module, TensorValue, Value, ValueId } from "../../ir/index.js";
import { evaluateFunc, evaluateStep, requireFunction, tensorValue } from "../../ir/index.js";
import { paramName } from "../ingest.js";

/** The parameters of the step and of one body in one of its layers. */
export interface LayerValues {
  readonly layer: number | undefined;
  readonly params: ReadonlyMap<string, Value>;
}

export interface CapturedStep {
  readonly logits: TensorValue;
  readonly cache: Value;
  readonly layers: readonly LayerValues[];
}

export function captureStep(
  module: Module,
  inputs: readonly Value[],
  context: EvaluationContext,
): CapturedStep {
  const step = requireFunction(module, "step");
  const outer = new Map(step.params.map((param, i) => [paramName(step, param), at(inputs, i)]));
  const bodies: LayerValues[] = [];
  step.operations.forEach((operation, i) => {
    if (operation.kind !== "layers") return;
    const run = runLayers({ module, step, inputs, context }, operation, i);
    bodies.push(...run.layers);
    operation.results.forEach((result, k) => outer.set(paramName(step, result), at(run.results, k)));
  });
  const { logits, cache } = evaluateStep(module, inputs, context);
  const layers = bodies.map(({ layer, params }) => ({ layer, params: new Map([...outer, ...params]) }));
  return { logits, cache, layers: layers.length === 0 ? [{ layer: undefined, params: outer }] : layers };
}

interface Parts {
  readonly module: Module;
  readonly step: Func;
  readonly inputs: readonly Value[];
  readonly context: EvaluationContext;
}

function runLayers(
  { module, step, inputs, context }: Parts,
  { body, first, count, carried, invariants }: LayersOperation,
  position: number,
): { readonly layers: readonly LayerValues[]; readonly results: readonly Value[] } {
  const before = upTo(step, position, [...carried, ...invariants]);
  const read = evaluateFunc(module, before, inputs, context);
  const func = requireFunction(module, body);
  const fixed = read.slice(carried.length);
  const layers: LayerValues[] = [];
  let values = read.slice(0, carried.length);
  for (let layer = first; layer < first + count; layer++) {
    const args = [tensorValue("i32", [], [layer]), ...values, ...fixed];
    const isShown = layer === first || layer === first + count - 1;
    const params = func.params.map((param, i) => [paramName(func, param), at(args, i)] as const);
    if (isShown) layers.push({ layer, params: new Map(params) });
    values = [...evaluateFunc(module, func, args, { ...context, layer })];
  }
  return { layers, results: values };
}

/** The function cut off before an operation, giving other values. */
function upTo(func: Func, position: number, results: readonly ValueId[]): Func {
  invariant(position < func.operations.length, "the cut is inside the function");
  return { ...func, operations: func.operations.slice(0, position), results };
}
