/**
 * A rule made ready for one graph: a matcher that fills a list of match records, and builders that apply
 * them. Conditions are asked during search; a refused match is never stored.
 */
import type { PendingMatch } from "../application-log.js";
import { coreOf, type EGraph } from "../egraph.js";
import type { Core } from "../core.js";
import { IntList } from "../int-list.js";
import type { Rule } from "../types.js";
import { StoredMatch } from "./match-view.js";
import { buildMatcher, type Matcher } from "./matcher.js";
import { planRule } from "./plan.js";
import { layoutOf, type RecordLayout } from "./record-layout.js";
import { type CompiledConclusion, compileConclusions } from "./template.js";

/** How a search ended. "full": there are more matches than were allowed. */
export type SearchEnd = "complete" | "full" | "interrupted";

/** Invariant: `matches` holds whole records of the layout; they are of the latest search. */
export class CompiledRule<D> {
  readonly name: string;
  readonly #core: Core<D>;
  readonly #condition: Rule<D>["condition"];
  readonly #layout: RecordLayout;
  readonly #view: StoredMatch<D>;
  readonly #matcher: Matcher;
  readonly #conclusions: readonly CompiledConclusion[];
  readonly #matches = new IntList(64);
  readonly #pending: PendingMatch;
  #allowed = 0;
  #end: SearchEnd = "complete";
  #refused = 0;

  /** `interrupt` is asked now and then during search; true ends it. */
  constructor(graph: EGraph<D>, rule: Rule<D>, interrupt: () => boolean) {
    this.name = rule.name;
    this.#core = coreOf(graph);
    this.#condition = rule.condition;
    const plan = planRule(rule, this.#core.labels);
    this.#layout = layoutOf(rule.name, plan, this.#core.log !== undefined);
    const { shape, nodesAt } = this.#layout;
    this.#pending = { shape, nodesAt, iteration: 0, data: this.#matches.data, base: 0 };
    this.#view = new StoredMatch(graph, this.#core, this.#layout);
    this.#conclusions = compileConclusions(this.#core, rule, this.#layout, this.#view);
    const accept = (): boolean => this.#accept();
    const tick = (): boolean => {
      if (!interrupt()) return true;
      this.#end = "interrupted";
      return false;
    };
    this.#matcher = buildMatcher(this.#core, plan, { accept, tick });
  }

  get matchCount(): number {
    return this.#matches.length / this.#layout.stride;
  }

  /** Matches of the latest search that the condition refused. */
  get refused(): number {
    return this.#refused;
  }

  /** Finds up to `allowed` matches. The graph must be clean. */
  search(allowed: number): SearchEnd {
    this.#matches.clear();
    this.#refused = 0;
    this.#allowed = allowed;
    this.#end = "complete";
    this.#matcher.search();
    return this.#end;
  }

  #accept(): boolean {
    const { stride, sources } = this.#layout;
    const list = this.#matches;
    const base = list.length;
    list.reserve(stride);
    const { data } = list;
    const { registers } = this.#matcher;
    for (let i = 0; i < stride; i++) data[base + i] = registers[sources[i]!]!;
    if (this.#condition !== undefined && !this.#holds(data, base)) {
      this.#refused++;
      return true;
    }
    if (base >= this.#allowed * stride) {
      this.#end = "full";
      return false;
    }
    list.length = base + stride;
    return true;
  }

  #holds(data: Int32Array, base: number): boolean {
    this.#view.data = data;
    this.#view.base = base;
    return this.#condition?.(this.#view) ?? true;
  }

  dropMatches(): void {
    this.#matches.clear();
  }

  /**
   * Applies the stored match numbered `index`; whether anything changed. The match stays the author of
   * changes until `endApply`.
   */
  apply(index: number, iteration: number): boolean {
    const { stride } = this.#layout;
    const { data } = this.#matches;
    const base = index * stride;
    const view = this.#view;
    const match = this.#pending;
    view.data = match.data = data;
    view.base = match.base = base;
    match.iteration = iteration;
    this.#core.setAuthor(match);
    let changed = false;
    for (let i = 0; i < this.#conclusions.length; i++) {
      const { rootAt, build } = this.#conclusions[i]!;
      if (this.#core.union(data[base + rootAt]!, build())) changed = true;
    }
    return changed;
  }

  endApply(): void {
    this.#core.setAuthor(undefined);
  }
}
