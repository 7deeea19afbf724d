/**
 * What a `layers` operation and its body owe each other. The parser and the verifier both ask here; a
 * type that is not known, after an earlier mistake, fits everything.
 */

import { counted } from "./counted.js";
import type { ValueType } from "./types.js";
import { printType, sameType, tensor } from "./types.js";

type MaybeType = ValueType | undefined;

/** The types of a function's parameters and results. */
export interface Signature {
  readonly name: string;
  readonly params: readonly MaybeType[];
  readonly results: readonly MaybeType[];
}

export interface LayersTypes {
  readonly body: Signature;
  readonly first: number;
  readonly count: number;
  readonly carried: readonly MaybeType[];
  readonly invariants: readonly MaybeType[];
}

/** Everything that does not fit, one sentence each. */
export function layersProblems(layers: LayersTypes): string[] {
  return [...rangeProblems(layers), ...countProblems(layers), ...typeProblems(layers)];
}

/** Layer numbers travel as i32, and index the layers of the cache. */
function rangeProblems({ first, count, carried, invariants }: LayersTypes): string[] {
  if (first < 0) return [`the first layer is ${first}, which is below 0`];
  if (count < 1) return [`the number of layers is ${count}, which is below 1`];
  const end = first + count;
  if (end > 2 ** 31) return [`layer ${end - 1} is not an i32`];
  return [...carried, ...invariants].flatMap((type) =>
    type?.kind === "kv_cache" && end > type.layers
      ? [`the layers run to number ${end - 1}, but \`${printType(type)}\` holds ${type.layers}`]
      : [],
  );
}

function countProblems({ body, carried, invariants }: LayersTypes): string[] {
  const problems: string[] = [];
  const passed = 1 + carried.length + invariants.length;
  if (body.params.length !== passed) {
    const parts = `the layer's number, ${carried.length} carried and ${invariants.length} invariant`;
    problems.push(`\`@${body.name}\` takes ${counted(body.params.length, "value")}, not ${passed}: ${parts}`);
  }
  if (body.results.length !== carried.length) {
    const returned = counted(body.results.length, "value");
    problems.push(`\`@${body.name}\` returns ${returned}, and ${carried.length} are carried`);
  }
  return problems;
}

/** Nothing is said of types where the numbers differ: it is not known which one is missing. */
function typeProblems({ body, carried, invariants }: LayersTypes): string[] {
  const passed = [tensor("i32"), ...carried, ...invariants];
  const name = (i: number): string => (i === 0 ? "the layer's number" : operandName(i - 1, carried.length));
  const params = body.params.length === passed.length ? body.params : [];
  const results = body.results.length === carried.length ? body.results : [];
  return [
    ...params.flatMap((wanted, i) =>
      fits(passed[i], wanted) ? [] : [`${name(i)} is ${text(passed[i])}, but \`@${body.name}\` takes ${text(wanted)}`],
    ),
    ...results.flatMap((given, i) =>
      fits(carried[i], given) ? [] : [`${name(i + 1)} is ${text(carried[i])}, but \`@${body.name}\` returns ${text(given)}`],
    ),
  ];
}

function operandName(i: number, carried: number): string {
  return i < carried ? `carried value ${i}` : `invariant value ${i - carried}`;
}

function fits(a: MaybeType, b: MaybeType): boolean {
  return a === undefined || b === undefined || sameType(a, b);
}

function text(type: MaybeType): string {
  return type === undefined ? "an unknown type" : `\`${printType(type)}\``;
}

/** The operands of a `layers` operation, parted into those that are carried and the rest. */
export function splitCarried<T>(operands: readonly T[], carried: number): { carried: T[]; invariants: T[] } {
  return { carried: operands.slice(0, carried), invariants: operands.slice(carried) };
}
