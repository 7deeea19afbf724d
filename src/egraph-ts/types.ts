/**
 * The public vocabulary of the engine: ids, patterns, rules, analyses, limits and reports.
 *
 * Everything here is data or a small interface; behaviour lives in the modules that take these types.
 * The engine knows operators as strings and payloads as opaque values that are equal iff their keys are.
 */
import type { EGraph } from "./egraph.js";

export type Id<Brand extends string> = number & { readonly __brand: Brand };

/**
 * An e-class. Every id ever returned stays valid: pass it to `EGraph.find` for the canonical one.
 * Ids start at 0 and are dense, but for a gap after each e-node of more than three children. Each e-node's
 * number is also an id of its class.
 */
export type EClassId = Id<"EClass">;
/** An e-node: one label over child classes. Stays readable after its congruent twin has replaced it. */
export type ENodeId = Id<"ENode">;
/** An operator together with one payload, as one integer. */
export type LabelId = Id<"Label">;
/** One rule application in the log of a graph that keeps explanations. */
export type ApplicationId = Id<"Application">;

/** A payload and the text that decides its equality. Same operator and same key: same label. */
export interface PayloadValue {
  readonly payload?: unknown;
  readonly key: string;
}

/** What a rule did once: which e-nodes it saw and what its variables stood for, as ids of that moment. */
export interface Application {
  readonly rule: string;
  /** The e-nodes that the premises matched, in premise order, each premise's root first. */
  readonly matched: readonly ENodeId[];
  /** Class variable to class. */
  readonly substitution: Readonly<Record<string, EClassId>>;
  /** Counted from 0 over the life of the graph's current `saturate` run. */
  readonly iteration: number;
}

/**
 * Why two classes became one. "given" is a union asked for by the caller, outside any rule; "analysis" one
 * asked for by the analysis's `modify`.
 */
export type Reason = Application | "congruence" | "given" | "analysis";

export interface Equality {
  readonly left: EClassId;
  readonly right: EClassId;
  readonly reason: Reason;
}

export type MergeResult<D> =
  | { readonly data: D; readonly changedA: boolean; readonly changedB: boolean }
  | { readonly conflict: string };

/**
 * A fact kept for each class, a join-semilattice: `make` gives a node's fact, `merge` joins two.
 * `changedA` says that the result differs from `a`, `changedB` that it differs from `b`.
 */
export interface Analysis<D> {
  /** Pure. The data of the node's children is available through `graph.data(child)`. */
  make(graph: EGraph<D>, node: ENodeId): D;
  /** Pure. A conflict refuses the union: `EGraphError` with code `analysis-conflict`. */
  merge(a: D, b: D): MergeResult<D>;
  /** Called when a class is made and whenever its data may have changed; may add and union. Idempotent. */
  modify?(graph: EGraph<D>, cls: EClassId): void;
}

/**
 * What a premise looks for. The same class variable twice means the same class; arities must be equal.
 * Payload names are a namespace of their own; the same payload name twice means equal keys.
 */
export type Pattern =
  | { readonly kind: "variable"; readonly name: string }
  | {
      readonly kind: "node";
      readonly op: string;
      readonly payload: PayloadPattern;
      readonly children: readonly Pattern[];
    };

export type PayloadPattern =
  | { readonly kind: "exact"; readonly payload?: unknown; readonly key: string }
  | {
      readonly kind: "any";
      readonly bind?: string;
      /** Pure: asked once for each label, then remembered. */
      readonly test?: (payload: unknown) => boolean;
    };

/** One match, readable only during the call it is passed to. */
export interface MatchView<D> {
  readonly graph: EGraph<D>;
  /** The canonical class of a class variable. */
  classOf(variable: string): EClassId;
  /** The payload bound under a payload name. */
  payloadOf(name: string): unknown;
}

export type PayloadTemplate<D> = PayloadValue | ((match: MatchView<D>) => PayloadValue);

/** What a conclusion builds. A constant payload is interned once, when the rule is compiled. */
export type Template<D> =
  | { readonly kind: "variable"; readonly name: string }
  | {
      readonly kind: "node";
      readonly op: string;
      readonly payload: PayloadTemplate<D>;
      readonly children: readonly Template<D>[];
    };

export interface Premise {
  /** A class variable, bound to the matched class. */
  readonly root: string;
  readonly pattern: Pattern;
}

export interface Conclusion<D> {
  /** A class variable bound by the premises; its class is united with what the template builds. */
  readonly root: string;
  readonly template: Template<D>;
}

/** Premises join on shared class variables. All templates are built from one match, in order. */
export interface Rule<D = undefined> {
  readonly name: string;
  readonly premises: readonly Premise[];
  /** Pure; asked during search, on a clean graph, so its answer does not depend on the order of rules. */
  readonly condition?: (match: MatchView<D>) => boolean;
  readonly conclusions: readonly Conclusion<D>[];
  /**
   * After an application, the e-node that the first premise's root matched is subsumed: `EGraph.subsume`.
   * The first premise must not be a bare variable.
   */
  readonly subsumes?: boolean;
}

export interface Limits {
  /** E-nodes; checked after each application. */
  readonly nodes: number;
  readonly iterations: number;
  readonly timeMs: number;
  /** New matches of one rule in one iteration; the rest are dropped for that iteration. */
  readonly matchesPerRule: number;
  /** Bytes of the graph's tables and of the matches that wait, without payloads and analysis data. */
  readonly memoryBytes: number;
}

/** A scheduler is a record; `start` gives the mutable state of one run. */
export interface Scheduler {
  readonly name: string;
  start(ruleCount: number): SchedulerRun;
}

export interface SchedulerRun {
  /** The most matches the rule may have now; 0 when it is banned. */
  allowance(rule: number, iteration: number): number;
  /** Called when a rule had more matches than its allowance: they are all dropped. */
  exceeded(rule: number, iteration: number): void;
  /** Nothing changed: may the run end? A scheduler that holds rules back may release some and say no. */
  canStop(iteration: number): boolean;
}

/** "matches": nothing changed, but `matchesPerRule` had cut a search short, so it is not saturation. */
export type StopReason = "saturated" | "nodes" | "iterations" | "time" | "memory" | "matches" | "aborted";

export interface IterationReport {
  /** After the rebuild. */
  readonly nodes: number;
  readonly classes: number;
  /** Applications that changed something. */
  readonly applied: number;
  readonly searchMs: number;
  readonly applyMs: number;
  readonly rebuildMs: number;
}

export interface RuleReport {
  readonly name: string;
  /**
   * Matches handed to the apply phase. One that was applied in an earlier iteration is not handed over again.
   */
  readonly matches: number;
  /** Applications that changed something. */
  readonly applications: number;
  readonly conditionRefused: number;
  /** Search and apply together. */
  readonly timeMs: number;
  readonly bans: number;
  /** Iterations in which `matchesPerRule` cut the search short. */
  readonly truncations: number;
}

export interface SaturationReport {
  readonly stop: StopReason;
  readonly iterations: readonly IterationReport[];
  readonly perRule: readonly RuleReport[];
}

/** An `AbortSignal` is one. */
export interface AbortFlag {
  readonly aborted: boolean;
}

export interface SaturateOptions {
  /** Default: `simpleScheduler`. */
  readonly scheduler?: Scheduler;
  readonly limits?: Partial<Limits>;
  /** Milliseconds on any clock that does not run backwards. Default: `Date.now`. */
  readonly now?: () => number;
  readonly signal?: AbortFlag;
  /**
   * "incremental" (the default) searches what has changed since a rule was last searched; "full" searches
   * everything each time, with the same outcome.
   */
  readonly matching?: "incremental" | "full";
}
