/**
 * Runs a selected program by the meanings of its kernels: what the plan computes if every kernel keeps its
 * word.
 */

import { at, invariant } from "../../base/index.js";
import type {
  DimEnv,
  Registry,
  SelectedFunction,
  SelectedOperand,
  SelectedProgram,
  SelectedScenario,
  Value,
  ValueType,
} from "../../ir/index.js";
import { concreteType, evaluateTerm, requireFunction, tensorValue, valueInfo } from "../../ir/index.js";
import type { Module } from "../../ir/index.js";

export interface SelectedRun {
  readonly module: Module;
  readonly program: SelectedProgram;
  readonly registry: Registry;
  readonly weights: (name: string, type: ValueType) => Value;
  readonly dims: DimEnv;
}

/** The results of `step`. Throws `RangeError` when a wrong program reads outside its operands. */
export function runSelected(
  run: SelectedRun,
  scenario: SelectedScenario,
  inputs: readonly Value[],
): readonly Value[] {
  return new Running(run, scenario).call("step", inputs, undefined);
}

/** One call of a function: its nodes so far, its parameters, and the layer that it is run for. */
interface Frame {
  readonly made: readonly Value[];
  readonly named: ReadonlyMap<string, Value>;
  readonly layer: number | undefined;
}

class Running {
  readonly #run: SelectedRun;
  readonly #scenario: SelectedScenario;
  readonly #constants = new Map<string, Value>();

  constructor(run: SelectedRun, scenario: SelectedScenario) {
    this.#run = run;
    this.#scenario = scenario;
  }

  call(name: string, args: readonly Value[], layer: number | undefined): readonly Value[] {
    const selected = this.#scenario.functions.find(({ func }) => func.name === name);
    invariant(selected !== undefined, "every function of the module was selected");
    const { func, nodes, results } = selected;
    const params = func.params.map((param, i) => [valueInfo(func, param).name, at(args, i)] as const);
    const named = new Map<string, Value>(params);
    const made: Value[] = [];
    const read = (operand: SelectedOperand): Value => this.#read(operand, { made, named, layer });
    const runLayers = (): void => this.#runLayers(selected, { made, named, layer });
    nodes.forEach(({ kernel, operands, attrs, type }, i) => {
      if (selected.carried.some(({ after }) => after === i)) runLayers();
      const record = this.#run.registry.require(kernel);
      made.push(record.evaluate(operands.map(read), attrs, concreteType(type, this.#run.dims)));
    });
    if (selected.carried.some(({ after }) => after === nodes.length)) runLayers();
    return results.map(read);
  }

  #runLayers(
    { func, carried }: SelectedFunction,
    { made, named, layer }: Frame & { readonly named: Map<string, Value> },
  ): void {
    const operations = func.operations.filter((operation) => operation.kind === "layers");
    operations.forEach((operation, i) => {
      const isDone = operation.results.every((each) => named.has(valueInfo(func, each).name));
      const { operands, after } = at(carried, i);
      if (isDone || after !== made.length) return;
      const body = requireFunction(this.#run.module, operation.body);
      let values = operands.map((each) => this.#read(each, { made, named, layer }));
      const fixed = operation.invariants.map((each) => named.get(valueInfo(func, each).name));
      invariant(fixed.every((each) => each !== undefined), "an invariant is a parameter of the step");
      for (let own = operation.first; own < operation.first + operation.count; own++) {
        values = [...this.call(body.name, [tensorValue("i32", [], [own]), ...values, ...fixed], own)];
      }
      operation.results.forEach((each, k) => named.set(valueInfo(func, each).name, at(values, k)));
    });
  }

  #read(operand: SelectedOperand, { made, named, layer }: Frame): Value {
    if (operand.kind === "node") return at(made, operand.index);
    if (operand.kind === "constant") return this.#constant(operand.index, layer);
    const value = named.get(operand.name);
    invariant(value !== undefined, `%${operand.name} is made before it is read`);
    return value;
  }

  #constant(index: number, layer: number | undefined): Value {
    const { term, perLayer } = at(this.#run.program.constants, index);
    const key = `${index} ${perLayer ? layer : ""}`;
    const known = this.#constants.get(key);
    if (known !== undefined) return known;
    const { registry, weights, dims } = this.#run;
    const own = perLayer && layer !== undefined ? { layer } : {};
    const value = evaluateTerm(term, { registry, weights, dims, ...own });
    this.#constants.set(key, value);
    return value;
  }
}
