/**
 * Values for the operands of a draw. Elements come from small numbers, one a place ("grains"), so that a
 * shrinker can make a counter-example simple by making grains small: 0 is the value 0, then 1, −1, 2 …
 */

import type { Random } from "../../base/index.js";
import { createRandom, roundToHalf } from "../../base/index.js";
import type { FloatDType, KvCacheType, QuantizedType, TensorType, Value, ValueType } from "../../ir/index.js";
import { codeOffset, elementCount, emptyCache, newQuantized, roundHeads, sameType, tensorValue } from "../../ir/index.js";
import type { NumericClass, RuleForm } from "../rule.js";
import type { DrawnForm } from "./find-draws.js";
import type { IndexRoles } from "./roles.js";
import { indexRoles } from "./roles.js";
import type { StepInputs, StepRole } from "./step-inputs.js";
import { drawStepInputs, stepSizes } from "./step-inputs.js";

/** Grains are below this. */
export const grainLimit = 4096;

/**
 * Simplest first; the rest of the grains are normal deviates. 1 + 2⁻¹¹ and 1 + 2⁻⁸ lie between two numbers of
 * f16 and of bf16, and 6e-8 is about the smallest f16.
 */
const finite = [
  0, 1, -1, 2, -2, 0.5, 3, -0.5, -0, 0.1, 10, -10, 1e4, -1e4, 1e-4, -1e-30, 1 + 2 ** -11, 1 + 2 ** -8, 6e-8,
] as const;

/** The same for f16 in a rule that is not exact: what is multiplied or divided thrice stays in range. */
const finiteHalves = finite.map((each) => {
  const size = Math.abs(each);
  return size === 0 ? each : Math.sign(each) * Math.min(32, Math.max(1 / 32, size));
});

/**
 * What only a rule that is exact has to keep: what is no number, what overflows when it is scaled, what is
 * subnormal. 65504 is the largest f16; 65520 rounds to infinity.
 */
const extreme = [Infinity, -Infinity, NaN, 3e38, -3e38, 1e-40, -1e-40, 65504, 65520] as const;

/** Grains from here on are normal deviates. */
export const firstNormalGrain = 32;

/**
 * Of an exact rule, the last grains are extreme: at the end, since a shrinker takes it that what is smaller
 * than a value that passes passes too, and NaN passes where every number fails.
 */
const extremeGrains = grainLimit / 8;

const normals = ((): readonly number[] => {
  const random = createRandom(20);
  return Array.from({ length: grainLimit }, () => Math.fround(random.normal()));
})();

function fromGrain(grain: number, dtype: FloatDType, numerics: NumericClass): number {
  const simple = (dtype === "f16" && numerics !== "exact" ? finiteHalves : finite)[grain];
  if (simple !== undefined) return simple;
  const fromTop = grainLimit - 1 - grain;
  if (numerics === "exact" && fromTop < extremeGrains) return extreme[fromTop % extreme.length]!;
  return normals[grain % normals.length]!;
}

/** An operand whose elements come from grains. */
export interface GrainOperand {
  readonly name: string;
  readonly type: TensorType;
  readonly count: number;
}

export interface ValuePlan {
  readonly grained: readonly GrainOperand[];
  /**
   * All operand values: `grains[i]` for the i-th grained operand, `seed` for everything else. Undefined:
   * no such step.
   */
  readonly values: (
    grains: readonly (readonly number[])[],
    seed: number,
  ) => ReadonlyMap<string, Value> | undefined;
}

/**
 * Plans the values of all variables that are not a premise's root. Undefined when one is of a kernel's
 * own layout.
 */
export function planValues(form: RuleForm, drawn: DrawnForm, numerics: NumericClass): ValuePlan | undefined {
  const roots = new Set(form.premises.map(({ root }) => root));
  const leaves = [...drawn.draw.types].filter(([name]) => !roots.has(name));
  if (leaves.some(([, type]) => type.kind === "packed")) return undefined;
  const roles = indexRoles(form, drawn);
  const grained = leaves.flatMap(([name, type]): GrainOperand[] =>
    type.kind === "tensor" && !roles.step.has(name) ? [{ name, type, count: elementCount(type.shape) }] : [],
  );
  return {
    grained,
    values: (grains, seed) => {
      const values = new Map<string, Value>();
      const repeats = seed % repeatEvery === repeatEvery - 1;
      grained.forEach((operand, i) => {
        const own = grains[repeats ? firstAlike(grained, operand) : i] ?? [];
        values.set(operand.name, fromGrains(operand, own, { roles, numerics }));
      });
      return fillIn(leaves, roles, createRandom(seed), values) ? values : undefined;
    },
  };
}

/** One draw of values in so many gives operands of one type the same elements. */
const repeatEvery = 5;

function firstAlike(grained: readonly GrainOperand[], { type }: GrainOperand): number {
  return grained.findIndex((each) => sameType(each.type, type));
}

interface ElementRange {
  readonly roles: IndexRoles;
  readonly numerics: NumericClass;
}

function fromGrains(
  { name, type, count }: GrainOperand,
  grains: readonly number[],
  { roles, numerics }: ElementRange,
): Value {
  const bound = roles.bounds.get(name);
  const numbers = Array.from({ length: count }, (_, i) => element(type, grains[i] ?? 0, bound, numerics));
  if (type.dtype === "i1") seeSomething(numbers, Number(type.shape.at(-1) ?? 1));
  return tensorValue(type.dtype, type.shape.map(Number), numbers);
}

function element(
  { dtype }: TensorType,
  grain: number,
  bound: number | undefined,
  numerics: NumericClass,
): number {
  switch (dtype) {
    case "f32":
    case "f16":
    case "bf16":
      return fromGrain(grain, dtype, numerics);
    case "i1":
      return grain % 4 === 0 ? 0 : 1;
    case "i32":
    case "i8":
    case "u8":
      return grain % (bound ?? 5);
  }
}

/** A row of a mask that allows nothing has no meaning, so each allows something. */
function seeSomething(mask: number[], width: number): void {
  for (let start = 0; start < mask.length; start += width) {
    if (mask.slice(start, start + width).every((each) => each === 0)) mask[start] = 1;
  }
}

/** Caches, quantized matrices and the step's own arrays; false when there is no step of these sizes. */
function fillIn(
  leaves: readonly (readonly [string, ValueType])[],
  roles: IndexRoles,
  random: Random,
  values: Map<string, Value>,
): boolean {
  const cache = leaves.find(([, type]) => type.kind === "kv_cache")?.[1];
  let blocks = 4;
  for (const group of groupsByRole(leaves, roles)) {
    const inputs = drawStepInputs(
      stepSizes(new Map([...group].map(([role, { type }]) => [role, type])), cache),
      random.below(2 ** 30),
    );
    if (inputs === undefined || !putArrays(group, inputs, values)) return false;
    if (group.has("block_table")) blocks = Math.max(blocks, inputs.blocks);
  }
  for (const [name, type] of leaves) {
    if (type.kind === "kv_cache") values.set(name, cacheValue(type, blocks, random));
    if (type.kind === "quantized") values.set(name, quantizedValue(type, random));
  }
  return true;
}

type Group = Map<StepRole, { readonly name: string; readonly type: ValueType }>;

/** One consistent step for the first variable of each role, another for the second, and so on. */
function groupsByRole(
  leaves: readonly (readonly [string, ValueType])[],
  roles: IndexRoles,
): readonly Group[] {
  const groups: Group[] = [];
  for (const [name, type] of leaves) {
    const role = roles.step.get(name);
    if (role === undefined) continue;
    const open = groups.find((each) => !each.has(role));
    const group: Group = open ?? new Map<StepRole, { readonly name: string; readonly type: ValueType }>();
    if (open === undefined) groups.push(group);
    group.set(role, { name, type });
  }
  return groups;
}

function putArrays(group: Group, inputs: StepInputs, values: Map<string, Value>): boolean {
  for (const [role, { name, type }] of group) {
    const numbers = inputs.arrays[role];
    if (type.kind !== "tensor" || elementCount(type.shape) !== numbers.length) return false;
    values.set(name, tensorValue(type.dtype, type.shape.map(Number), numbers));
  }
  return true;
}

function cacheValue(type: KvCacheType, blocks: number, random: Random): Value {
  const cache = emptyCache(type, blocks);
  for (const pool of [cache.keys, cache.values]) {
    pool.set(roundHeads(type, pool.map(() => random.normal())));
  }
  return cache;
}

/** Numbers of about 1, whatever the levels of scales. */
function quantizedValue(type: QuantizedType, random: Random): Value {
  const value = newQuantized(type);
  const most = codeOffset(type) || 2 ** (type.bits - 1);
  const least = type.minimums ? 0 : -most;
  const count = 2 * most - (type.minimums ? 0 : 1);
  value.codes.forEach((_, i) => (value.codes[i] = least + random.below(count)));
  const fine = type.superGroup === undefined ? 1 : 32;
  for (const scales of [value.scales, value.minimums]) {
    scales?.forEach((_, i) => (scales[i] = roundToHalf((0.01 + random.next() / most) / fine)));
  }
  for (const factors of [value.subScales, value.subMinimums]) {
    factors?.forEach((_, i) => (factors[i] = random.below(2 * fine)));
  }
  return value;
}
