/**
 * Reads an extraction back as programs: for each scenario and function the chosen kernels in dependency
 * order, and the constants that they read as functions over weights. The e-graph ends here.
 */

import { invariant } from "../base/index.js";
import type { EClassId, ENodeId, Extraction } from "../egraph-ts/index.js";
import type {
  Func,
  SelectedConstant,
  SelectedFunction,
  SelectedNode,
  SelectedOperand,
  SelectedProgram,
  SelectedScenario,
  ValueId,
} from "../ir/index.js";
import { FuncBuilder } from "../ir/index.js";
import type { NodePayload } from "../rules/index.js";
import type { ProblemInput, ProblemNode, ProgramProblem } from "./extraction-problem.js";
import { useOf } from "./extraction-problem.js";
import type { Region } from "./ingest.js";
import { isView } from "./price.js";
import type { RulePlaces } from "./provenance.js";
import { ruleChain } from "./provenance.js";

export interface SelectionInput extends ProblemInput {
  readonly problem: ProgramProblem;
  readonly extraction: Extraction;
  readonly places: RulePlaces;
}

export interface Selection {
  readonly program: SelectedProgram;
  /** The problem class that each selected node answers. */
  readonly classOf: ReadonlyMap<SelectedNode, number>;
}

export function selectProgram(input: SelectionInput): Selection {
  const tables = { constants: new ConstantTable(input), classOf: new Map<SelectedNode, number>() };
  const scenarios = input.scenarios.map((_, scenario) => selectScenario(input, tables, scenario));
  return { program: { scenarios, constants: tables.constants.rows }, classOf: tables.classOf };
}

/** What all functions of a program share while they are read back. */
interface Tables {
  readonly constants: ConstantTable;
  readonly classOf: Map<SelectedNode, number>;
}

function selectScenario(input: SelectionInput, tables: Tables, scenario: number): SelectedScenario {
  const { name, maxTokens, dims } = input.scenarios[scenario]!;
  const functions = input.regions.map((_, region) =>
    new FunctionSelection(input, tables, { scenario, region }).run(),
  );
  const predictedNs = functions.reduce(
    (sum, { nodes }, region) => sum + timeOf(nodes) * input.regions[region]!.instances,
    0,
  );
  return { name, maxTokens, dims, functions, predictedNs };
}

function timeOf(nodes: readonly SelectedNode[]): number {
  return nodes.reduce((sum, node) => sum + node.predictedNs, 0);
}

/** The chosen node of a problem class. */
export function chosenNode(
  input: Pick<SelectionInput, "problem" | "extraction">,
  classIndex: number,
): ProblemNode {
  const node = input.problem.nodes[input.extraction.choice[classIndex]!];
  invariant(node !== undefined, "extraction chose a node for every class it reaches");
  return node;
}

interface Where {
  readonly scenario: number;
  readonly region: number;
}

/** Invariant: the operands of every node in `#nodes` stand before it. */
class FunctionSelection {
  readonly #input: SelectionInput;
  readonly #tables: Tables;
  readonly #where: Where;
  readonly #region: Region;
  readonly #nodes: SelectedNode[] = [];
  readonly #operands = new Map<EClassId, SelectedOperand>();
  readonly #names: ReadonlyMap<EClassId, string>;
  readonly #taken = new Set<string>();

  constructor(input: SelectionInput, tables: Tables, where: Where) {
    this.#input = input;
    this.#tables = tables;
    this.#where = where;
    this.#region = input.regions[where.region]!;
    this.#names = new Map(
      [...this.#region.names].reverse().map(([cls, name]) => [input.graph.find(cls), name]),
    );
  }

  /** Carried values come first: what a `layers` operation needs is computed before it runs. */
  run(): SelectedFunction {
    const carried = this.#region.carried.map((group) => {
      const operands = group.map((cls) => this.#operand(cls));
      return { operands, after: this.#nodes.length };
    });
    const results = this.#region.results.map((cls) => this.#operand(cls));
    const { func, instances } = this.#region;
    return { func, instances, nodes: this.#nodes, results, carried };
  }

  #operand(cls: EClassId): SelectedOperand {
    const { graph } = this.#input;
    const canonical = graph.find(cls);
    if (graph.data(canonical).constant) {
      return { kind: "constant", index: this.#tables.constants.indexOf(canonical, this.#region) };
    }
    const known = this.#operands.get(canonical);
    if (known !== undefined) return known;
    const operand = this.#select(canonical);
    this.#operands.set(canonical, operand);
    return operand;
  }

  #select(cls: EClassId): SelectedOperand {
    const { graph, problem, pricing } = this.#input;
    const classIndex = problem.indexOf({ kind: "value", cls, ...this.#where });
    invariant(classIndex !== undefined, "a selected class is part of the problem");
    const { enode, callNs } = chosenNode(this.#input, classIndex);
    invariant(enode !== undefined, "a value is the result of an e-node");
    const use = useOf(graph, enode);
    if (use.op === "param") return { kind: "value", name: valueNameOf(this.#region.func, use.attrs["name"]) };
    const operands = graph.nodeChildren(enode).map((child) => this.#operand(child));
    const view = isView(pricing.target.registry.require(use.op));
    const node: SelectedNode = {
      name: this.#name(cls, use.op),
      kernel: use.op,
      view,
      operands,
      attrs: use.attrs,
      type: use.result,
      rules: ruleChain(graph, enode, this.#input.places),
      predictedNs: view ? 0 : callNs,
    };
    this.#tables.classOf.set(node, classIndex);
    return { kind: "node", index: this.#nodes.push(node) - 1 };
  }

  #name(cls: EClassId, op: string): string {
    const base = this.#names.get(cls) ?? op.slice(op.indexOf(".") + 1);
    let name = base;
    for (let i = 1; this.#taken.has(name); i++) name = `${base}_${i}`;
    this.#taken.add(name);
    return name;
  }
}

function valueNameOf(func: Func, name: unknown): string {
  invariant(
    typeof name === "string" && name.startsWith(`${func.name}.`),
    "a leaf belongs to the function that reads it",
  );
  return name.slice(func.name.length + 1);
}

/** Constants that some kernel reads, each once; those of layers once for each range of them. */
class ConstantTable {
  readonly rows: SelectedConstant[] = [];
  readonly #input: SelectionInput;
  /** By class, and by the first layer where it is of layers. */
  readonly #index = new Map<string, number>();
  readonly #names = new Set<string>();

  constructor(input: SelectionInput) {
    this.#input = input;
  }

  indexOf(cls: EClassId, region: Region): number {
    const perLayer = this.#input.perLayer.has(cls);
    const layers = perLayer ? region.layers : undefined;
    const key = `${cls}/${layers?.first ?? ""}`;
    const known = this.#index.get(key);
    if (known !== undefined) return known;
    const name = this.#nameOf(cls);
    const term = this.#term(cls, name);
    const { type } = this.#input.graph.data(cls);
    const index = this.rows.push({ name, type, term, perLayer, layers }) - 1;
    this.#index.set(key, index);
    return index;
  }

  #chosen(cls: EClassId): ENodeId {
    const classIndex = this.#input.problem.indexOf({ kind: "term", cls });
    invariant(classIndex !== undefined, "a constant is part of the problem");
    const { enode } = chosenNode(this.#input, classIndex);
    invariant(enode !== undefined, "a term is an e-node");
    return enode;
  }

  #term(cls: EClassId, name: string): Func {
    const { graph, pricing } = this.#input;
    const builder = new FuncBuilder(pricing.target.registry, name);
    const values = new Map<EClassId, ValueId>();
    const build = (each: EClassId): ValueId => {
      const canonical = graph.find(each);
      const known = values.get(canonical);
      if (known !== undefined) return known;
      const enode = this.#chosen(canonical);
      const label = graph.nodeLabel(enode);
      const payload = graph.labelPayload(label) as NodePayload;
      const operands = graph.nodeChildren(enode).map(build);
      const given = payload.type === undefined ? {} : { given: payload.type };
      const value = builder.op(graph.labelOp(label), operands, payload.attrs, given);
      values.set(canonical, value);
      return value;
    };
    return builder.finish([build(cls)]);
  }

  /** Named for the weights in it: `q_proj_k_proj_v_proj`. */
  #nameOf(cls: EClassId): string {
    const { graph } = this.#input;
    const leaves: string[] = [];
    const seen = new Set<EClassId>();
    const visit = (each: EClassId): void => {
      const canonical = graph.find(each);
      if (seen.has(canonical)) return;
      seen.add(canonical);
      const enode = this.#chosen(canonical);
      const weight = (graph.labelPayload(graph.nodeLabel(enode)) as NodePayload).attrs["name"];
      if (typeof weight === "string") leaves.push(shortName(weight));
      else if (graph.nodeArity(enode) === 0) leaves.push(graph.labelOp(graph.nodeLabel(enode)));
      graph.nodeChildren(enode).forEach(visit);
    };
    visit(cls);
    return this.#unique([...new Set(leaves)].slice(0, 4).join("_"));
  }

  #unique(base: string): string {
    let name = base;
    for (let i = 1; this.#names.has(name); i++) name = `${base}_${i}`;
    this.#names.add(name);
    return name;
  }
}

/** `model.layers.{layer}.self_attn.q_proj.weight` → `q_proj`. */
function shortName(weight: string): string {
  const parts = weight.split(".").filter((part) => part !== "weight");
  return (parts.at(-1) ?? "weight").replace(/[^A-Za-z0-9_]/g, "_");
}

/** Kernels that an extraction runs in one scenario, for comparing two of them. */
export function kernelsOf(
  { graph, problem }: Pick<SelectionInput, "graph" | "problem">,
  extraction: Extraction,
  scenario: number,
): readonly ENodeId[] {
  const kernels: ENodeId[] = [];
  extraction.choice.forEach((choice, classIndex) => {
    const what = problem.classes[classIndex];
    const node = problem.nodes[choice];
    const isKernel = node?.enode !== undefined && node.callNs > 0;
    if (isKernel && what?.kind === "value" && what.scenario === scenario) kernels.push(node.enode);
  });
  return [...new Set(kernels.map((each) => graph.canonicalNode(each)))];
}
