/** Shapes for random elementwise ops: mostly equal, sometimes with a stretched 1 or fewer dimensions. */

import type { Random } from "../../base/index.js";
import type { DrawRequest } from "../op.js";
import { IllTyped } from "../op.js";
import type { Dim } from "../types.js";
import { drawShape, knownTensor } from "./drawing.js";
import { broadcastShapes } from "./type-checks.js";

/** Shapes of `count` operands that broadcast to the result; undefined when there are none. */
export function drawElementwiseShapes(
  random: Random,
  request: DrawRequest,
  count: number,
): (readonly Dim[])[] | undefined {
  const known = Array.from({ length: count }, (_, i) => request.operands[i]).map(
    (type) => knownTensor(type)?.shape,
  );
  const target = knownTensor(request.result)?.shape ?? commonShape(random, known);
  return target && known.map((shape) => shape ?? narrowed(random, target));
}

function commonShape(
  random: Random,
  known: readonly (readonly Dim[] | undefined)[],
): readonly Dim[] | undefined {
  const given = known.filter((shape) => shape !== undefined);
  // Now and then a free operand is larger than those that are known.
  const start =
    given.length === 0 || (given.length < known.length && random.below(4) === 0) ? drawShape(random) : [];
  try {
    return given.reduce<readonly Dim[]>((all, shape) => broadcastShapes("draw", all, shape), start);
  } catch (error) {
    if (error instanceof IllTyped) return undefined;
    throw error;
  }
}

function narrowed(random: Random, target: readonly Dim[]): readonly Dim[] {
  if (random.below(6) !== 0) return target;
  const kept = target.slice(random.below(target.length + 1));
  return kept.map((dim) => (random.below(4) === 0 ? 1 : dim));
}
