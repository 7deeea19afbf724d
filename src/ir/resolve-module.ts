/**
 * Resolves the syntax of a module: which values, functions and ops its names mean, and whether counts
 * and types agree. Reports all it finds; a module comes out only when nothing was found.
 */

import type { Result, Source } from "../diagnostics/index.js";
import { failure, success } from "../diagnostics/index.js";
import { counted } from "./counted.js";
import { Findings } from "./findings.js";
import type { Func, Module, ValueId } from "./graph.js";
import type { Signature } from "./layers.js";
import type { Registry } from "./registry.js";
import type { MaybeType, ResolveContext } from "./resolve-context.js";
import { resolveOperation } from "./resolve-operation.js";
import { complete, resolveTypeAt, resolveUses } from "./resolve-values.js";
import type { FunctionSyntax, ModuleSyntax, NameSyntax } from "./syntax.js";
import { printType, sameType } from "./types.js";
import { ValueScope } from "./value-scope.js";

export function resolveModule(syntax: ModuleSyntax, source: Source, registry: Registry): Result<Module> {
  const findings = new Findings(source);
  const functions = new Map<string, Signature>();
  const laterFunctions = firstPlaces(syntax.functions.map((each) => each.name));
  const resolved = syntax.functions.map((each) => {
    const scope = new ValueScope(findings, definedNames(each));
    const context = { registry, findings, scope, functions, laterFunctions };
    const { func, signature } = resolveFunction(each, context);
    // Entered only now: a function cannot run itself.
    if (functions.has(signature.name)) reportRedefinition(each.name, context);
    else functions.set(signature.name, signature);
    return func;
  });
  const whole = complete(resolved);
  if (findings.count > 0 || whole === undefined) return failure(...findings.list());
  return success({ functions: whole });
}

function firstPlaces(names: readonly NameSyntax[]): Map<string, NameSyntax> {
  const places = new Map<string, NameSyntax>();
  for (const name of names) if (!places.has(name.text)) places.set(name.text, name);
  return places;
}

function reportRedefinition(name: NameSyntax, { findings, laterFunctions }: ResolveContext): void {
  const first = laterFunctions.get(name.text) ?? name;
  const related = { message: "first defined here", span: first.span };
  findings.report("ir/redefinition", name.span, `the function \`@${name.text}\` is defined twice`, { related });
}

function definedNames({ params, operations }: FunctionSyntax): NameSyntax[] {
  const results = operations.flatMap((each) => each.results);
  return [...params, ...results].map((each) => each.name);
}

interface ResolvedFunction {
  readonly signature: Signature;
  /** Undefined after a mistake; others may still be checked against the signature. */
  readonly func: Func | undefined;
}

function resolveFunction(syntax: FunctionSyntax, context: ResolveContext): ResolvedFunction {
  const { findings, scope } = context;
  const paramTypes = syntax.params.map((each) => resolveTypeAt(each.type, findings));
  const params = syntax.params.flatMap((each, i) => scope.define(each.name, [paramTypes[i]]));
  const operations = complete(syntax.operations.map((each) => resolveOperation(each, context)));
  const resultTypes = syntax.results.map((each) => resolveTypeAt(each, findings));
  const results = complete(resolveReturn(syntax, resultTypes, context));
  const values = scope.finish();
  const name = syntax.name.text;
  const whole = operations !== undefined && results !== undefined && values !== undefined;
  return {
    signature: { name, params: paramTypes, results: resultTypes },
    func: whole ? { name, params, operations, results, values } : undefined,
  };
}

/** The returned values; as many as the signature lists, of the same types. */
function resolveReturn(
  { name, end, results: listed }: FunctionSyntax,
  resultTypes: readonly MaybeType[],
  context: ResolveContext,
): readonly (ValueId | undefined)[] {
  const { findings, scope } = context;
  if (end.types.length !== end.operands.length) {
    const message = `${counted(end.operands.length, "value")}, but ${counted(end.types.length, "type")}`;
    findings.report("ir/operand-count", end.span, message);
  }
  const values = resolveUses(end.operands, end.types, context);
  if (values.length !== listed.length) {
    const message = `\`@${name.text}\` gives ${counted(listed.length, "result")}, but returns ${counted(values.length, "value")}`;
    findings.report("ir/result-count", end.word, message);
  }
  values.forEach((value, i) => {
    const actual = scope.typeOf(value);
    const promised = resultTypes[i];
    if (actual === undefined || promised === undefined || sameType(actual, promised)) return;
    const message = `result ${i} of \`@${name.text}\` is \`${printType(promised)}\`, but \`${printType(actual)}\` is returned`;
    const related = { message: "promised here", span: listed[i]!.span };
    findings.report("ir/return-type", end.operands[i]!.span, message, { related });
  });
  return values;
}
