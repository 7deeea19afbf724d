/**
 * Equality saturation: search all rules on a clean graph, apply all matches in rule order, rebuild; again
 * until nothing changes or a limit is met. The report says which one ended it and what each rule did.
 *
 * With the default limits the outcome does not depend on the clock.
 */
import type { EGraph } from "./egraph.js";
import { CompiledRule } from "./matching/compiled-rule.js";
import { simpleScheduler } from "./schedulers.js";
import type {
  IterationReport,
  Limits,
  Rule,
  RuleReport,
  SaturateOptions,
  SaturationReport,
  SchedulerRun,
  StopReason,
} from "./types.js";

export const DEFAULT_LIMITS: Limits = {
  nodes: 100_000,
  iterations: 30,
  timeMs: Number.POSITIVE_INFINITY,
  matchesPerRule: Number.POSITIVE_INFINITY,
};

export function saturate<D>(
  graph: EGraph<D>,
  rules: readonly Rule<D>[],
  options: SaturateOptions = {},
): SaturationReport {
  const run = new Run(graph, rules, options);
  const iterations: IterationReport[] = [];
  let stop = run.start();
  while (stop === undefined) {
    if (iterations.length >= run.limits.iterations) {
      stop = "iterations";
      break;
    }
    const report = run.iterate(iterations.length);
    if (report !== undefined) iterations.push(report);
    stop = run.stop;
  }
  return { stop, iterations, perRule: run.tallies };
}

type Tally = { -readonly [K in keyof RuleReport]: RuleReport[K] };

/** Invariant: between iterations the graph is clean. */
class Run<D> {
  readonly limits: Limits;
  readonly tallies: readonly Tally[];
  stop: StopReason | undefined;

  readonly #graph: EGraph<D>;
  readonly #rules: readonly CompiledRule<D>[];
  readonly #scheduler: SchedulerRun;
  readonly #options: SaturateOptions;
  readonly #now: () => number;
  readonly #deadlineMs: number;

  constructor(graph: EGraph<D>, rules: readonly Rule<D>[], options: SaturateOptions) {
    this.limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#graph = graph;
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#deadlineMs = this.#now() + this.limits.timeMs;
    const interrupt = (): boolean => this.#interrupted();
    this.#rules = rules.map((rule) => new CompiledRule(graph, rule, interrupt));
    this.#scheduler = (options.scheduler ?? simpleScheduler).start(rules.length);
    this.tallies = rules.map((rule) => emptyTally(rule.name));
  }

  start(): StopReason | undefined {
    this.#graph.rebuild();
    if (this.#graph.nodeCount > this.limits.nodes) this.stop = "nodes";
    this.#interrupted();
    return this.stop;
  }

  /** One iteration; nothing if it was interrupted during search, which leaves the graph as it was. */
  iterate(iteration: number): IterationReport | undefined {
    const began = this.#now();
    const truncated = this.#search(iteration);
    if (this.stop !== undefined) return undefined;
    const searched = this.#now();
    const applied = this.#apply(iteration);
    const done = this.#now();
    this.#graph.rebuild();
    const rebuilt = this.#now();
    if (applied === 0 && !this.#isStopped() && this.#scheduler.canStop(iteration)) {
      this.stop = truncated ? "matches" : "saturated";
    }
    return {
      nodes: this.#graph.nodeCount,
      classes: this.#graph.classCount,
      applied,
      searchMs: searched - began,
      applyMs: done - searched,
      rebuildMs: rebuilt - done,
    };
  }

  #isStopped(): boolean {
    return this.stop !== undefined;
  }

  /** Whether `matchesPerRule` cut any search short. */
  #search(iteration: number): boolean {
    let truncated = false;
    for (let r = 0; r < this.#rules.length && this.stop === undefined; r++) {
      const began = this.#now();
      const cut = this.#searchRule(r, iteration);
      truncated ||= cut;
      this.tallies[r]!.timeMs += this.#now() - began;
    }
    return truncated;
  }

  #searchRule(r: number, iteration: number): boolean {
    const rule = this.#rules[r]!;
    const tally = this.tallies[r]!;
    rule.dropMatches();
    const allowance = this.#scheduler.allowance(r, iteration);
    if (allowance === 0) return false;
    const end = rule.search(Math.min(allowance, this.limits.matchesPerRule));
    tally.conditionRefused += rule.refused;
    if (end !== "full") return false;
    if (allowance > this.limits.matchesPerRule) {
      tally.truncations++;
      return true;
    }
    tally.bans++;
    this.#scheduler.exceeded(r, iteration);
    rule.dropMatches();
    return false;
  }

  /** How many applications changed something. */
  #apply(iteration: number): number {
    let applied = 0;
    for (let r = 0; r < this.#rules.length; r++) {
      const began = this.#now();
      const changed = this.#applyRule(r, iteration);
      applied += changed;
      this.tallies[r]!.applications += changed;
      this.tallies[r]!.timeMs += this.#now() - began;
    }
    return applied;
  }

  #applyRule(r: number, iteration: number): number {
    const rule = this.#rules[r]!;
    const count = rule.matchCount;
    this.tallies[r]!.matches += count;
    let changed = 0;
    try {
      for (let i = 0; i < count && this.stop === undefined; i++) {
        if (rule.apply(i, iteration)) changed++;
        if (this.#graph.nodeCount > this.limits.nodes) this.stop = "nodes";
        else if ((i & 255) === 255) this.#interrupted();
      }
    } finally {
      rule.endApply();
    }
    return changed;
  }

  /** Notes a stop if time is up or the caller has asked for one. */
  #interrupted(): boolean {
    if (this.#options.signal?.aborted === true) this.stop ??= "aborted";
    else if (this.limits.timeMs !== Number.POSITIVE_INFINITY && this.#now() >= this.#deadlineMs) this.stop ??= "time";
    return this.stop === "aborted" || this.stop === "time";
  }
}

function emptyTally(name: string): Tally {
  return { name, matches: 0, applications: 0, conditionRefused: 0, timeMs: 0, bans: 0, truncations: 0 };
}
