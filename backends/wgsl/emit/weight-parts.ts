/** Weights that are larger than what a kernel may see at once are bound in parts of whole units. */

import { invariant } from "../../../src/base/index.js";
import { bytesText, shapeText } from "../../../src/codegen/index.js";
import type { PlanRefusal } from "../../../src/codegen/index.js";
import { elementCount, typeBytes } from "../../../src/ir/index.js";
import type { CopyCall, KernelCall, ProgramPlan } from "../../../src/plan/index.js";
import type { KernelInstance, KernelSplit } from "../kernel-row.js";
import { LIMITS } from "../limits.js";
import { batchBytes } from "./places.js";
import { instancesOf } from "./calls.js";

export interface WeightPart {
  readonly firstUnit: number;
  readonly units: number;
  readonly sizeBytes: number;
}

/** Parts of as many units as fit, the last one shorter. */
export function weightParts(split: Pick<KernelSplit, "units" | "unitBytes">): readonly WeightPart[] {
  const { units, unitBytes } = split;
  const most = Math.floor(LIMITS.bindingBytes / unitBytes);
  invariant(most > 0, "a unit of a weight fits into a binding");
  return Array.from({ length: Math.ceil(units / most) }, (_, i) => {
    const count = Math.min(most, units - i * most);
    return { firstUnit: i * most, units: count, sizeBytes: count * unitBytes };
  });
}

/** How each weight of a plan is cut: the bytes of its parts. */
export function partsOfWeights(plan: ProgramPlan): readonly (readonly number[])[] {
  const splits = splitsOf(plan);
  return plan.weights.entries.map(({ sizeBytes }, index) => {
    if (sizeBytes <= LIMITS.bindingBytes) return [sizeBytes];
    const split = splits.get(index);
    invariant(split !== undefined, "a weight that cannot be cut was refused");
    return weightParts(split).map((part) => part.sizeBytes);
  });
}

/** Buffers of a plan that a device with the least limits cannot give. */
export function refusalsOf(plan: ProgramPlan): readonly PlanRefusal[] {
  const splits = splitsOf(plan);
  const tooLarge = plan.weights.entries.flatMap(({ name, type, sizeBytes }, index) => {
    if (sizeBytes <= LIMITS.bindingBytes || splits.get(index) !== undefined) return [];
    const hint = "quantize it, or keep the lowering rules of the target";
    return [refusal(`the weight ${name} ${shapeText(type)}`, sizeBytes, hint)];
  });
  const rows = Math.min(plan.capacity.rows, plan.capacity.tokens);
  const smaller = "take fewer tokens a step (`maxTokens`), or give a smaller `--context`";
  const shared = [
    refusal("what a step computes", plan.arenaBytes, smaller),
    refusal(`the logits of ${rows} rows`, outputBytes(plan), smaller),
    refusal("the arrays of a batch", batchBytes(plan), smaller),
  ].filter(({ sizeBytes }) => sizeBytes > LIMITS.bindingBytes);
  return [...tooLarge, ...shared];
}

/** Bytes of the logits at capacity. */
export function outputBytes({ capacity, vocabulary }: ProgramPlan): number {
  return 4 * Math.min(capacity.rows, capacity.tokens) * vocabulary;
}

interface SizedRefusal extends PlanRefusal {
  readonly sizeBytes: number;
}

function refusal(what: string, sizeBytes: number, hint: string): SizedRefusal {
  const [taken, limit] = [bytesText(sizeBytes), bytesText(LIMITS.bindingBytes)];
  return { message: `${what} takes ${taken}, and a kernel of this target sees at most ${limit}`, hint, sizeBytes };
}

/**
 * By weight: how all its readers can take it in parts; undefined where one cannot, or where they disagree.
 */
function splitsOf({ functions, ops }: ProgramPlan): ReadonlyMap<number, KernelSplit | undefined> {
  const splits = new Map<number, KernelSplit | undefined>();
  for (const call of functions.flatMap(({ calls }) => calls.filter((each) => each.kind === "kernel"))) {
    call.operands.forEach(({ storage, type }, operand) => {
      if (storage.kind !== "weight" || typeBytes(type) <= LIMITS.bindingBytes) return;
      const split = splitOfOperand(instancesOf(call, ops), operand);
      const known = splits.get(storage.index);
      const agrees = !splits.has(storage.index) || (known?.unitBytes === split?.unitBytes);
      splits.set(storage.index, agrees ? split : undefined);
    });
  }
  return splits;
}

function splitOfOperand(instances: readonly KernelInstance[], operand: number): KernelSplit | undefined {
  return instances
    .map(({ split }) => split)
    .find((split) => split?.operand === operand);
}

/** How many dispatches a call is for so many rows: one for each part of a weight. */
export function dispatchesOfCall(
  call: KernelCall | CopyCall,
  { ops, dims }: ProgramPlan,
  tokens: number,
): number {
  if (call.kind === "copy") return 1;
  const sizes = { ...dims, T: tokens, R: tokens };
  const takesRows = ({ rows, upToRows = Infinity }: KernelInstance): boolean =>
    elementCount(rows, sizes) <= upToRows;
  const split = instancesOf(call, ops).find(takesRows)?.split;
  const isWeight = split !== undefined && call.operands[split.operand]?.storage.kind === "weight";
  return isWeight ? weightParts(split).length : 1;
}
