/**
 * Brings a module into an e-graph. Each function becomes a region: its parameters are `param` leaves,
 * its results are roots. A `layers` operation cuts the function in two: what it carries in are roots,
 * what it returns are leaves. A layer body is one region, whatever the number of layers.
 */

import { invariant } from "../base/index.js";
import type { EClassId, EGraph } from "../egraph-ts/index.js";
import type { Func, LayersOperation, Module, Registry, ValueId } from "../ir/index.js";
import { hasTrait, valueInfo, valueType } from "../ir/index.js";
import type { Facts, NodePayload } from "../rules/index.js";
import { payloadKey } from "../rules/index.js";

export interface Region {
  readonly func: Func;
  /** How often one step runs it. */
  readonly instances: number;
  /** For a layer body: the layers it serves. */
  readonly layers: { readonly first: number; readonly count: number } | undefined;
  readonly results: readonly EClassId[];
  /** For each `layers` operation: the classes it carries in. */
  readonly carried: readonly (readonly EClassId[])[];
  /** Names of original values by class, for people. */
  readonly names: ReadonlyMap<EClassId, string>;
}

/** A leaf's name in the e-graph: unique over the functions of a module. */
export function paramName(func: Func, value: ValueId): string {
  return `${func.name}.${valueInfo(func, value).name}`;
}

/** Adds every function that `step` reaches. The graph must be clean afterwards: call `rebuild`. */
export function ingestModule(graph: EGraph<Facts>, module: Module, registry: Registry): readonly Region[] {
  return module.functions.map((func) => ingestFunction({ graph, module, registry }, func));
}

interface Ingest {
  readonly graph: EGraph<Facts>;
  readonly module: Module;
  readonly registry: Registry;
}

function ingestFunction(ingest: Ingest, func: Func): Region {
  const classes = new Map<ValueId, EClassId>();
  const names = new Map<EClassId, string>();
  const carried: EClassId[][] = [];
  const classOf = (value: ValueId): EClassId => {
    const cls = classes.get(value);
    invariant(cls !== undefined, `@${func.name} uses a value before it is made`);
    return cls;
  };
  const bind = (value: ValueId, cls: EClassId): void => {
    classes.set(value, cls);
    if (!names.has(cls)) names.set(cls, valueInfo(func, value).name);
  };
  for (const param of func.params) bind(param, addLeaf(ingest, func, param));
  for (const operation of func.operations) {
    if (operation.kind === "layers") {
      carried.push(operation.carried.map(classOf));
      for (const result of operation.results) bind(result, addLeaf(ingest, func, result));
    } else {
      const [result] = operation.results;
      const record = ingest.registry.require(operation.op);
      const payload: NodePayload = hasTrait(record, "typed")
        ? { attrs: operation.attrs, type: valueType(func, result) }
        : { attrs: operation.attrs };
      bind(result, addNode(ingest.graph, operation.op, payload, operation.operands.map(classOf)));
    }
  }
  const range = rangeOf(ingest.module, func);
  return { func, ...range, results: func.results.map(classOf), carried, names };
}

function addLeaf({ graph }: Ingest, func: Func, value: ValueId): EClassId {
  const payload = { attrs: { name: paramName(func, value) }, type: valueType(func, value) };
  return addNode(graph, "param", payload, []);
}

export function addNode(
  graph: EGraph<Facts>,
  op: string,
  payload: NodePayload,
  children: readonly EClassId[],
): EClassId {
  return graph.add(graph.label(op, payload, payloadKey(payload)), children);
}

/** The layers that run a function: one range for each body, by construction of the importers. */
function rangeOf(module: Module, func: Func): Pick<Region, "instances" | "layers"> {
  const uses = module.functions.flatMap((each) => each.operations.filter((op) => isRunOf(op, func)));
  const [use] = uses;
  if (use === undefined) return { instances: 1, layers: undefined };
  invariant(uses.length === 1, `@${func.name} is the body of one range of layers`);
  return { instances: use.count, layers: { first: use.first, count: use.count } };
}

function isRunOf(operation: Func["operations"][number], func: Func): operation is LayersOperation {
  return operation.kind === "layers" && operation.body === func.name;
}
