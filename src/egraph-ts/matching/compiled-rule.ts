/**
 * A rule made ready for one graph: a matcher that fills a list of match records, and builders that apply
 * them. Conditions are asked during search.
 *
 * Searches are incremental: after the first, only matches that hold something changed are looked for, for all
 * others have been applied before. Where the number of all matches is asked for (a scheduler that holds rules
 * back), applied matches are kept and those that still stand are counted; matches that a condition refused
 * are kept as well, and asked again each time, since what a condition reads may have changed anywhere.
 */
import type { PendingMatch, RuleShape } from "../application-log.js";
import type { Core } from "../core.js";
import { coreOf, type EGraph } from "../egraph.js";
import { EGraphError } from "../errors.js";
import type { Rule } from "../types.js";
import { StoredMatch } from "./match-view.js";
import { Matcher } from "./matcher.js";
import { queryOf } from "./query.js";
import { layoutOf, type RecordLayout } from "./record-layout.js";
import { RecordList } from "./record-list.js";
import { type CompiledConclusion, compileConclusions } from "./template.js";

/** How a search ended. "full": there are more matches than were allowed. */
export type SearchEnd = "complete" | "full" | "interrupted";

export interface RuleSettings {
  /** Asked now and then during search; true ends it. */
  readonly interrupt: () => boolean;
  /** Whether searches must count all matches, also those that were applied before. */
  readonly counting: boolean;
  /** False: every search is a full one. The checked fallback. */
  readonly incremental: boolean;
}

/** What a search may bring before it is cut short. */
export interface Allowance {
  /** Matches in all. */
  readonly total: number;
  /** Matches that have not been applied before. */
  readonly fresh: number;
}

/** Never searched to the end: everything is new. */
const NEVER = 0;

/** Invariant: `#matches` holds records of the layout: first the applied ones, then those to apply. */
export class CompiledRule<D> {
  readonly name: string;
  readonly #core: Core<D>;
  readonly #settings: RuleSettings;
  readonly #condition: Rule<D>["condition"];
  readonly #subsumes: boolean;
  readonly #layout: RecordLayout;
  readonly #view: StoredMatch<D>;
  readonly #matcher: Matcher<D>;
  readonly #conclusions: readonly CompiledConclusion[];
  readonly #matches: RecordList;
  /** Records that the condition refused at their latest asking. */
  #refusals: RecordList;
  /** What `#refusals` was before the search: it comes back when the search does not count. */
  #asked: RecordList;
  readonly #pending: PendingMatch;
  /** Epoch up to which all matches have been handed out, or NEVER. */
  #searched = NEVER;
  /** Slots of the graph at that time: later nodes have larger numbers. */
  #searchedSize = 0;
  /** Records of `#matches` that were applied in earlier iterations. */
  #applied = 0;
  #capacity = 0;
  /** Whether the latest search was complete and counts. */
  #committed = false;
  #end: SearchEnd = "complete";

  constructor(graph: EGraph<D>, rule: Rule<D>, settings: RuleSettings) {
    this.name = rule.name;
    this.#core = coreOf(graph);
    this.#settings = settings;
    this.#condition = rule.condition;
    this.#subsumes = rule.subsumes === true;
    if (this.#subsumes && rule.premises[0]?.pattern.kind === "variable") throw nothingToSubsume(rule.name);
    const query = queryOf(rule, this.#core.labels);
    const keepNodes = this.#core.log !== undefined || settings.counting || rule.condition !== undefined;
    this.#layout = layoutOf(rule.name, query, keepNodes || this.#subsumes);
    const { stride } = this.#layout;
    this.#matches = new RecordList(stride);
    this.#refusals = new RecordList(stride);
    this.#asked = new RecordList(stride);
    this.#view = new StoredMatch(graph, this.#core, this.#layout);
    const { conclusions, built } = compileConclusions(this.#core, rule, this.#layout, this.#view);
    this.#conclusions = conclusions;
    this.#pending = pendingMatch(rule, this.#layout, built);
    this.#matcher = new Matcher(this.#core, query, {
      accept: () => this.#accept(),
      tick: () => this.#tick(settings.interrupt),
    });
  }

  /** Matches to apply. */
  get matchCount(): number {
    return this.#matches.length - this.#applied;
  }

  /** The most e-nodes that applying them can make. */
  get mayBuild(): number {
    return this.matchCount * this.#pending.built.length;
  }

  /** Matches that the condition refused in the latest search. */
  get refused(): number {
    return this.#refusals.length;
  }

  /** Up to which epoch its matches have been handed out; undefined if its next search is a full one. */
  get searchedEpoch(): number | undefined {
    return this.#searched === NEVER || !this.#settings.incremental ? undefined : this.#searched;
  }

  get bytes(): number {
    return this.#matches.bytes + this.#refusals.bytes;
  }

  #isCut(): boolean {
    return this.#end !== "complete";
  }

  #tick(interrupt: () => boolean): boolean {
    if (!interrupt()) return true;
    this.#end = "interrupted";
    return false;
  }

  /** Finds what there is to apply. The graph must be clean. */
  search(allowed: Allowance): SearchEnd {
    this.#end = "complete";
    this.#committed = false;
    const ground = this.#matcher.prepare(this.#searched, this.#searchedSize);
    const afresh = !this.#settings.incremental || this.#searched === NEVER || ground === "changed";
    this.#retain(afresh);
    this.#capacity = Math.min(allowed.total, this.#applied + allowed.fresh);
    this.#askAgain();
    if (!this.#isCut() && ground !== "missing") {
      if (afresh) this.#matcher.searchAll();
      else this.#matcher.searchChanged();
    }
    return this.#end;
  }

  /**
   * Keeps the applied matches that still stand, as far as anyone counts, and the refused ones to be asked.
   */
  #retain(afresh: boolean): void {
    if (afresh || !this.#settings.counting) this.#matches.length = 0;
    else this.#keepUnchanged(this.#matches);
    this.#applied = this.#matches.length;
    if (afresh) this.#refusals.length = 0;
    this.#keepUnchanged(this.#refusals);
    this.#asked = this.#refusals;
    if (this.#asked.length > 0) this.#refusals = new RecordList(this.#layout.stride);
    else this.#asked = new RecordList(this.#layout.stride);
  }

  /** A match with a part that has changed is found again by the search, if it still is one. */
  #keepUnchanged(list: RecordList): void {
    const { length } = list;
    let kept = 0;
    for (let i = 0; i < length; i++) {
      if (this.#stands(list.dataOf(i), list.baseOf(i))) list.move(i, kept++);
    }
    list.length = kept;
  }

  #stands(data: Int32Array, base: number): boolean {
    const { partsAt } = this.#layout;
    const { stamps } = this.#core.journal;
    const { subsumed } = this.#core;
    for (let i = 0; i < partsAt.length; i++) {
      const part = data[base + partsAt[i]!]!;
      if (stamps[part]! > this.#searched || (subsumed.size > 0 && subsumed.has(part))) return false;
    }
    return true;
  }

  #askAgain(): void {
    const asked = this.#asked;
    for (let i = 0; i < asked.length && !this.#isCut(); i++) this.#judge(asked.dataOf(i), asked.baseOf(i));
  }

  #accept(): boolean {
    const { stride, sources } = this.#layout;
    const data = this.#matches.opened();
    const base = this.#matches.baseOf(this.#matches.length);
    const { registers } = this.#matcher.machine;
    for (let i = 0; i < stride; i++) data[base + i] = registers[sources[i]!]!;
    if (this.#condition !== undefined) return this.#judge(data, base);
    if (this.#isFull()) return false;
    this.#matches.length++;
    return true;
  }

  #isFull(): boolean {
    if (this.#matches.length < this.#capacity) return false;
    this.#end = "full";
    return true;
  }

  /** Appends a record to the matches or to the refusals, as the condition says; false ends the search. */
  #judge(data: Int32Array, base: number): boolean {
    if (this.#condition !== undefined && !this.#holds(this.#condition, data, base)) {
      this.#refusals.push(data, base);
      return true;
    }
    if (this.#isFull()) return false;
    this.#matches.push(data, base);
    return true;
  }

  #holds(condition: NonNullable<Rule<D>["condition"]>, data: Int32Array, base: number): boolean {
    this.#view.data = data;
    this.#view.base = base;
    return condition(this.#view);
  }

  /** The matches to apply are all there are up to this epoch. Without it, they will be found again. */
  commit(epoch: number): void {
    this.#searched = epoch;
    this.#searchedSize = this.#core.nodes.size;
    this.#committed = true;
  }

  /** Forgets the matches to apply. */
  dropMatches(): void {
    this.#matches.length = this.#applied;
    this.#refusals = this.#asked;
  }

  /** Applies the match numbered `index` of those to apply; whether anything changed. */
  apply(index: number, iteration: number): boolean {
    const data = this.#matches.dataOf(this.#applied + index);
    const base = this.#matches.baseOf(this.#applied + index);
    const view = this.#view;
    const match = this.#pending;
    view.data = data;
    view.base = base;
    if (this.#core.log !== undefined || this.#core.analysis !== undefined) {
      this.#core.setAuthor(undefined);
      match.data = data;
      match.base = base;
      match.iteration = iteration;
      this.#core.setAuthor(match);
    }
    let changed = false;
    for (let i = 0; i < this.#conclusions.length; i++) {
      const { rootAt, build } = this.#conclusions[i]!;
      if (this.#core.union(data[base + rootAt]!, build(), i)) changed = true;
    }
    if (this.#subsumes && this.#subsume(data[base + this.#layout.nodesAt]!)) changed = true;
    return changed;
  }

  #subsume(node: number): boolean {
    const { subsumed } = this.#core;
    if (subsumed.has(node)) return false;
    subsumed.add(node);
    return true;
  }

  /** The matches that were to be applied have been. */
  endApply(): void {
    this.#core.setAuthor(undefined);
    if (this.#committed) this.#applied = this.#matches.length;
    else this.dropMatches();
  }
}

function nothingToSubsume(rule: string): EGraphError {
  return new EGraphError("bad-rule", `rule "${rule}" subsumes, but its first premise matches no e-node`);
}

/** The log keeps the rule for its patterns and templates alone, which know nothing of the data. */
function pendingMatch(rule: Rule<never>, layout: RecordLayout, built: Int32Array): PendingMatch {
  const { ruleName: name, variables, nodeCount, nodesAt } = layout;
  const shape: RuleShape = { rule, name, variables, nodeCount, builtCount: built.length };
  return { shape, nodesAt, built, iteration: 0, data: new Int32Array(0), base: 0 };
}
