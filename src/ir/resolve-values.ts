/** Resolves what operations use and define: operands, stated types, names of results. */

import { counted } from "./counted.js";
import type { Findings } from "./findings.js";
import type { ValueId } from "./graph.js";
import type { Draft, MaybeType, ResolveContext } from "./resolve-context.js";
import { resolveType } from "./resolve-types.js";
import type { OperationSyntax, TypeSyntax, UseSyntax } from "./syntax.js";
import { printType, sameType } from "./types.js";

/** The type, or undefined after a report. */
export function resolveTypeAt(syntax: TypeSyntax, findings: Findings): MaybeType {
  const type = resolveType(syntax);
  if (type.kind !== "bad") return type;
  findings.report("ir/bad-type", syntax.span, type.message, { hint: () => type.hint });
  return undefined;
}

/** The values that are used; each must have the type that is stated for it. */
export function resolveUses(
  uses: readonly UseSyntax[],
  stated: readonly TypeSyntax[],
  { scope, findings }: ResolveContext,
): readonly (ValueId | undefined)[] {
  const types = stated.map((each) => resolveTypeAt(each, findings));
  return uses.map((each, i) => {
    const value = scope.resolve(each);
    const actual = scope.typeOf(value);
    const type = types[i];
    if (actual !== undefined && type !== undefined && !sameType(actual, type)) {
      const message = `\`%${each.name.text}\` is \`${printType(actual)}\`, not \`${printType(type)}\``;
      findings.report("ir/operand-type", stated[i]!.span, message, { related: { message: "used here", span: each.span } });
    }
    return value;
  });
}

export function resolveOperands(
  syntax: OperationSyntax,
  context: ResolveContext,
): readonly (ValueId | undefined)[] {
  const { operands, operandTypes } = syntax;
  if (operands.length !== operandTypes.types.length) {
    const message = `${counted(operands.length, "operand")}, but ${counted(operandTypes.types.length, "operand type")}`;
    context.findings.report("ir/operand-count", operandTypes.span, message);
  }
  return resolveUses(operands, operandTypes.types, context);
}

/** All of a list, or undefined when any is missing. */
export function complete<T>(list: readonly (T | undefined)[]): readonly T[] | undefined {
  return list.every((each) => each !== undefined) ? list : undefined;
}

/** The op must give as many results as are named and as have a stated type. */
export function checkResultCount({ syntax, op }: Draft, wanted: number, findings: Findings): void {
  const named = syntax.results.reduce((sum, each) => sum + each.count, 0);
  const [first] = syntax.results;
  const span = first === undefined ? op.span : { start: first.name.span.start, end: op.span.start };
  const gives = `\`${op.text}\` gives ${counted(wanted, "result")}`;
  if (named !== wanted || syntax.results.some((each) => each.count < 1)) {
    findings.report("ir/result-count", span, `${gives}, but ${named} ${named === 1 ? "is" : "are"} named`);
  }
  const { types, span: listed } = syntax.resultTypes;
  if (types.length === wanted) return;
  const verb = types.length === 1 ? "is" : "are";
  findings.report("ir/result-count", listed, `${gives}, but ${counted(types.length, "type")} ${verb} listed`);
}

/** Defines every name on the left; a count that no type stands behind is not believed. */
export function defineResults({ syntax, declared }: Draft, { scope }: ResolveContext): readonly ValueId[] {
  const results: ValueId[] = [];
  for (const { name, count: wanted } of syntax.results) {
    const believed = Math.max(1, Math.min(wanted, declared.length - results.length));
    const types = Array.from({ length: believed }, (_, i) => declared[results.length + i]);
    for (const value of scope.define(name, types)) results.push(value);
  }
  return results;
}
