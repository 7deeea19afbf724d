/** What a serial loop folds its iterations into, where parts of it may be folded apart and then together. */

import { at } from "../base/index.js";
import type { BinaryOperator, DType, Scalar, Statement } from "../ir/index.js";
import { binary, select } from "../ir/index.js";
import { printScalar } from "./print-loops.js";
import { allStatements, declaredNames, mapOwnScalars, mapScalar } from "./rewrite-loops.js";

type For = Extract<Statement, { kind: "for" }>;
type Locals = ReadonlyMap<string, DType>;
type Assign = Extract<Statement, { kind: "assign" }>;

export interface Fold {
  /** Locals that the loop folds into; `start` changes nothing when it is folded in. */
  readonly accumulators: readonly { readonly name: string; readonly dtype: DType; readonly start: number }[];
  /** Folds later results into earlier ones; `put` says where each goes. */
  combine(
    into: readonly Scalar[],
    from: readonly Scalar[],
    put: readonly ((value: Scalar) => Statement)[],
  ): readonly Statement[];
}

/**
 * Undefined for a loop that stores, or whose iterations depend on those before them in another way; `locals`
 * are those around it.
 */
export function foldOf(statement: For, locals: ReadonlyMap<string, DType>): Fold | undefined {
  const inside = allStatements(statement.body);
  if (statement.mode !== "serial" || inside.some(({ kind }) => kind === "store")) return undefined;
  const own = new Set(declaredNames(statement.body));
  const assigns = inside.filter((each) => each.kind === "assign");
  const assigned = assigns.filter(({ name }) => !own.has(name));
  if (assigned.length !== 1) return placeOf(assigned, statement, locals);
  return sumOf(at(assigned, 0), inside, locals);
}

const starts: Readonly<Partial<Record<BinaryOperator, number>>> = { add: 0, max: -Infinity, min: Infinity };

/** `total = total + …`, and the same with `max` and `min`. */
function sumOf({ name, value }: Assign, inside: readonly Statement[], locals: Locals): Fold | undefined {
  if (value.kind !== "binary" || !isLocal(value.left, name)) return undefined;
  if (reads(inside, name) !== 1) return undefined;
  const { operator } = value;
  const start = starts[operator];
  const dtype = locals.get(name);
  // Narrow numbers would round every part of a sum; whole ones have no infinities.
  if (start === undefined || !(dtype === "f32" || (dtype === "i32" && start === 0))) return undefined;
  return {
    accumulators: [{ name, dtype, start }],
    combine: ([a], [b], [put]) => (a && b && put ? [put(binary(operator, a, b))] : []),
  };
}

/** `if (x > greatest) greatest = x, best = v`: of equal ones the first. */
function placeOf(assigned: readonly Assign[], { index, body }: For, locals: Locals): Fold | undefined {
  const last = body.at(-1);
  if (last?.kind !== "if" || assigned.length !== 2 || last.then.length !== 2) return undefined;
  if (last.condition.kind !== "binary" || last.condition.operator !== "gt") return undefined;
  const { left, right } = last.condition;
  const [value, place] = last.then;
  if (value?.kind !== "assign" || place?.kind !== "assign") return undefined;
  const isGreatest = isLocal(right, value.name) && printScalar(value.value) === printScalar(left);
  const isPlace = place.value.kind === "index" && place.value.name === index;
  const inside = allStatements(body);
  if (locals.get(value.name) !== "f32" || locals.get(place.name) !== "i32") return undefined;
  if (!isGreatest || !isPlace) return undefined;
  if (reads(inside, value.name) !== 1 || reads(inside, place.name) !== 0) return undefined;
  return {
    accumulators: [
      { name: value.name, dtype: "f32", start: -Infinity },
      { name: place.name, dtype: "i32", start: 0 },
    ],
    combine: ([a, i], [b, j], [putValue, putPlace]) => {
      if (!a || !i || !b || !j || !putValue || !putPlace) return [];
      const isFirst = binary("and", binary("eq", b, a), binary("lt", j, i));
      const isBetter = binary("or", binary("gt", b, a), isFirst);
      return [putPlace(select(isBetter, j, i)), putValue(binary("max", a, b))];
    },
  };
}

function isLocal(scalar: Scalar, name: string): boolean {
  return scalar.kind === "local" && scalar.name === name;
}

/** How often statements read a local. */
function reads(statements: readonly Statement[], name: string): number {
  let count = 0;
  for (const each of statements) {
    mapOwnScalars(each, (scalar) =>
      mapScalar(scalar, (part) => {
        if (isLocal(part, name)) count++;
        return part;
      }),
    );
  }
  return count;
}
