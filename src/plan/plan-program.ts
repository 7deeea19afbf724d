/**
 * From selected kernels to a plan: every value gets a place, every function its calls. Views cost
 * nothing: a reshaped value is the same bytes under another type.
 */

import { invariant } from "../base/index.js";
import type {
  DimEnv,
  Func,
  KvCacheType,
  LayersOperation,
  Registry,
  SelectedFunction,
  SelectedProgram,
  SelectedScenario,
} from "../ir/index.js";
import { kvBlockBytes } from "../ir/index.js";
import type { PlannedFunction } from "./plan-function.js";
import { planFunction } from "./plan-function.js";
import type { Capacity, FunctionPlan, PlannedValue, ProgramPlan, Storage } from "./plan.js";
import type { WeightLayout } from "./weight-layout.js";
import { layOutWeights } from "./weight-layout.js";

export interface PlanInput {
  readonly model: string;
  readonly target: string;
  readonly ops: Registry;
  readonly vocabulary: number;
  readonly capacity: Capacity;
  readonly cache: KvCacheType;
  readonly selected: SelectedProgram;
}

export function planProgram(input: PlanInput): ProgramPlan {
  const { selected, capacity, cache } = input;
  const weights = layOutWeights(selected.constants);
  const dims = capacityDims(capacity);
  const planned = withoutTwin(selected.scenarios).map((scenario) => {
    const tokens = { T: scenario.maxTokens, R: Math.min(scenario.maxTokens, capacity.rows) };
    return { scenario, ...planScenario(scenario, { ...dims, ...tokens }, weights) };
  });
  return {
    model: input.model,
    target: input.target,
    ops: input.ops,
    vocabulary: input.vocabulary,
    capacity,
    dims,
    functions: planned.flatMap(({ functions }) => functions),
    scenarios: planned.map(({ scenario: { name, maxTokens, predictedNs } }) => {
      return { name, maxTokens, entry: functionName("step", name), predictedNs };
    }),
    weights,
    arenaBytes: Math.max(...planned.map(({ arenaBytes }) => arenaBytes)),
    kv: { type: cache, blockBytes: kvBlockBytes(cache) },
  };
}

/**
 * Without the scenario in the middle, where it came to the same kernels as one beside it: steps of its size
 * run that one's code.
 */
function withoutTwin(scenarios: readonly SelectedScenario[]): readonly SelectedScenario[] {
  const [few, several, many] = scenarios;
  if (few === undefined || several === undefined || many === undefined) return scenarios;
  if (isTwin(several, few)) return [{ ...few, maxTokens: several.maxTokens }, many];
  return isTwin(several, many) ? [few, many] : scenarios;
}

function isTwin(one: SelectedScenario, other: SelectedScenario): boolean {
  return textOfKernels(one) === textOfKernels(other);
}

/** What a scenario runs, without what it is expected to take. */
function textOfKernels({ functions }: SelectedScenario): string {
  const kernels = functions.map(({ nodes, results, carried }) => {
    return [nodes.map(({ kernel, operands, attrs }) => [kernel, operands, attrs]), results, carried];
  });
  // JSON has no infinities.
  return JSON.stringify(kernels, (_, value: unknown) => (typeof value === "number" ? String(value) : value));
}

/** Symbolic dimensions at capacity. */
export function capacityDims(capacity: Capacity): DimEnv {
  return {
    T: capacity.tokens,
    R: capacity.rows,
    S: capacity.sequences,
    C: capacity.sequences * capacity.contextLength,
    B: capacity.blocksPerSequence,
  };
}

function functionName(func: string, scenario: string): string {
  return `${func}_${scenario}`;
}

interface PlannedScenario {
  readonly functions: readonly FunctionPlan[];
  readonly arenaBytes: number;
}

/** Layer functions come first, as C wants them; their buffers lie behind those of the step. */
function planScenario(scenario: SelectedScenario, dims: DimEnv, weights: WeightLayout): PlannedScenario {
  const bodyName = (body: string): string => functionName(body, scenario.name);
  const context = { dims, weights: weights.entries, bodyName };
  const step = requireSelected(scenario, "step");
  const wanted: (Storage | undefined)[] = [{ kind: "output" }, undefined];
  const main = planFunction(step, { ...context, arenaStart: 0, values: stepInputs(step.func), wanted });
  let arenaBytes = main.arenaEnd;
  const bodies = layersOf(step.func).map((operation, i): FunctionPlan => {
    const body = requireSelected(scenario, operation.body);
    const values = bodyInputs(body.func, operation, { step: step.func, main, index: i });
    const results = main.carried[i]!.map(({ type, storage }) =>
      type.kind === "kv_cache" ? undefined : storage,
    );
    const plan = planFunction(body, { ...context, arenaStart: main.arenaEnd, values, wanted: results });
    arenaBytes = Math.max(arenaBytes, plan.arenaEnd);
    return { name: bodyName(operation.body), role: "layer", calls: plan.calls };
  });
  return { functions: [...bodies, { name: bodyName("step"), role: "step", calls: main.calls }], arenaBytes };
}

function requireSelected(scenario: SelectedScenario, name: string): SelectedFunction {
  const found = scenario.functions.find(({ func }) => func.name === name);
  invariant(found !== undefined, `the function @${name} was selected`);
  return found;
}

function layersOf(func: Func): readonly LayersOperation[] {
  return func.operations.filter((operation) => operation.kind === "layers");
}

/** The arrays of the batch, under the names of the step's parameters. */
function stepInputs(step: Func): ReadonlyMap<string, PlannedValue> {
  return new Map(
    step.params.map((param) => {
      const { name, type } = step.values[param]!;
      const storage: Storage = type.kind === "kv_cache" ? { kind: "cache" } : { kind: "input", name };
      return [name, { name, type, storage }] as const;
    }),
  );
}

interface Caller {
  readonly step: Func;
  readonly main: PlannedFunction;
  readonly index: number;
}

/** A body's parameters: the layer's number, what is carried, what stays the same. */
function bodyInputs(
  body: Func,
  operation: LayersOperation,
  { step, main, index }: Caller,
): ReadonlyMap<string, PlannedValue> {
  const invariants = operation.invariants.map((value) => {
    const planned = main.values.get(step.values[value]!.name);
    invariant(planned !== undefined, "layers read only inputs of the step besides what they carry");
    return planned.storage;
  });
  const carried = main.carried[index]!.map(({ storage }) => storage);
  const storages: readonly Storage[] = [{ kind: "layer" }, ...carried, ...invariants];
  return new Map(
    body.params.map((param, i) => {
      const { name, type } = body.values[param]!;
      return [name, { name, type, storage: storages[i]! }] as const;
    }),
  );
}
