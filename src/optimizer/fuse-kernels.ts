/**
 * Fusions of a rule program as rules of the engine. A fusion is about any ops, so it becomes a rule for each
 * pair of ops that meet in the graph, one reading the other: the reader's loop kernel with the producer's
 * elements computed in place is one more form of the reader's class, and extraction decides. The producer is
 * recomputed wherever it is read; that is part of the price, so a value with many readers stays stored.
 *
 * Terms grow from their roots: the kernel of a term whose operand has a loop form takes it in as well. They
 * are bounded, since a chain of n ops has n²/2 parts. A fused kernel is only added where loops are what both
 * ops would run as, and where it costs less than the cheapest kernels of the two: beside a tuned kernel it
 * would only make the problem larger.
 */

import { assertNever } from "../base/index.js";
import type { EClassId, EGraph, ENodeId, Limits, MatchView, Pattern, Rule, SaturationReport } from "../egraph-ts/index.js";
import { saturate } from "../egraph-ts/index.js";
import type { Attrs, Registry } from "../ir/index.js";
import { hasTrait, printType, tryInfer } from "../ir/index.js";
import type { FusedNode, FusedTerm } from "../loops/index.js";
import { canFuse, FUSED, parseFusedTerm, printFusedTerm } from "../loops/index.js";
import type { CompiledFusion, Facts, NodePayload } from "../rules/index.js";
import { payloadKey } from "../rules/index.js";
import { useOf } from "./extraction-problem.js";
import type { Pricing } from "./price.js";
import { isLoopKernel, LOOPS_PREFIX, priceUse } from "./price.js";
import type { Scenario } from "./scenarios.js";

/** Ops of one term. */
const MAX_OPS = 4;
/** Growth of the graph, and rounds in which terms take in one more op. */
const MAX_ROUNDS = MAX_OPS - 1;
const GROWTH = 20_000;

export interface FusionReport {
  readonly name: string;
  readonly report: SaturationReport;
}

export interface FusionOptions {
  readonly fusions: readonly CompiledFusion[];
  readonly pricing: Pricing;
  readonly scenarios: readonly Scenario[];
  readonly now: () => number;
}

/** Adds the fused kernels to a graph in which every op has its own. */
export function fuseLoopKernels(graph: EGraph<Facts>, options: FusionOptions): readonly FusionReport[] {
  const { now } = options;
  const reports: FusionReport[] = [];
  const limits: Partial<Limits> = { iterations: 1, nodes: graph.nodeCount + GROWTH };
  const fuser = new Fuser(graph, options);
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const rules = fuser.rules();
    if (rules.length === 0) break;
    const before = graph.nodeCount;
    reports.push({ name: `fusion ${round + 1}`, report: saturate(graph, rules, { limits, now }) });
    if (graph.nodeCount === before) break;
  }
  return reports;
}

/** Where two ops meet: the reader's operand at `position` is a result of the producer. */
interface Meeting {
  readonly fusion: CompiledFusion;
  readonly reader: string;
  readonly readerArity: number;
  readonly position: number;
  readonly producer: string;
  readonly producerArity: number;
}

/** The cheapest kernel of a class by itself, whatever it reads. */
interface Cheapest {
  /** By scenario, in nanoseconds. */
  readonly costs: readonly number[];
  /** Whether it is printed from loops, in some scenario. */
  readonly isLoops: boolean;
}

/**
 * Invariant: `#prices` holds what fused terms over operands cost by scenario, undefined for those that cannot
 * be; `#cheapest` what is known of classes of the graph as it was when rules were last made.
 */
class Fuser {
  readonly #graph: EGraph<Facts>;
  readonly #options: FusionOptions;
  readonly #registry: Registry;
  readonly #prices = new Map<string, readonly number[] | undefined>();
  readonly #cheapest = new Map<EClassId, Cheapest>();

  constructor(graph: EGraph<Facts>, options: FusionOptions) {
    this.#graph = graph;
    this.#options = options;
    this.#registry = options.pricing.target.registry;
  }

  /** A rule for each meeting of ops in the graph as it is. */
  rules(): readonly Rule<Facts>[] {
    this.#cheapest.clear();
    const meetings = new Map<string, Meeting>();
    for (const cls of this.#graph.classes()) {
      if (!this.#runsLoops(cls)) continue;
      for (const node of this.#graph.nodesOf(cls)) this.#meetingsOf(node, meetings);
    }
    return [...meetings.values()].map((meeting) => this.#rule(meeting));
  }

  #meetingsOf(node: ENodeId, meetings: Map<string, Meeting>): void {
    const reader = this.#graph.labelOp(this.#graph.nodeLabel(node));
    const children = this.#graph.nodeChildren(node);
    if (reader !== LOOPS_PREFIX + FUSED && !this.#isOp(reader)) return;
    children.forEach((child, position) => {
      if (!this.#runsLoops(child)) return;
      for (const inner of this.#graph.nodesOf(this.#graph.find(child))) {
        const producer = this.#graph.labelOp(this.#graph.nodeLabel(inner));
        if (!this.#isOp(producer)) continue;
        for (const fusion of this.#options.fusions) {
          const record = this.#registry.require(producer);
          if (!fusion.produces(record)) continue;
          if (reader !== LOOPS_PREFIX + FUSED && !fusion.reads(this.#registry.require(reader))) continue;
          const producerArity = this.#graph.nodeChildren(inner).length;
          const meeting = { fusion, reader, readerArity: children.length, position, producer, producerArity };
          meetings.set(JSON.stringify({ ...meeting, fusion: fusion.name }), meeting);
        }
      }
    });
  }

  /** Whether an op has a loop kernel that could be part of a larger one. */
  #isOp(op: string): boolean {
    const record = this.#registry.get(op);
    const isKernel = this.#registry.get(LOOPS_PREFIX + op) !== undefined && op !== FUSED;
    return isKernel && record?.lower !== undefined && !hasTrait(record, "view");
  }

  #rule(meeting: Meeting): Rule<Facts> {
    const { reader, readerArity, position, producer, producerArity } = meeting;
    const operands = names("x", readerArity).toSpliced(position, 1, ...names("y", producerArity));
    return {
      name: meeting.fusion.name,
      premises: [
        { root: "result", pattern: opPattern(reader, "reader", names("x", readerArity)) },
        { root: `x${position}`, pattern: opPattern(producer, "producer", names("y", producerArity)) },
      ],
      condition: (match) => this.#applies(meeting, operands, match),
      conclusions: [
        {
          root: "result",
          template: {
            kind: "node",
            op: LOOPS_PREFIX + FUSED,
            payload: (match) => payloadOf(fusedTerm(meeting, match)),
            children: operands.map((name) => ({ kind: "variable", name })),
          },
        },
      ],
    };
  }

  #applies(meeting: Meeting, operands: readonly string[], match: MatchView<Facts>): boolean {
    const [whole, part] = [match.classOf("result"), match.classOf(`x${meeting.position}`)];
    if (!this.#runsLoops(whole) || !this.#runsLoops(part)) return false;
    const outer = termOf(meeting.reader, meeting.readerArity, match.payloadOf("reader"));
    const direct = readerOf(outer, meeting.position);
    if (direct === undefined || !meeting.fusion.reads(this.#registry.require(direct.op))) return false;
    const term = fusedTerm(meeting, match);
    if (countOps(term) > MAX_OPS) return false;
    const apart = this.#cheapestOf(whole).costs.map((cost, i) => cost + this.#cheapestOf(part).costs[i]!);
    const fused = this.#pricesOf(term, operands.map((name) => match.graph.data(match.classOf(name))));
    return fused?.some((cost, i) => cost < apart[i]!) ?? false;
  }

  #runsLoops(cls: EClassId): boolean {
    return !this.#graph.data(cls).constant && this.#cheapestOf(cls).isLoops;
  }

  #cheapestOf(cls: EClassId): Cheapest {
    const canonical = this.#graph.find(cls);
    const known = this.#cheapest.get(canonical);
    if (known !== undefined) return known;
    const { pricing, scenarios } = this.#options;
    const kernels = [...this.#graph.nodesOf(canonical)].map((node) => useOf(this.#graph, node));
    const best = scenarios.map(({ dims }) => {
      let [cost, isLoops] = [Infinity, false];
      for (const use of kernels) {
        const price = priceUse(pricing, use, dims)?.timeNs ?? Infinity;
        if (price < cost) [cost, isLoops] = [price, isLoopKernel(use.op)];
      }
      return { cost, isLoops };
    });
    const made = { costs: best.map(({ cost }) => cost), isLoops: best.some(({ isLoops }) => isLoops) };
    this.#cheapest.set(canonical, made);
    return made;
  }

  #pricesOf(term: FusedNode, facts: readonly Facts[]): readonly number[] | undefined {
    const { payload, key } = payloadOf(term);
    const whole = [key, ...facts.map(({ type, constant }) => `${printType(type)} ${constant}`)].join("|");
    if (!this.#prices.has(whole)) this.#prices.set(whole, this.#price(term, facts, payload.attrs));
    return this.#prices.get(whole);
  }

  #price(term: FusedNode, facts: readonly Facts[], attrs: Attrs): readonly number[] | undefined {
    const { pricing, scenarios } = this.#options;
    const operands = facts.map(({ type }) => type);
    const result = tryInfer(this.#registry.require(FUSED), operands, attrs);
    if (typeof result === "string" || !canFuse(term, operands, this.#registry)) return undefined;
    const constant = facts.map((each) => each.constant);
    const use = { op: LOOPS_PREFIX + FUSED, attrs, operands, constant, result };
    return scenarios.map(({ dims }) => priceUse(pricing, use, dims)?.timeNs ?? Infinity);
  }
}

function opPattern(op: string, bind: string, operands: readonly string[]): Pattern {
  const children = operands.map((name): Pattern => ({ kind: "variable", name }));
  return { kind: "node", op, payload: { kind: "any", bind }, children };
}

function names(prefix: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}${i}`);
}

/** The reader's term with the producer at the operand's place; leaves are numbered from the left. */
function fusedTerm(meeting: Meeting, match: MatchView<Facts>): FusedNode {
  const { reader, readerArity, position, producer, producerArity } = meeting;
  const outer = termOf(reader, readerArity, match.payloadOf("reader"));
  const inner = termOf(producer, producerArity, match.payloadOf("producer"));
  return replaceLeaf(outer, position, inner) as FusedNode;
}

function termOf(op: string, arity: number, payload: unknown): FusedNode {
  const { attrs } = (payload as NodePayload | undefined) ?? { attrs: {} };
  if (op === LOOPS_PREFIX + FUSED) return parseFusedTerm(String(attrs["body"]));
  const operands = Array.from({ length: arity }, (_, operand): FusedTerm => ({ kind: "leaf", operand }));
  return { kind: "node", op, operands, attrs };
}

function replaceLeaf(term: FusedTerm, position: number, by: FusedNode): FusedTerm {
  switch (term.kind) {
    case "leaf": {
      if (term.operand === position) return shifted(by, position);
      const grown = leavesOf(by) - 1;
      return term.operand < position ? term : { kind: "leaf", operand: term.operand + grown };
    }
    case "node":
      return { ...term, operands: term.operands.map((each) => replaceLeaf(each, position, by)) };
    default:
      return assertNever(term);
  }
}

function shifted(term: FusedTerm, by: number): FusedTerm {
  if (term.kind === "leaf") return { kind: "leaf", operand: term.operand + by };
  return { ...term, operands: term.operands.map((each) => shifted(each, by)) };
}

function leavesOf(term: FusedTerm): number {
  return term.kind === "leaf" ? 1 : term.operands.reduce((count, each) => count + leavesOf(each), 0);
}

function countOps(term: FusedTerm): number {
  return term.kind === "leaf" ? 0 : term.operands.reduce((count, each) => count + countOps(each), 1);
}

/** The op of a term that reads an operand of the kernel. */
function readerOf(term: FusedNode, operand: number): FusedNode | undefined {
  for (const each of term.operands) {
    if (each.kind === "leaf" && each.operand === operand) return term;
    const inside = each.kind === "node" ? readerOf(each, operand) : undefined;
    if (inside !== undefined) return inside;
  }
  return undefined;
}

function payloadOf(term: FusedNode): { readonly payload: { readonly attrs: Attrs }; readonly key: string } {
  const payload = { attrs: { body: printFusedTerm(term) } };
  return { payload, key: payloadKey(payload) };
}
