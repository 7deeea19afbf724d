/**
 * Evaluates guards and attribute expressions that have been checked. Three-valued: `undefined` is "not
 * known", and it passes through everything but an `or` with a true item. Integers are exact: a sum or a
 * product that leaves the safe integers is not known.
 */

import { assertNever } from "../base/index.js";
import type { AttrKind, AttrValue, Dim } from "../ir/index.js";
import { isOfKind } from "../ir/index.js";
import type { ExpressionValue } from "./expression-values.js";
import { equalValues, isOperand, isSymbolic, isType } from "./expression-values.js";
import { prelude } from "./prelude.js";
import type { Settings } from "./rule.js";
import type { ArithmeticOperator, CallSyntax, ComparisonOperator, ExpressionSyntax } from "./syntax.js";

export interface Environment {
  readonly settings: Settings;
  /** The value of a variable: an `Operand`, or an attribute. */
  readonly lookup: (name: string) => ExpressionValue | undefined;
}

type Value = ExpressionValue | undefined;

export function evaluateExpression(expression: ExpressionSyntax, env: Environment): Value {
  switch (expression.kind) {
    case "number":
    case "string":
      return expression.value;
    case "word":
      return expression.text === "true" || expression.text === "false" ? expression.text === "true" : expression.text;
    case "variable":
      return env.lookup(expression.name);
    case "wildcard":
      return undefined;
    case "list":
      return list(expression.items, env);
    case "call":
      return call(expression, env);
    case "negate":
      return negate(evaluateExpression(expression.operand, env));
    case "not":
      return not(evaluateExpression(expression.operand, env));
    case "arithmetic":
      return arithmetic(
        expression.operator,
        evaluateExpression(expression.left, env),
        evaluateExpression(expression.right, env),
      );
    case "compare":
      return compare(
        expression.operator,
        evaluateExpression(expression.left, env),
        evaluateExpression(expression.right, env),
      );
    case "any":
      return any(expression.items, env);
    default:
      return assertNever(expression);
  }
}

/** The expression as an attribute of a kind; undefined when it has no such value. */
export function evaluateAttribute(
  expression: ExpressionSyntax,
  kind: AttrKind,
  env: Environment,
): AttrValue | undefined {
  const value = evaluateExpression(expression, env);
  if (value === undefined || Number.isNaN(value)) return undefined;
  if (isSymbolic(value) || isOperand(value) || isType(value)) return undefined;
  return isOfKind(kind, value) ? value : undefined;
}

function list(items: readonly ExpressionSyntax[], env: Environment): readonly Dim[] | undefined {
  const dims: Dim[] = [];
  for (const item of items) {
    const value = evaluateExpression(item, env);
    if (typeof value === "number" || typeof value === "string") dims.push(value);
    else if (value !== undefined && isSymbolic(value)) dims.push(value.name);
    else return undefined;
  }
  return dims;
}

function call({ name, args }: CallSyntax, env: Environment): Value {
  const values: ExpressionValue[] = [];
  for (const arg of args) {
    const value = evaluateExpression(arg, env);
    // Numbers are asked for where a dimension may stand: a symbolic one is not known.
    if (value === undefined || isSymbolic(value)) return undefined;
    values.push(value);
  }
  const result = prelude.get(name.text)?.evaluate(values, env.settings);
  return Number.isNaN(result) ? undefined : result;
}

function negate(value: Value): Value {
  return typeof value === "number" ? -value : undefined;
}

function not(value: Value): Value {
  return typeof value === "boolean" ? !value : undefined;
}

function any(items: readonly ExpressionSyntax[], env: Environment): Value {
  let result: boolean | undefined = false;
  for (const item of items) {
    const value = evaluateExpression(item, env);
    if (value === true) return true;
    if (value !== false) result = undefined;
  }
  return result;
}

function arithmetic(operator: ArithmeticOperator, a: Value, b: Value): Value {
  if (typeof a !== "number" || typeof b !== "number") return undefined;
  switch (operator) {
    case "+":
      return exact(a + b, a, b);
    case "-":
      return exact(a - b, a, b);
    case "*":
      return exact(a * b, a, b);
    case "/":
      return b === 0 ? undefined : a / b;
    case "%":
      return Number.isSafeInteger(a) && Number.isSafeInteger(b) && b !== 0 ? ((a % b) + b) % b : undefined;
  }
}

function exact(result: number, a: number, b: number): number | undefined {
  const integers = Number.isSafeInteger(a) && Number.isSafeInteger(b);
  return Number.isNaN(result) || (integers && !Number.isSafeInteger(result)) ? undefined : result;
}

function compare(operator: ComparisonOperator, a: Value, b: Value): Value {
  if (a === undefined || b === undefined) return undefined;
  if (operator === "==" || operator === "!=") {
    const equal = equalValues(a, b);
    return operator === "==" || equal === undefined ? equal : !equal;
  }
  return typeof a === "number" && typeof b === "number" ? order(operator, a, b) : undefined;
}

function order(operator: "<" | "<=" | ">" | ">=", a: number, b: number): boolean {
  switch (operator) {
    case "<":
      return a < b;
    case "<=":
      return a <= b;
    case ">":
      return a > b;
    case ">=":
      return a >= b;
  }
}

