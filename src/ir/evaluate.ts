/**
 * The reference evaluator: runs a function operation by operation, each as its record's `evaluate` says. It
 * defines what a module means, and it is the executor where no compiled one can be had. Symbolic dimensions
 * get their values from the arguments. Values are freed after their last use; a cache that nothing reads
 * later is updated in place; what depends on weights alone is computed once (`ConstantCache`).
 */

import { assertNever, at, invariant } from "../base/index.js";
import type { Attrs } from "./attrs.js";
import { bindDims } from "./bind-dims.js";
import type { Func, LayersOperation, Module, OpOperation, ValueId } from "./graph.js";
import { requireFunction, valueType } from "./graph.js";
import { hasTrait } from "./op.js";
import type { Registry } from "./registry.js";
import type { DimEnv, ValueType } from "./types.js";
import { concreteType } from "./types.js";
import type { TensorValue, Value, KvCacheValue } from "./values.js";
import { tensorValue } from "./values.js";

/** Constant subterms that were evaluated before; valid as long as module and weights are the same. */
export interface ConstantCache {
  readonly values: Map<string, Value>;
}

export function createConstantCache(): ConstantCache {
  return { values: new Map() };
}

export interface EvaluationContext {
  readonly registry: Registry;
  /** A weight of the model, by the name in its file. */
  readonly weights: (name: string, type: ValueType) => Value;
  /** Dimensions that no argument binds. */
  readonly dims?: DimEnv;
  /** What `{layer}` in the name of a weight stands for. */
  readonly layer?: number;
  /** Shared by evaluations of one module with the same weights. */
  readonly constants?: ConstantCache;
  /** The caller gives its arguments away: a cache among them may be updated in place. */
  readonly ownsArguments?: boolean;
}

/** Evaluates a function. Throws `RangeError` when its arguments disagree or lead outside the cache. */
export function evaluateFunc(
  module: Module,
  func: Func,
  args: readonly Value[],
  context: EvaluationContext,
): readonly Value[] {
  invariant(args.length === func.params.length, `@${func.name} takes ${func.params.length} arguments`);
  const dims = { ...context.dims, ...bindDims(func, args) };
  const run = new FunctionRun(module, func, {
    ...context,
    dims,
    constants: context.constants ?? createConstantCache(),
  });
  func.params.forEach((param, i) => run.bind(param, at(args, i), context.ownsArguments === true));
  return run.finish();
}

/** Evaluates a function without parameters that returns one value: a constant subterm. */
export function evaluateTerm(func: Func, context: EvaluationContext): Value {
  return at(evaluateFunc({ functions: [func] }, func, [], context), 0);
}

/** Runs the step of a module on the arguments that `stepInputs` builds. */
export function evaluateStep(
  module: Module,
  inputs: readonly Value[],
  context: EvaluationContext,
): { readonly logits: TensorValue; readonly cache: KvCacheValue } {
  const [logits, cache] = evaluateFunc(module, requireFunction(module, "step"), inputs, context);
  invariant(logits?.kind === "tensor" && cache?.kind === "kv_cache", "@step returns logits and the cache");
  return { logits, cache };
}

type FullContext = EvaluationContext & { readonly dims: DimEnv; readonly constants: ConstantCache };

/**
 * One run of one function. Invariant: `#values` holds what is defined and still read later; `#owned` are
 * those among them that nobody else holds.
 */
class FunctionRun {
  readonly #module: Module;
  readonly #func: Func;
  readonly #context: FullContext;
  readonly #values = new Map<ValueId, Value>();
  readonly #owned = new Set<ValueId>();
  /** The operation that reads a value last; results of the function are read at the end. */
  readonly #lastUse: ReadonlyMap<ValueId, number>;
  /** Operations whose results depend on weights alone, by result. */
  readonly #constants: ReadonlyMap<ValueId, OpOperation>;

  constructor(module: Module, func: Func, context: FullContext) {
    this.#module = module;
    this.#func = func;
    this.#context = context;
    this.#lastUse = lastUses(func);
    this.#constants = constantOperations(func, context.registry);
  }

  bind(value: ValueId, given: Value, isOwned: boolean): void {
    this.#values.set(value, given);
    if (isOwned) this.#owned.add(value);
  }

  finish(): readonly Value[] {
    this.#func.operations.forEach((operation, i) => {
      switch (operation.kind) {
        case "op":
          // Constant operations run when one that is not constant reads them.
          if (!this.#constants.has(operation.results[0])) this.#runOp(operation, i);
          break;
        case "layers":
          this.#runLayers(operation, i);
          break;
        default:
          assertNever(operation);
      }
      this.#free(i);
    });
    return this.#func.results.map((each) => this.#read(each));
  }

  #runOp(operation: OpOperation, position: number): void {
    const [result] = operation.results;
    const record = this.#context.registry.require(operation.op);
    const operands = operation.operands.map((each) => this.#read(each));
    const type = concreteType(valueType(this.#func, result), this.#context.dims);
    const [first] = operation.operands;
    const inPlace =
      record.evaluateInPlace !== undefined &&
      first !== undefined &&
      this.#mayOverwrite(first, operation.operands, position);
    const evaluate = inPlace ? record.evaluateInPlace : record.evaluate;
    // A view shares its operand's memory, but only caches are ever overwritten and they have no views.
    this.bind(result, evaluate(operands, operation.attrs, type), true);
  }

  /** Whether a value dies here, is nobody else's, and is read once by this operation. */
  #mayOverwrite(value: ValueId, operands: readonly ValueId[], position: number): boolean {
    const reads = operands.filter((each) => each === value).length;
    return this.#owned.has(value) && this.#lastUse.get(value) === position && reads === 1;
  }

  #runLayers(operation: LayersOperation, position: number): void {
    const body = requireFunction(this.#module, operation.body);
    const reads = [...operation.carried, ...operation.invariants];
    let owns = operation.carried.every(
      (each) => this.#isTensor(each) || this.#mayOverwrite(each, reads, position),
    );
    let carried = operation.carried.map((each) => this.#read(each));
    const invariants = operation.invariants.map((each) => this.#read(each));
    for (let layer = operation.first; layer < operation.first + operation.count; layer++) {
      const number = tensorValue("i32", [], [layer]);
      const context = { ...this.#context, layer, ownsArguments: owns };
      carried = [...evaluateFunc(this.#module, body, [number, ...carried, ...invariants], context)];
      // What a layer returns was made by it, or was its own argument: it belongs to this loop from then on,
      // unless the very first arguments were borrowed and came back untouched.
      owns = owns || carried.every((each, i) => each !== this.#values.get(at(operation.carried, i)));
    }
    operation.results.forEach((each, i) => this.bind(each, at(carried, i), owns));
  }

  #isTensor(value: ValueId): boolean {
    return valueType(this.#func, value).kind === "tensor";
  }

  #read(value: ValueId): Value {
    const found = this.#values.get(value) ?? this.#constant(value);
    invariant(found !== undefined, `@${this.#func.name} defines its value ${value} before it reads it`);
    return found;
  }

  /** A constant that is read by the function's proper operations is kept; those it is made from are not. */
  #constant(value: ValueId): Value | undefined {
    const operation = this.#constants.get(value);
    if (operation === undefined) return undefined;
    const { values } = this.#context.constants;
    const key = `${this.#func.name}/${value}/${this.#context.layer ?? ""}`;
    const known = values.get(key) ?? this.#evaluateConstant(operation);
    values.set(key, known);
    return known;
  }

  #evaluateConstant({ op, operands, attrs, results: [result] }: OpOperation): Value {
    const type = concreteType(valueType(this.#func, result), this.#context.dims);
    if (op === "weight") return this.#context.weights(weightName(attrs, this.#context.layer), type);
    const made = operands.map((each) => this.#evaluateConstant(this.#requireConstant(each)));
    return this.#context.registry.require(op).evaluate(made, attrs, type);
  }

  #requireConstant(value: ValueId): OpOperation {
    const operation = this.#constants.get(value);
    invariant(operation !== undefined, `the value ${value} is constant`);
    return operation;
  }

  #free(position: number): void {
    for (const value of this.#values.keys()) {
      if ((this.#lastUse.get(value) ?? -1) <= position) this.#values.delete(value);
    }
  }
}

/** The name of a weight in its file: in a layer's function `{layer}` is the layer's number. */
export function weightName({ name }: Attrs, layer: number | undefined): string {
  invariant(typeof name === "string", "a weight has a name");
  return layer === undefined ? name : name.replaceAll("{layer}", String(layer));
}

function lastUses(func: Func): ReadonlyMap<ValueId, number> {
  const uses = new Map<ValueId, number>();
  func.operations.forEach((operation, i) => {
    const read =
      operation.kind === "op" ? operation.operands : [...operation.carried, ...operation.invariants];
    for (const value of read) uses.set(value, i);
  });
  for (const value of func.results) uses.set(value, Infinity);
  return uses;
}

/** A tensor of symbolic size differs from step to step: it is no constant even if one number fills it. */
function constantOperations(func: Func, registry: Registry): ReadonlyMap<ValueId, OpOperation> {
  const constants = new Map<ValueId, OpOperation>();
  for (const operation of func.operations) {
    if (operation.kind !== "op") continue;
    const [result] = operation.results;
    const type = valueType(func, result);
    const isFixed = type.kind !== "tensor" || type.shape.every((dim) => typeof dim === "number");
    const { operands } = operation;
    const isLeaf = operands.length === 0 && hasTrait(registry.require(operation.op), "constant");
    const isTerm = operands.length > 0 && operands.every((each) => constants.has(each));
    if (isFixed && (isLeaf || isTerm)) constants.set(result, operation);
  }
  return constants;
}
