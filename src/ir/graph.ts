/**
 * Modules: functions of operations in single-assignment form, in execution order. Every operation has
 * one result, but for `layers`, which runs another function once for each layer: repeated layers of
 * equal structure are one function, whatever the depth.
 */

import { invariant } from "../base/index.js";
import type { Attrs } from "./attrs.js";
import type { Registry } from "./registry.js";
import { inferType } from "./registry.js";
import type { ValueType } from "./types.js";
import { sameType } from "./types.js";

/** A value of one function: an index into `Func.values`. */
export type ValueId = number & { readonly __id: "Value" };

export interface ValueInfo {
  readonly type: ValueType;
  /** A name for people; unique in the function, without `%`. */
  readonly name: string;
}

/** An application of a registered op. */
export interface OpOperation {
  readonly kind: "op";
  readonly op: string;
  readonly operands: readonly ValueId[];
  readonly attrs: Attrs;
  readonly results: readonly [ValueId];
}

/**
 * Runs `body` for layer 0 … count-1. The body's parameters are the layer's number (a scalar i32), the
 * carried values, then the invariant ones; its results are the carried values of the next layer.
 * Weights in the body are named with `{layer}` in place of the number.
 */
export interface LayersOperation {
  readonly kind: "layers";
  readonly body: string;
  /** The number of the first layer, so that several groups of layers can follow each other. */
  readonly first: number;
  readonly count: number;
  readonly carried: readonly ValueId[];
  readonly invariants: readonly ValueId[];
  readonly results: readonly ValueId[];
}

export type Operation = OpOperation | LayersOperation;

export interface Func {
  readonly name: string;
  readonly params: readonly ValueId[];
  readonly operations: readonly Operation[];
  readonly results: readonly ValueId[];
  readonly values: readonly ValueInfo[];
}

/** The function that a step of the model runs. */
export const entryName = "step";

export interface Module {
  /** In definition order; a body stands before the function that runs it. The entry is `step`. */
  readonly functions: readonly Func[];
}

export function valueType(func: Func, value: ValueId): ValueType {
  return valueInfo(func, value).type;
}

export function valueInfo(func: Func, value: ValueId): ValueInfo {
  const info = func.values[value];
  invariant(info !== undefined, `@${func.name} has no value ${value}`);
  return info;
}

export function findFunction(module: Module, name: string): Func | undefined {
  return module.functions.find((each) => each.name === name);
}

export function requireFunction(module: Module, name: string): Func {
  const func = findFunction(module, name);
  invariant(func !== undefined, `the module has no function @${name}`);
  return func;
}

/**
 * Builds one function. Invariant: every operand was made by this builder before it is used, so the
 * operations are in execution order. `op` throws `IllTyped` for operands that do not fit.
 */
export class FuncBuilder {
  readonly #registry: Registry;
  readonly #name: string;
  readonly #params: ValueId[] = [];
  readonly #operations: Operation[] = [];
  readonly #values: ValueInfo[] = [];
  readonly #names = new Set<string>();

  constructor(registry: Registry, name: string) {
    this.#registry = registry;
    this.#name = name;
  }

  param(name: string, type: ValueType): ValueId {
    const value = this.#mint(name, type);
    this.#params.push(value);
    return value;
  }

  /** Applies an op. `given` is the result type of a `typed` op, `name` a name for people. */
  op(
    op: string,
    operands: readonly ValueId[],
    attrs: Attrs = {},
    options: { readonly given?: ValueType; readonly name?: string } = {},
  ): ValueId {
    const types = operands.map((each) => this.typeOf(each));
    const type = inferType(this.#registry.require(op), types, attrs, options.given);
    const result = this.#mint(options.name ?? op, type);
    this.#operations.push({ kind: "op", op, operands, attrs, results: [result] });
    return result;
  }

  layers(
    body: Func,
    range: { readonly first: number; readonly count: number },
    carried: readonly ValueId[],
    invariants: readonly ValueId[],
  ): readonly ValueId[] {
    const results = carried.map((each) => this.#mint(this.#values[each]!.name, this.typeOf(each)));
    body.results.forEach((each, i) => {
      invariant(sameType(valueType(body, each), this.typeOf(carried[i]!)), "a layer returns what it carries");
    });
    this.#operations.push({ kind: "layers", body: body.name, ...range, carried, invariants, results });
    return results;
  }

  typeOf(value: ValueId): ValueType {
    const info = this.#values[value];
    invariant(info !== undefined, `value ${value} was not made by this builder`);
    return info.type;
  }

  finish(results: readonly ValueId[]): Func {
    return {
      name: this.#name,
      params: this.#params,
      operations: this.#operations,
      results,
      values: this.#values,
    };
  }

  /** Makes an identifier of any name, and numbers a repeated one: `x`, `x_1`, `x_2`. */
  #mint(wanted: string, type: ValueType): ValueId {
    const base = wanted.replace(/[^A-Za-z0-9_]/g, "_").replace(/^(?![A-Za-z_])/, "_");
    let name = base;
    for (let i = 1; this.#names.has(name); i++) name = `${base}_${i}`;
    this.#names.add(name);
    return (this.#values.push({ type, name }) - 1) as ValueId;
  }
}
