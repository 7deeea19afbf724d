/**
 * Plans one function of one scenario: the order of its calls, the lifetime of every value, and a place
 * for each. A result is computed straight into the place where the caller wants it whenever nothing
 * still reads what stood there; otherwise it is copied at the end.
 */

import { invariant } from "../base/index.js";
import type { DimEnv, SelectedFunction, SelectedNode, SelectedOperand } from "../ir/index.js";
import { typeBytes } from "../ir/index.js";
import type { BufferRequest } from "./place-buffers.js";
import { placeBuffers } from "./place-buffers.js";
import type { Call, PlannedValue, Storage, WeightEntry } from "./plan.js";

export interface FunctionContext {
  readonly dims: DimEnv;
  readonly weights: readonly WeightEntry[];
  /** Where the arena of this function begins. */
  readonly arenaStart: number;
  /** Parameters, by value name. */
  readonly values: ReadonlyMap<string, PlannedValue>;
  /** Where the caller wants the results; undefined for the cache, which stays where it is. */
  readonly wanted: readonly (Storage | undefined)[];
  /** The name of the planned function that runs a layer body. */
  readonly bodyName: (body: string) => string;
}

export interface PlannedFunction {
  readonly calls: readonly Call[];
  readonly arenaEnd: number;
  /** For each `layers` operation: the values carried in, where they stay. */
  readonly carried: readonly (readonly PlannedValue[])[];
  /** Values by name, results of `layers` operations included. */
  readonly values: ReadonlyMap<string, PlannedValue>;
}

type Step =
  { readonly kind: "node"; readonly index: number } | { readonly kind: "layers"; readonly index: number };

export function planFunction(selected: SelectedFunction, context: FunctionContext): PlannedFunction {
  return new FunctionPlanner(selected, context).run();
}

/** Invariant: after `#place`, every node that is not a view has a storage. */
class FunctionPlanner {
  readonly #selected: SelectedFunction;
  readonly #context: FunctionContext;
  readonly #steps: readonly Step[];
  readonly #storage = new Map<number, Storage>();
  readonly #values: Map<string, PlannedValue>;
  #arenaEnd: number;

  constructor(selected: SelectedFunction, context: FunctionContext) {
    this.#selected = selected;
    this.#context = context;
    this.#steps = orderSteps(selected);
    this.#values = new Map(context.values);
    this.#arenaEnd = context.arenaStart;
  }

  run(): PlannedFunction {
    const copies = this.#settleResults();
    this.#place();
    this.#nameLayerResults();
    const calls: Call[] = this.#steps.map((step) => this.#call(step));
    for (const { operand, storage } of copies) {
      const from = this.#value(operand);
      calls.push({ kind: "copy", from, to: { ...from, storage } });
    }
    const carried = this.#selected.carried.map(({ operands }) => operands.map((each) => this.#value(each)));
    return { calls, arenaEnd: this.#arenaEnd, carried, values: this.#values };
  }

  /** Gives result nodes the wanted storage where that is safe; returns what must be copied instead. */
  #settleResults(): readonly { readonly operand: SelectedOperand; readonly storage: Storage }[] {
    return this.#selected.results.flatMap((operand, i) => {
      const storage = this.#context.wanted[i];
      if (storage === undefined) return [];
      const root = this.#root(operand);
      if (root.kind === "value" && sameStorage(this.#values.get(root.name)?.storage, storage)) return [];
      if (root.kind === "node" && !this.#storage.has(root.index) && this.#isFree(storage, root.index)) {
        this.#storage.set(root.index, storage);
        return [];
      }
      return [{ operand, storage }];
    });
  }

  /** True when no call at or after the one that makes `node` reads the value that now lives in `storage`. */
  #isFree(storage: Storage, node: number): boolean {
    const made = this.#position(node);
    return this.#steps.every(
      (step, position) =>
        position < made ||
        this.#reads(step).every((operand) => {
          const root = this.#root(operand);
          return root.kind !== "value" || !sameStorage(this.#values.get(root.name)?.storage, storage);
        }),
    );
  }

  #place(): void {
    const waiting = this.#selected.nodes.flatMap((node, index) => {
      if (node.view || this.#storage.has(index)) return [];
      if (node.type.kind !== "kv_cache") return [index];
      this.#storage.set(index, { kind: "cache" });
      return [];
    });
    const requests = waiting.map((index) => this.#request(index));
    const { offsets, totalBytes } = placeBuffers(requests);
    waiting.forEach((index, i) => {
      this.#storage.set(index, { kind: "arena", offsetBytes: this.#context.arenaStart + offsets[i]! });
    });
    this.#arenaEnd = this.#context.arenaStart + totalBytes;
  }

  #request(index: number): BufferRequest {
    const from = this.#position(index);
    const isThis = (operand: SelectedOperand): boolean => {
      const root = this.#root(operand);
      return root.kind === "node" && root.index === index;
    };
    let to = from;
    this.#steps.forEach((step, position) => {
      if (this.#reads(step).some(isThis)) to = Math.max(to, position);
    });
    // What layers carry stays in place while they run and is theirs afterwards, to the end.
    const carried = this.#selected.carried.some(({ operands }) => operands.some(isThis));
    if (carried || this.#selected.results.some(isThis)) to = this.#steps.length;
    return { sizeBytes: typeBytes(this.#selected.nodes[index]!.type, this.#context.dims), from, to };
  }

  #nameLayerResults(): void {
    const operations = this.#selected.func.operations.filter((operation) => operation.kind === "layers");
    operations.forEach((operation, i) => {
      operation.results.forEach((result, k) => {
        const carried = this.#selected.carried[i]?.operands[k];
        invariant(carried !== undefined, "layers return what they carry");
        const { name, type } = this.#selected.func.values[result]!;
        this.#values.set(name, { name, type, storage: this.#value(carried).storage });
      });
    });
  }

  #call(step: Step): Call {
    if (step.kind === "layers") {
      const operation = this.#selected.func.operations.filter((each) => each.kind === "layers")[step.index];
      invariant(operation !== undefined, "the step names a layers operation");
      const { body, first, count } = operation;
      return { kind: "layers", body: this.#context.bodyName(body), first, count };
    }
    const node = this.#node(step.index);
    return {
      kind: "kernel",
      kernel: node.kernel,
      operands: node.operands.map((operand) => this.#value(operand)),
      attrs: node.attrs,
      result: this.#value({ kind: "node", index: step.index }),
      rules: node.rules,
      predictedNs: node.predictedNs,
    };
  }

  #reads(step: Step): readonly SelectedOperand[] {
    if (step.kind === "layers") return this.#selected.carried[step.index]!.operands;
    return this.#node(step.index).operands;
  }

  #position(node: number): number {
    return this.#steps.findIndex((step) => step.kind === "node" && step.index === node);
  }

  #node(index: number): SelectedNode {
    return this.#selected.nodes[index]!;
  }

  /** The operand whose bytes these are: views are followed to what they show. */
  #root(operand: SelectedOperand): SelectedOperand {
    if (operand.kind !== "node") return operand;
    const node = this.#node(operand.index);
    return node.view ? this.#root(node.operands[0]!) : operand;
  }

  #value(operand: SelectedOperand): PlannedValue {
    switch (operand.kind) {
      case "value": {
        const value = this.#values.get(operand.name);
        invariant(value !== undefined, `the value ${operand.name} has a place`);
        return value;
      }
      case "constant": {
        const { name, type } = this.#context.weights[operand.index]!;
        return { name, type, storage: { kind: "weight", index: operand.index } };
      }
      case "node": {
        const { name, type } = this.#node(operand.index);
        return { name, type, storage: this.#storageOf(this.#root(operand)) };
      }
    }
  }

  #storageOf(root: SelectedOperand): Storage {
    if (root.kind !== "node") return this.#value(root).storage;
    const storage = this.#storage.get(root.index);
    invariant(storage !== undefined, "every node has a place");
    return storage;
  }
}

/** Nodes in order, each `layers` operation after the nodes that it needs. */
function orderSteps({ nodes, carried }: SelectedFunction): readonly Step[] {
  const steps: Step[] = [];
  const layersAt = (position: number): void => {
    carried.forEach(({ after }, index) => {
      if (after === position) steps.push({ kind: "layers", index });
    });
  };
  nodes.forEach((node, index) => {
    layersAt(index);
    if (!node.view) steps.push({ kind: "node", index });
  });
  layersAt(nodes.length);
  return steps;
}

function sameStorage(a: Storage | undefined, b: Storage): boolean {
  return a !== undefined && JSON.stringify(a) === JSON.stringify(b);
}
