/**
 * What a pattern says of the shape of a value: the list that a reshape writes, seen through permutations and
 * functions of each element. Where an op reads such a value, a draw that starts from what is written fits far
 * more often than a guess.
 */

import type { Random } from "../../base/index.js";
import type { AttrValue } from "../../ir/index.js";
import { hasTrait } from "../../ir/index.js";
import type { PatternTerm, ScalarPattern } from "../rule.js";

/** Extents of a shape; undefined where any will do. */
export type WrittenShape = readonly (number | undefined)[];

/** The shape that a term writes; `known` says what an attribute is, as far as it is settled. */
export function writtenShape(
  term: PatternTerm,
  known: (item: ScalarPattern) => AttrValue | undefined,
): WrittenShape | undefined {
  if (term.kind === "variable") return undefined;
  const { shape, permutation } = term.attrs;
  if (shape?.kind === "list") return shape.items.map((item) => numberOr(known(item)));
  const [operand] = term.operands;
  const below = operand && writtenShape(operand, known);
  if (term.operands.length === 1 && hasTrait(term.record, "elementwise")) return below;
  if (permutation?.kind !== "list") return undefined;
  const axes = permutation.items.map((item) => numberOr(known(item)));
  return below && axes.map((axis) => (axis === undefined ? undefined : below[axis]));
}

function numberOr(value: AttrValue | undefined): number | undefined {
  return typeof value === "number" ? value : undefined;
}

export interface ShapeTarget {
  /** Extents to follow, from the first axis on. */
  readonly target: readonly number[] | undefined;
  /** Whether there are as many elements in all. */
  readonly keepsCount: boolean;
}

/** Extents for a written shape. Undefined when none keep the count. */
export function fillShape(
  written: WrittenShape,
  { target, keepsCount }: ShapeTarget,
  random: Random,
): readonly number[] | undefined {
  if (target === undefined) return written.map((extent) => extent ?? 1 + random.below(4));
  if (!keepsCount) return written.map((extent, axis) => extent ?? target[axis] ?? 1);
  const filled = [...written];
  let rest = product(target) / product(written.map((extent) => extent ?? 1));
  const open = [...written.keys()].filter((axis) => written[axis] === undefined);
  for (const axis of open.slice(0, -1)) {
    const alike = target[axis];
    const extent = alike !== undefined && rest % alike === 0 ? alike : divisorOf(rest, random);
    filled[axis] = extent;
    rest /= extent;
  }
  const fits = open.length === 0 ? rest === 1 : Number.isInteger(rest);
  return fits ? filled.map((extent) => extent ?? rest) : undefined;
}

/** Heads that are split from one row: all extents after the first, joined. */
export function asRow([first = 1, ...rest]: readonly number[]): readonly number[] | undefined {
  return rest.length < 2 ? undefined : [first, product(rest)];
}

function divisorOf(value: number, random: Random): number {
  const divisors = Array.from({ length: value }, (_, i) => i + 1).filter((each) => value % each === 0);
  return divisors[random.below(divisors.length)] ?? 1;
}

function product(extents: readonly number[]): number {
  return extents.reduce((all, extent) => all * extent, 1);
}
