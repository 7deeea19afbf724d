/**
 * Answers "why did this rule not apply": the places of a compiled model where all but one of its premises
 * hold.
 */

import { locate } from "../diagnostics/index.js";
import type { CompiledRule, Settings } from "../rules/index.js";
import { findNearMisses } from "../rules/index.js";
import type { Optimized } from "./optimize.js";
import { valueNames } from "./value-names.js";

export interface NearMissStory {
  readonly func: string | undefined;
  readonly value: string;
  /** The pattern, guard or right side that failed, as it is written. */
  readonly premise: string;
  readonly line: number;
  /** What was there instead. */
  readonly found: string;
  /** Ops, attributes and guards that fitted. */
  readonly satisfied: number;
  /** How many places of the graph tell the same story. */
  readonly places: number;
}

export interface WhyNot {
  readonly rule: string;
  /** Places where the whole left side fits. */
  readonly matches: number;
  /** The closest first. */
  readonly misses: readonly NearMissStory[];
  /** False when the search was cut short. */
  readonly complete: boolean;
}

export function explainAbsence(optimized: Optimized, rule: CompiledRule, settings: Settings): WhyNot {
  const { graph } = optimized.input;
  const nameOf = valueNames(optimized);
  const { text } = rule.place.source;
  const { matches, misses, complete } = findNearMisses(graph, rule, settings);
  const stories = new Map<string, NearMissStory>();
  for (const { at, satisfied, difference } of misses) {
    const { span, found } = difference;
    const { line } = locate(text, span.start);
    const premise = text.slice(span.start, span.end).replace(/\s+/g, " ");
    const story = { ...nameOf(at), premise, line, found };
    const key = JSON.stringify([story, span.start]);
    const known = stories.get(key);
    stories.set(key, known ? { ...known, places: known.places + 1 } : { ...story, satisfied, places: 1 });
  }
  return { rule: rule.name, matches, misses: [...stories.values()], complete };
}
