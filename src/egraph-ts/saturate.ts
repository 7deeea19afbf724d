/**
 * Equality saturation: search all rules on a clean graph, apply all matches in rule order, rebuild; again
 * until nothing changes or a limit is met. The report says which one ended it and what each rule did.
 *
 * With the default limits the outcome does not depend on the clock.
 */
import type { Core } from "./core.js";
import { coreOf, type EGraph } from "./egraph.js";
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
  memoryBytes: Number.POSITIVE_INFINITY,
};

/** An iteration makes room for at most so many times what there is. */
const RESERVE_FACTOR = 8;

export function saturate<D>(
  graph: EGraph<D>,
  rules: readonly Rule<D>[],
  options: SaturateOptions = {},
): SaturationReport {
  const run = new Run(graph, rules, options);
  const iterations: IterationReport[] = [];
  try {
    let stop = run.start();
    while (stop === undefined) {
      const report = iterations.length < run.limits.iterations ? run.iterate(iterations.length) : undefined;
      if (report !== undefined) iterations.push(report);
      stop = run.stop ?? (iterations.length < run.limits.iterations ? undefined : "iterations");
    }
    return { stop, iterations, perRule: run.tallies };
  } finally {
    run.end();
  }
}

type Tally = { -readonly [K in keyof RuleReport]: RuleReport[K] };

/** Invariant: between iterations the graph is clean. */
class Run<D> {
  readonly limits: Limits;
  readonly tallies: readonly Tally[];
  stop: StopReason | undefined;

  readonly #graph: EGraph<D>;
  readonly #core: Core<D>;
  readonly #rules: readonly CompiledRule<D>[];
  readonly #scheduler: SchedulerRun;
  readonly #options: SaturateOptions;
  readonly #now: () => number;
  readonly #deadlineMs: number;

  constructor(graph: EGraph<D>, rules: readonly Rule<D>[], options: SaturateOptions) {
    this.limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#graph = graph;
    this.#core = coreOf(graph);
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#deadlineMs = this.#now() + this.limits.timeMs;
    const scheduler = options.scheduler ?? simpleScheduler;
    const settings = {
      interrupt: (): boolean => this.#interrupted(),
      counting: scheduler !== simpleScheduler,
      incremental: options.matching !== "full",
    };
    this.#rules = rules.map((rule) => new CompiledRule(graph, rule, settings));
    this.#scheduler = scheduler.start(rules.length);
    this.tallies = rules.map((rule) => emptyTally(rule.name));
  }

  start(): StopReason | undefined {
    this.#graph.rebuild();
    this.#core.journal.active = true;
    if (this.#graph.nodeCount > this.limits.nodes) this.stop = "nodes";
    this.#interrupted();
    return this.stop;
  }

  end(): void {
    this.#core.journal.stop();
  }

  /** One iteration; nothing if it was interrupted during search, which leaves the graph as it was. */
  iterate(iteration: number): IterationReport | undefined {
    const began = this.#now();
    const truncated = this.#search(iteration);
    if (this.stop !== undefined) return undefined;
    this.#beginEpoch();
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
    let last = this.#now();
    for (let r = 0; r < this.#rules.length && this.stop === undefined; r++) {
      const cut = this.#searchRule(r, iteration);
      truncated ||= cut;
      const now = this.#now();
      this.tallies[r]!.timeMs += now - last;
      last = now;
    }
    return truncated;
  }

  #searchRule(r: number, iteration: number): boolean {
    const rule = this.#rules[r]!;
    const tally = this.tallies[r]!;
    const allowance = this.#scheduler.allowance(r, iteration);
    if (allowance === 0) return false;
    const end = rule.search({ total: allowance, fresh: this.limits.matchesPerRule });
    tally.conditionRefused += rule.refused;
    if (end === "interrupted") return false;
    if (end === "complete") {
      rule.commit(this.#core.journal.epoch);
      return false;
    }
    if (allowance > this.limits.matchesPerRule) {
      tally.truncations++;
      return true;
    }
    tally.bans++;
    this.#scheduler.exceeded(r, iteration);
    rule.dropMatches();
    return false;
  }

  /**
   * What changes from here on is new to every rule; what all rules have seen need not be listed any longer.
   */
  #beginEpoch(): void {
    const { journal } = this.#core;
    let seen = journal.epoch++;
    for (const { searchedEpoch } of this.#rules) {
      if (searchedEpoch !== undefined && searchedEpoch < seen) seen = searchedEpoch;
    }
    journal.forget(seen);
  }

  /**
   * Room for what the matches may build, though most of it may exist. Memory that stays untouched is cheap.
   */
  #reserve(): void {
    if (Number.isFinite(this.limits.memoryBytes)) return;
    const { size } = this.#core.nodes;
    const wanted = this.#rules.reduce((sum, rule) => sum + rule.mayBuild, 0);
    if (wanted > size) this.#core.reserve(Math.min(wanted, RESERVE_FACTOR * size, this.limits.nodes));
  }

  /** How many applications changed something. */
  #apply(iteration: number): number {
    this.#reserve();
    let applied = 0;
    let last = this.#now();
    for (let r = 0; r < this.#rules.length; r++) {
      const changed = this.#applyRule(r, iteration);
      applied += changed;
      const now = this.#now();
      this.tallies[r]!.applications += changed;
      this.tallies[r]!.timeMs += now - last;
      last = now;
    }
    return applied;
  }

  #applyRule(r: number, iteration: number): number {
    const rule = this.#rules[r]!;
    const count = rule.matchCount;
    const { nodes } = this.#core;
    const limit = this.limits.nodes;
    this.tallies[r]!.matches += count;
    let changed = 0;
    try {
      for (let i = 0; i < count && this.stop === undefined; i++) {
        if (rule.apply(i, iteration)) changed++;
        if (nodes.made - nodes.deadCount > limit) this.stop = "nodes";
        else if ((i & 255) === 255) this.#interrupted();
      }
    } finally {
      rule.endApply();
    }
    return changed;
  }

  /** Notes a stop if time or memory is used up or the caller has asked for one. */
  #interrupted(): boolean {
    const { timeMs, memoryBytes } = this.limits;
    if (this.#options.signal?.aborted === true) this.stop ??= "aborted";
    else if (Number.isFinite(timeMs) && this.#now() >= this.#deadlineMs) this.stop ??= "time";
    else if (Number.isFinite(memoryBytes) && this.#bytes() > memoryBytes) this.stop ??= "memory";
    return this.stop !== undefined;
  }

  #bytes(): number {
    return this.#rules.reduce((sum, rule) => sum + rule.bytes, this.#core.bytes);
  }
}

function emptyTally(name: string): Tally {
  return { name, matches: 0, applications: 0, conditionRefused: 0, timeMs: 0, bans: 0, truncations: 0 };
}
