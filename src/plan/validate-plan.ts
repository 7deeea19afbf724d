/**
 * What it means for a plan to be right, in the plainest words: buffers that are alive together do not
 * overlap, everything is inside its file or arena, and the cache is updated in one line. Quadratic.
 */

import { typeBytes } from "../ir/index.js";
import type { Call, FunctionPlan, PlannedValue, ProgramPlan } from "./plan.js";

/** Sentences about what is wrong; none when the plan is right. */
export function validatePlan(plan: ProgramPlan): readonly string[] {
  return [
    ...validateWeights(plan),
    ...plan.functions.flatMap((func) => [...validateBounds(plan, func), ...validateReads(plan, func)]),
    ...plan.functions.flatMap((func) => validateCalls(plan, func)),
  ];
}

function validateWeights({ weights }: ProgramPlan): readonly string[] {
  const places = weights.entries.flatMap((entry) =>
    Array.from({ length: entry.layers?.count ?? 1 }, (_, layer) => {
      const start = entry.offsetBytes + layer * entry.strideBytes;
      return { name: entry.name, start, end: start + entry.sizeBytes };
    }),
  );
  const sorted = places.sort((a, b) => a.start - b.start);
  return sorted.flatMap(({ name, start, end }, i) => {
    const problems: string[] = [];
    const next = sorted[i + 1];
    if (next !== undefined && end > next.start) problems.push(`the weights ${name} and ${next.name} overlap`);
    if (end > weights.sizeBytes) problems.push(`the weight ${name} ends behind the file`);
    if (start % 64 !== 0) problems.push(`the weight ${name} is not aligned`);
    return problems;
  });
}

function operandsOf(call: Call): readonly PlannedValue[] {
  if (call.kind === "kernel") return call.operands;
  return call.kind === "copy" ? [call.from] : [];
}

function resultOf(call: Call): PlannedValue | undefined {
  if (call.kind === "kernel") return call.result;
  return call.kind === "copy" ? call.to : undefined;
}

interface ArenaRange {
  readonly start: number;
  readonly end: number;
}

/** Bytes of an arena value at the extents of the function's scenario. */
function arenaRange(plan: ProgramPlan, func: FunctionPlan, value: PlannedValue): ArenaRange | undefined {
  if (value.storage.kind !== "arena") return undefined;
  const scenario = plan.scenarios.find(({ name }) => func.name.endsWith(`_${name}`));
  const tokens = scenario?.maxTokens ?? plan.capacity.tokens;
  const dims = { ...plan.dims, T: tokens, R: Math.min(tokens, plan.capacity.rows) };
  const start = value.storage.offsetBytes;
  return { start, end: start + typeBytes(value.type, dims) };
}

function validateBounds(plan: ProgramPlan, func: FunctionPlan): readonly string[] {
  const values = func.calls.flatMap((call) => [...operandsOf(call), resultOf(call)]);
  return values.flatMap((value) => {
    const range = value && arenaRange(plan, func, value);
    return range && range.end > plan.arenaBytes ? [`${func.name}: ${value.name} ends behind the arena`] : [];
  });
}

/** Between the call that writes a value and each call that reads it, nothing else may write its bytes. */
function validateReads(plan: ProgramPlan, func: FunctionPlan): readonly string[] {
  return func.calls.flatMap((call, reader) =>
    operandsOf(call).flatMap((operand) => {
      const range = arenaRange(plan, func, operand);
      if (range === undefined) return [];
      const writer = lastWriter(plan, func, { range, before: reader });
      if (writer === undefined) return [];
      const written = resultOf(writer);
      const same = written?.storage.kind === "arena" && written.storage.offsetBytes === range.start;
      return same ? [] : [`${func.name}: ${operand.name} was overwritten by ${written?.name ?? "a call"}`];
    }),
  );
}

function lastWriter(
  plan: ProgramPlan,
  func: FunctionPlan,
  what: { readonly range: ArenaRange; readonly before: number },
): Call | undefined {
  return func.calls.slice(0, what.before).findLast((call) => {
    const result = resultOf(call);
    const range = result && arenaRange(plan, func, result);
    return range !== undefined && range.start < what.range.end && what.range.start < range.end;
  });
}

/** A kernel may not write the bytes that it reads; a layers call must name a function of the plan. */
function validateCalls(plan: ProgramPlan, func: FunctionPlan): readonly string[] {
  const names = new Set(plan.functions.map(({ name }) => name));
  return func.calls.flatMap((call) => {
    if (call.kind === "layers") return names.has(call.body) ? [] : [`${func.name}: no function ${call.body}`];
    const result = resultOf(call);
    const written = result && arenaRange(plan, func, result);
    if (written === undefined) return [];
    return operandsOf(call).flatMap((operand) => {
      const read = arenaRange(plan, func, operand);
      const clash = read !== undefined && read.start < written.end && written.start < read.end;
      return clash ? [`${func.name}: ${result?.name ?? ""} is written over its operand ${operand.name}`] : [];
    });
  });
}
