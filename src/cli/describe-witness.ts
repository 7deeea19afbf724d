/**
 * A witness for people: its two sides as functions in the text form of the IR, and the values that show the
 * fault.
 */

import type { Module, Value, ValueId } from "../ir/index.js";
import { FuncBuilder, printModule } from "../ir/index.js";
import type { Blame, Term } from "../optimizer/index.js";
import { showValue } from "../rules/index.js";
import { toolRegistry } from "./rule-sources.js";

type Witness = NonNullable<Blame["witness"]>;

/** Functions `@left` and `@right` over the same parameters. */
export function printWitness({ witness, left, right }: Witness): string {
  const functions = [
    { name: "left", term: left },
    { name: "right", term: right },
  ].map(({ name, term }) => {
    const builder = new FuncBuilder(toolRegistry, name);
    const leaves = [...witness.leaves];
    const params = new Map(leaves.map(([leaf, { type }]) => [leaf, builder.param(nameOf(leaf), type)]));
    const values = new Map<Term, ValueId>();
    const build = (each: Term): ValueId => {
      const known = values.get(each) ?? parameterOf(each, params);
      if (known !== undefined) return known;
      const { attrs, type } = each.payload;
      const given = type === undefined ? {} : { given: type };
      const value = builder.op(each.op, each.children.map(build), attrs, given);
      values.set(each, value);
      return value;
    };
    return builder.finish([build(term)]);
  });
  const module: Module = { functions };
  return printModule(module, toolRegistry);
}

function parameterOf({ op, payload }: Term, params: ReadonlyMap<string, ValueId>): ValueId | undefined {
  const name = payload.attrs["name"];
  return (op === "param" || op === "weight") && typeof name === "string" ? params.get(name) : undefined;
}

/** `_` has a name that was made for it. */
function nameOf(leaf: string): string {
  return leaf.startsWith("$") ? "any" : leaf;
}

/** A line for each parameter and one for each side. */
export function describeWitness({ witness, values }: Witness): string {
  const leaves = [...witness.leaves].map(([name, { type, value }]) => `  %${nameOf(name)} = ${showValue(type, value)}\n`);
  const sides = [
    `  left gives ${showNumbers(values.left)}\n`,
    `  right ${values.right === undefined ? "reads outside its operands" : `gives ${showNumbers(values.right)}`}\n`,
  ];
  return [...leaves, ...sides].join("");
}

function showNumbers(value: Value): string {
  if (value.kind !== "tensor") return `a ${value.kind} value`;
  return showValue({ kind: "tensor", dtype: value.dtype, shape: value.shape }, value);
}
