/** The entry file: named phases in order, each with the families that it saturates and its limits. */

import type { Result, Source } from "../diagnostics/index.js";
import { failure, success } from "../diagnostics/index.js";
import type { Limits } from "../egraph-ts/index.js";
import { Findings } from "./findings.js";
import { parseRuleFile } from "./parse.js";
import type { FileSyntax, NameSyntax, PhaseSyntax, ScheduleSyntax } from "./syntax.js";

export interface Schedule {
  readonly phases: readonly SchedulePhase[];
}

export interface SchedulePhase {
  readonly name: string;
  readonly families: readonly { readonly name: string; readonly span: NameSyntax["span"] }[];
  readonly limits: Partial<Limits>;
}

/** No limit in milliseconds: the same input must give the same program on every machine. */
const limitNames = { iterations: "iterations", nodes: "nodes", matches: "matchesPerRule" } as const;

/** `lower` are rule files of a target, which form a last phase of that name. */
export function readSchedule(source: Source, lower: readonly string[]): Result<Schedule> {
  const parsed = parseRuleFile(source);
  if (!parsed.ok) return parsed;
  const findings = new Findings(source);
  const schedule = findSchedule(parsed.value, findings);
  const phases = schedule?.phases.map((each) => checkPhase(each, findings)) ?? [];
  checkPhaseNames(schedule?.phases ?? [], lower, findings);
  if (findings.errorCount > 0) return failure(...findings.list());
  return success({ phases: lower.length === 0 ? phases : [...phases, lowerPhase(lower)] }, findings.list());
}

function lowerPhase(files: readonly string[]): SchedulePhase {
  const families = files.map((file) => ({ name: file.replace(/\.rules$/, ""), span: { start: 0, end: 1 } }));
  return { name: "lower", families, limits: {} };
}

function findSchedule({ header, items }: FileSyntax, findings: Findings): ScheduleSyntax | undefined {
  const schedules = items.flatMap((item) => (item.kind === "schedule" ? [item] : []));
  const [schedule, second] = schedules;
  const misplaced = header ?? items.find((item) => item.kind !== "schedule");
  if (misplaced !== undefined) {
    const hint = "rules stand in a family's own file";
    findings.report(
      "rule/misplaced-item",
      misplaced.span,
      "the entry file holds the schedule and nothing else",
      { hint },
    );
  }
  if (schedule === undefined) {
    findings.report(
      "rule/schedule",
      { start: 0, end: 1 },
      "there is no schedule",
      { hint: "write `schedule { simplify: algebra }`" },
    );
  }
  if (second !== undefined) findings.report("rule/schedule", second.span, "there is a schedule already");
  return schedule;
}

function checkPhaseNames(phases: readonly PhaseSyntax[], lower: readonly string[], findings: Findings): void {
  const seen = new Set(lower.length === 0 ? [] : ["lower"]);
  for (const { name } of phases) {
    if (seen.has(name.text)) findings.report("rule/schedule", name.span, `there are two phases \`${name.text}\``);
    seen.add(name.text);
  }
}

function checkPhase({ name, families, limits }: PhaseSyntax, findings: Findings): SchedulePhase {
  const seen = new Set<string>();
  for (const family of families) {
    if (seen.has(family.text)) {
      findings.report("rule/schedule", family.span, `\`${family.text}\` is in this phase already`);
    }
    seen.add(family.text);
  }
  return {
    name: name.text,
    families: families.map(({ text, span }) => ({ name: text, span })),
    limits: Object.fromEntries(limits.flatMap((each) => checkLimit(each, findings))),
  };
}

function checkLimit(
  { name, value, span }: PhaseSyntax["limits"][number],
  findings: Findings,
): [string, number][] {
  if (!Object.hasOwn(limitNames, name.text)) {
    const hint = `limits are ${Object.keys(limitNames).join(", ")}`;
    findings.report("rule/schedule", name.span, `\`${name.text}\` is not a limit`, { hint });
    return [];
  }
  if (!Number.isSafeInteger(value) || value < 1) findings.report("rule/schedule", span, "a limit is a positive number");
  return [[limitNames[name.text as keyof typeof limitNames], value]];
}
