/**
 * One extraction problem for all scenarios. Every class that depends on activations stands once for each
 * scenario; a class of constants stands once for all, with the bytes of its packed form as its price.
 * Minimising the sum therefore shares packed weights between decode and prefill by itself, and a layout
 * that suits one and ruins the other loses.
 *
 *   value(scenario, region, class)   a kernel's result in one scenario
 *   packed(class)                    a constant that a kernel reads: bytes × price of a byte
 *   term(class)                      how that constant is computed when weights are packed: almost free
 */

import { invariant } from "../base/index.js";
import type { EClassId, EGraph, ENodeId, ExtractionNode, ExtractionProblem } from "../egraph-ts/index.js";
import { typeBytes } from "../ir/index.js";
import type { Facts, NodePayload } from "../rules/index.js";
import type { Region } from "./ingest.js";
import type { Pricing, Use } from "./price.js";
import { isView, LOOPS_PREFIX, priceUse } from "./price.js";
import type { Scenario } from "./scenarios.js";

/** Packing happens once: its price only decides between equal forms, the one of fewer steps winning. */
const PACK_STEP_NS = 1e-4;
/** A view is free; the crumb keeps extraction from stacking views. */
const VIEW_NS = 1e-3;

/** What a class of the problem stands for. */
export type ProblemClass =
  | { readonly kind: "value"; readonly cls: EClassId; readonly scenario: number; readonly region: number }
  | { readonly kind: "packed"; readonly cls: EClassId }
  | { readonly kind: "term"; readonly cls: EClassId };

export interface ProblemNode extends ExtractionNode {
  /** The e-node, but for the node of a `packed` class. */
  readonly enode: ENodeId | undefined;
  /** Time of one call at the scenario's extents, without scenario weight and layer count. */
  readonly callNs: number;
}

export interface ProgramProblem extends ExtractionProblem {
  readonly nodes: readonly ProblemNode[];
  readonly classes: readonly ProblemClass[];
  readonly nodesOfClass: readonly (readonly number[])[];
  indexOf(what: ProblemClass): number | undefined;
}

export interface ProblemInput {
  readonly graph: EGraph<Facts>;
  readonly regions: readonly Region[];
  readonly scenarios: readonly Scenario[];
  readonly pricing: Pricing;
  /** Price of one byte of packed weights. */
  readonly byteNs: number;
  /** Classes of constants that differ from layer to layer. */
  readonly perLayer: ReadonlySet<EClassId>;
}

export function buildProblem(input: ProblemInput): ProgramProblem {
  const builder = new ProblemBuilder(input);
  const roots = input.scenarios.flatMap((_, scenario) =>
    input.regions.flatMap((region, r) =>
      [...region.results, ...region.carried.flat()].map((cls) => builder.root(cls, scenario, r)),
    ),
  );
  return builder.finish([...new Set(roots)]);
}

function keyOf(what: ProblemClass): string {
  return what.kind === "value" ? `v${what.scenario}.${what.region}.${what.cls}` : `${what.kind}${what.cls}`;
}

/** Invariant: every class in `#classes` before `#done` has all its nodes in `#nodes`. */
class ProblemBuilder {
  readonly #input: ProblemInput;
  readonly #index = new Map<string, number>();
  readonly #classes: ProblemClass[] = [];
  readonly #nodes: ProblemNode[] = [];
  readonly #nodesOfClass: number[][] = [];

  constructor(input: ProblemInput) {
    this.#input = input;
  }

  root(cls: EClassId, scenario: number, region: number): number {
    return this.#operand(cls, { scenario, region });
  }

  finish(roots: readonly number[]): ProgramProblem {
    for (let done = 0; done < this.#classes.length; done++) this.#expand(done);
    const index = this.#index;
    return {
      nodes: this.#nodes,
      classCount: this.#classes.length,
      classes: this.#classes,
      nodesOfClass: this.#nodesOfClass,
      roots,
      indexOf: (what) => index.get(keyOf(what)),
    };
  }

  /** The problem class for reading a class in a scenario: packed when it is a constant. */
  #operand(cls: EClassId, where: { readonly scenario: number; readonly region: number }): number {
    const canonical = this.#input.graph.find(cls);
    const { constant } = this.#input.graph.data(canonical);
    if (constant) return this.#class({ kind: "packed", cls: canonical });
    const { scenario, region } = where;
    return this.#class({ kind: "value", cls: canonical, scenario, region });
  }

  #class(what: ProblemClass): number {
    const key = keyOf(what);
    const known = this.#index.get(key);
    if (known !== undefined) return known;
    this.#index.set(key, this.#classes.length);
    this.#nodesOfClass.push([]);
    return this.#classes.push(what) - 1;
  }

  #node(classIndex: number, node: Omit<ProblemNode, "classIndex">): void {
    this.#nodesOfClass[classIndex]!.push(this.#nodes.push({ classIndex, ...node }) - 1);
  }

  #expand(classIndex: number): void {
    const what = this.#classes[classIndex]!;
    switch (what.kind) {
      case "value":
        for (const enode of this.#input.graph.nodesOf(what.cls)) this.#value(classIndex, what, enode);
        return;
      case "packed":
        this.#packed(classIndex, what.cls);
        return;
      case "term":
        for (const enode of this.#input.graph.nodesOf(what.cls)) this.#term(classIndex, enode);
    }
  }

  #value(classIndex: number, what: ProblemClass & { kind: "value" }, enode: ENodeId): void {
    const { graph, pricing, scenarios, regions } = this.#input;
    if (graph.isSubsumed(enode)) return;
    const use = useOf(graph, enode);
    const scenario = scenarios[what.scenario];
    const region = regions[what.region];
    invariant(scenario !== undefined && region !== undefined, "a value belongs to a scenario and a region");
    const callNs = this.#callNs(use, scenario, pricing);
    if (callNs === undefined) return;
    const children = graph.nodeChildren(enode).map((child) => this.#operand(child, what));
    const cost = callNs * scenario.weight * region.instances;
    this.#node(classIndex, { children: [...new Set(children)], cost, enode, callNs });
  }

  #callNs(use: Use, scenario: Scenario, pricing: Pricing): number | undefined {
    if (use.op === "param") return 0;
    if (isView(pricing.target.registry.require(use.op))) return VIEW_NS;
    return priceUse(pricing, use, scenario.dims)?.timeNs;
  }

  #packed(classIndex: number, cls: EClassId): void {
    const { graph, byteNs, perLayer, regions } = this.#input;
    const copies = perLayer.has(cls) ? Math.max(...regions.map((region) => region.instances)) : 1;
    const cost = typeBytes(graph.data(cls).type) * copies * byteNs;
    const term = this.#class({ kind: "term", cls });
    this.#node(classIndex, { children: [term], cost, enode: undefined, callNs: 0 });
  }

  #term(classIndex: number, enode: ENodeId): void {
    const { graph } = this.#input;
    const op = graph.labelOp(graph.nodeLabel(enode));
    if (op.startsWith(LOOPS_PREFIX) || op === "param") return;
    const children = graph.nodeChildren(enode).map((child) => graph.find(child));
    if (!children.every((child) => graph.data(child).constant)) return;
    const terms = children.map((child) => this.#class({ kind: "term", cls: child }));
    this.#node(classIndex, { children: [...new Set(terms)], cost: PACK_STEP_NS, enode, callNs: 0 });
  }
}

/** An e-node with the types of its operands. */
export function useOf(graph: EGraph<Facts>, enode: ENodeId): Use {
  const label = graph.nodeLabel(enode);
  const facts = graph.nodeChildren(enode).map((child) => graph.data(child));
  return {
    op: graph.labelOp(label),
    attrs: (graph.labelPayload(label) as NodePayload).attrs,
    operands: facts.map(({ type }) => type),
    constant: facts.map(({ constant }) => constant),
    result: graph.data(graph.nodeClass(enode)).type,
  };
}

/** Constants whose every form reads a weight of the layer: they exist once a layer. */
export function perLayerConstants(graph: EGraph<Facts>): ReadonlySet<EClassId> {
  const shared = new Set<EClassId>();
  const isShared = (enode: ENodeId): boolean => {
    const payload = graph.labelPayload(graph.nodeLabel(enode)) as NodePayload;
    const name = graph.labelOp(graph.nodeLabel(enode)) === "weight" ? payload.attrs["name"] : undefined;
    if (typeof name === "string" && name.includes("{layer}")) return false;
    return graph.nodeChildren(enode).every((child) => shared.has(graph.find(child)));
  };
  const constants = [...graph.classes()].filter((cls) => graph.data(cls).constant);
  for (let before = -1; before < shared.size;) {
    before = shared.size;
    for (const cls of constants) {
      if (!shared.has(cls) && [...graph.nodesOf(cls)].some(isShared)) shared.add(cls);
    }
  }
  return new Set(constants.filter((cls) => !shared.has(cls)));
}
