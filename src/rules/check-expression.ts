/**
 * Finds the kind of an expression, and reports what cannot mean anything: unknown functions and words,
 * arguments of the wrong kind, operators between things that they cannot relate.
 */

import { assertNever } from "../base/index.js";
import type { Span } from "../diagnostics/index.js";
import { didYouMean } from "../diagnostics/index.js";
import type { AttrKind } from "../ir/index.js";
import { dtypes } from "../ir/index.js";
import type { Kind } from "./expression-values.js";
import { kindOfAttribute } from "./expression-values.js";
import type { Findings } from "./findings.js";
import { prelude } from "./prelude.js";
import type { Scope } from "./scope.js";
import { describeKind } from "./scope.js";
import type { CallSyntax, ExpressionSyntax } from "./syntax.js";

export interface ExpressionContext {
  readonly scope: Scope;
  readonly findings: Findings;
}

type KindOrUnknown = Kind | undefined;

/** The kind of an expression; undefined after a mistake, which has been reported. */
export function checkExpression(expression: ExpressionSyntax, context: ExpressionContext): KindOrUnknown {
  switch (expression.kind) {
    case "number":
    case "string":
      return expression.kind;
    case "word":
      return checkWord(expression.text, expression.span, context);
    case "variable":
      return context.scope.use(expression.name, expression.span);
    case "wildcard":
      refuseWildcard(expression.span, context);
      return undefined;
    case "list":
      return checkList(expression.items, context);
    case "call":
      return checkCall(expression, context);
    case "negate":
      return checkNumbers([expression.operand], context);
    case "arithmetic":
      return checkNumbers([expression.left, expression.right], context);
    case "not":
      return checkBooleans([expression.operand], context);
    case "any":
      return checkBooleans(expression.items, context);
    case "compare":
      return checkComparison(expression, context);
    default:
      return assertNever(expression);
  }
}

/** A guard is a question with a yes or a no. */
export function checkGuard(guard: ExpressionSyntax, context: ExpressionContext): void {
  const kind = checkExpression(guard, context);
  if (kind === undefined || kind === "bool") return;
  const message = `a guard is a yes-or-no question, this is ${describeKind(kind)}`;
  context.findings.report("rule/expression-kind", guard.span, message, { hint: "compare it with something" });
}

/** An attribute's expression must be of the attribute's kind. */
export function checkAttributeValue(
  value: ExpressionSyntax,
  wanted: { readonly name: string; readonly kind: AttrKind },
  context: ExpressionContext,
): void {
  const kind = checkExpression(value, context);
  if (kind === undefined) return;
  const fits = accepts(kindOfAttribute(wanted.kind), kind, value) && isInteger(wanted.kind, value);
  if (!fits) reportAttributeKind(value, wanted, context.findings);
}

export function reportAttributeKind(
  value: ExpressionSyntax,
  wanted: { readonly name: string; readonly kind: AttrKind },
  findings: Findings,
): void {
  const message = `the attribute \`${wanted.name}\` takes ${attributeWords[wanted.kind]}`;
  findings.report("rule/attribute-kind", value.span, message, { hint: spelling(value, wanted.kind) });
}

const attributeWords: Readonly<Record<AttrKind, string>> = {
  int: "an integer",
  float: "a number",
  string: "a string",
  bool: "`true` or `false`",
  ints: "a list of integers",
  dims: "a list of dimensions",
  dtype: "a dtype",
};

function spelling(value: ExpressionSyntax, kind: AttrKind): string | undefined {
  if (kind === "dtype") return `dtypes are ${dtypes.join(", ")}`;
  return kind === "string" && value.kind === "word" ? `write it in quotes: "${value.text}"` : undefined;
}

/** Whether an expression of kind `found` may stand where `wanted` is expected. */
function accepts(wanted: Kind, found: Kind, expression: ExpressionSyntax): boolean {
  if (wanted === found) return true;
  if (wanted === "number" || wanted === "dim") return found === "number" || found === "dim";
  return wanted === "dtype" && found === "string" && expression.kind === "string" && isDType(expression.value);
}

function isInteger(kind: AttrKind, value: ExpressionSyntax): boolean {
  if (value.kind === "number") return kind !== "int" || Number.isSafeInteger(value.value);
  if (value.kind !== "list") return true;
  if (kind !== "ints" && kind !== "dims") return true;
  return value.items.every((item) => {
    if (item.kind === "string") return kind === "dims";
    return item.kind !== "number" || Number.isSafeInteger(item.value);
  });
}

function isDType(text: string): boolean {
  return dtypes.some((each) => each === text);
}

function checkWord(text: string, span: Span, { findings }: ExpressionContext): KindOrUnknown {
  if (text === "true" || text === "false") return "bool";
  if (isDType(text)) return "dtype";
  const hint = didYouMean(text, [...dtypes, "true", "false"]) ?? `write "${text}" for a string, ?${text} for a variable`;
  findings.report("rule/unknown-word", span, `\`${text}\` is not a word of the language`, { hint });
  return undefined;
}

function refuseWildcard(span: Span, { findings }: ExpressionContext): void {
  findings.report(
    "rule/wildcard",
    span,
    "`_` has no value to compute with",
    { hint: "name it on the left: `?n`" },
  );
}

function checkList(items: readonly ExpressionSyntax[], context: ExpressionContext): KindOrUnknown {
  for (const item of items) {
    const kind = checkExpression(item, context);
    if (kind === undefined || kind === "number" || kind === "dim" || item.kind === "string") continue;
    const message = `elements of a list are numbers and dimensions, this is ${describeKind(kind)}`;
    context.findings.report("rule/expression-kind", item.span, message);
  }
  return "list";
}

function checkNumbers(operands: readonly ExpressionSyntax[], context: ExpressionContext): KindOrUnknown {
  for (const operand of operands) {
    const kind = checkExpression(operand, context);
    if (kind === undefined || kind === "number" || kind === "dim") continue;
    const hint = kind === "operand" ? "the language computes with shapes and attributes, never with values" : undefined;
    context.findings.report("rule/expression-kind", operand.span, `arithmetic is on numbers, this is ${describeKind(kind)}`, { hint });
  }
  return "number";
}

function checkBooleans(operands: readonly ExpressionSyntax[], context: ExpressionContext): KindOrUnknown {
  for (const operand of operands) checkGuard(operand, context);
  return "bool";
}

function checkComparison(
  { operator, left, right, span }: Extract<ExpressionSyntax, { kind: "compare" }>,
  context: ExpressionContext,
): KindOrUnknown {
  const [a, b] = [checkExpression(left, context), checkExpression(right, context)];
  if (a === undefined || b === undefined) return "bool";
  const ordered = operator !== "==" && operator !== "!=";
  if (a === "operand" || b === "operand") {
    const hint = "write `distinct(?a, ?b)`, `same_type(?a, ?b)`, or the same variable twice on the left";
    context.findings.report("rule/expression-kind", span, "values are not compared by an operator", { hint });
  } else if (!comparable(a, b, left, right) || (ordered && a !== "number" && a !== "dim")) {
    const message = `\`${operator}\` cannot compare ${describeKind(a)} with ${describeKind(b)}`;
    context.findings.report("rule/expression-kind", span, message);
  }
  return "bool";
}

function comparable(a: Kind, b: Kind, left: ExpressionSyntax, right: ExpressionSyntax): boolean {
  if (accepts(a, b, right) || accepts(b, a, left)) return true;
  // A symbolic dimension is compared with its name.
  return (a === "dim" && right.kind === "string") || (b === "dim" && left.kind === "string");
}

function checkCall({ name, args, span }: CallSyntax, context: ExpressionContext): KindOrUnknown {
  const entry = prelude.get(name.text);
  if (entry === undefined) {
    const hint = didYouMean(name.text, prelude.keys()) ?? `the prelude has ${[...prelude.keys()].join(", ")}`;
    context.findings.report(
      "rule/unknown-function",
      name.span,
      `\`${name.text}\` is not a function of the prelude`,
      { hint },
    );
    return undefined;
  }
  const { parameters, rest } = entry;
  if (args.length < parameters.length || (rest === undefined && args.length > parameters.length)) {
    const noun = parameters.length === 1 ? "argument" : "arguments";
    const count = `${rest === undefined ? "" : "at least "}${parameters.length} ${noun}`;
    context.findings.report("rule/function-arguments", span, `\`${name.text}\` takes ${count}, found ${args.length}`);
  }
  args.forEach((arg, i) => checkArgument(name.text, arg, parameters[i] ?? rest, context));
  return entry.result;
}

function checkArgument(
  name: string,
  arg: ExpressionSyntax,
  wanted: KindOrUnknown,
  context: ExpressionContext,
): void {
  const kind = checkExpression(arg, context);
  if (kind === undefined || wanted === undefined || accepts(wanted, kind, arg)) return;
  const message = `\`${name}\` takes ${describeKind(wanted)} here, found ${describeKind(kind)}`;
  context.findings.report("rule/function-arguments", arg.span, message);
}

/** Names of the functions that an expression calls. */
export function callsOf(expression: ExpressionSyntax): readonly string[] {
  const own = expression.kind === "call" ? [expression.name.text] : [];
  return [...own, ...partsOf(expression).flatMap(callsOf)];
}

/** Names of the variables that an expression reads. */
export function variablesOf(expression: ExpressionSyntax): readonly string[] {
  const own = expression.kind === "variable" ? [expression.name] : [];
  return [...own, ...partsOf(expression).flatMap(variablesOf)];
}

function partsOf(expression: ExpressionSyntax): readonly ExpressionSyntax[] {
  switch (expression.kind) {
    case "call":
      return expression.args;
    case "list":
    case "any":
      return expression.items;
    case "negate":
    case "not":
      return [expression.operand];
    case "arithmetic":
    case "compare":
      return [expression.left, expression.right];
    case "number":
    case "string":
    case "word":
    case "variable":
    case "wildcard":
      return [];
    default:
      return assertNever(expression);
  }
}
