/**
 * The table of ops that a module, a rule set or a target may use: the core ops, extended by the
 * kernels of a target. Checks counts and attribute kinds, so that records can trust their arguments.
 */

import { invariant } from "../base/index.js";
import type { AttrKind, Attrs, AttrValue } from "./attrs.js";
import type { OpRecord } from "./op.js";
import { hasTrait, IllTyped, isVariadic } from "./op.js";
import type { ValueType } from "./types.js";
import { dtypes } from "./types.js";

export interface Registry {
  readonly ops: ReadonlyMap<string, OpRecord>;
  get(name: string): OpRecord | undefined;
  /** The record of a name that was checked before. */
  require(name: string): OpRecord;
  /** A registry with more ops; a name that exists already is our own bug. */
  extend(records: Iterable<OpRecord>): Registry;
}

export function createRegistry(records: Iterable<OpRecord>): Registry {
  const ops = new Map<string, OpRecord>();
  for (const record of records) {
    invariant(!ops.has(record.name), `the op ${record.name} is defined twice`);
    ops.set(record.name, record);
  }
  return {
    ops,
    get: (name) => ops.get(name),
    require: (name) => {
      const record = ops.get(name);
      invariant(record !== undefined, `the op ${name} is not registered`);
      return record;
    },
    extend: (more) => createRegistry([...ops.values(), ...more]),
  };
}

/** The result type of an op applied to operand types; throws `IllTyped` with one sentence. */
export function inferType(
  record: OpRecord,
  operands: readonly ValueType[],
  attrs: Attrs,
  given?: ValueType,
): ValueType {
  checkCount(record, operands.length);
  checkAttrs(record, attrs);
  if (hasTrait(record, "typed") && given === undefined) {
    throw new IllTyped(`\`${record.name}\` needs its result type to be written`);
  }
  return record.infer(operands, attrs, given);
}

/** The result's type, or the sentence that says why there is none. */
export function tryInfer(...application: Parameters<typeof inferType>): ValueType | string {
  try {
    return inferType(...application);
  } catch (error) {
    if (error instanceof IllTyped) return error.message;
    throw error;
  }
}

function checkCount(record: OpRecord, found: number): void {
  const problem = operandCountProblem(record, found);
  if (problem !== undefined) throw new IllTyped(problem);
}

/** One sentence when the op does not take this many operands. */
export function operandCountProblem(record: OpRecord, found: number): string | undefined {
  const expected = record.operands.length;
  const fits = isVariadic(record) ? found >= expected : found === expected;
  if (fits) return undefined;
  const least = isVariadic(record) ? "at least " : "";
  const noun = expected === 1 ? "operand" : "operands";
  return `\`${record.name}\` takes ${least}${expected} ${noun}, found ${found}`;
}

function checkAttrs(record: OpRecord, attrs: Attrs): void {
  for (const [name, kind] of Object.entries(record.attrs)) {
    const value = attrs[name];
    if (value === undefined) throw new IllTyped(`\`${record.name}\` needs the attribute \`${name}\``);
    if (!isOfKind(kind, value))
      throw new IllTyped(`the attribute \`${name}\` of \`${record.name}\` must be ${article(kind)}`);
  }
  for (const name of Object.keys(attrs)) {
    if (!(name in record.attrs)) throw new IllTyped(`\`${record.name}\` has no attribute \`${name}\``);
  }
}

function article(kind: AttrKind): string {
  return /^[aeiou]/.test(kind) ? `an ${kind}` : `a ${kind}`;
}

/** Whether a value is of an attribute kind. */
export function isOfKind(kind: AttrKind, value: AttrValue): boolean {
  switch (kind) {
    case "int":
      return Number.isSafeInteger(value);
    case "float":
      return typeof value === "number";
    case "string":
      return typeof value === "string";
    case "bool":
      return typeof value === "boolean";
    case "ints":
      return Array.isArray(value) && value.every((each) => Number.isSafeInteger(each));
    case "dims":
      return (
        Array.isArray(value) && value.every((each) => typeof each === "string" || Number.isSafeInteger(each))
      );
    case "dtype":
      return dtypes.some((each) => each === value);
  }
}
