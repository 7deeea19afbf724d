/** What the parts of a guard were, in the words of the language. */

import type { AttrValue } from "../ir/index.js";
import { printType } from "../ir/index.js";
import type { Environment } from "./evaluate-expression.js";
import { evaluateExpression } from "./evaluate-expression.js";
import type { ExpressionValue } from "./expression-values.js";
import { isList, isOperand, isSymbolic } from "./expression-values.js";
import type { ExpressionSyntax } from "./syntax.js";

/** `rank(?w) is 3`; of a question without parts, what it was asked about. */
export function describeGuard(guard: ExpressionSyntax, environment: Environment): string {
  const parts = [...new Set(readings(guard, environment))];
  return parts.length === 0 ? "it does not hold" : parts.join(", ");
}

function readings(expression: ExpressionSyntax, environment: Environment): readonly string[] {
  switch (expression.kind) {
    case "call":
      return callReadings(expression, environment);
    case "variable":
      return [`?${expression.name} is ${valueOf(expression, environment)}`];
    case "compare":
    case "arithmetic":
      return [...readings(expression.left, environment), ...readings(expression.right, environment)];
    case "not":
    case "negate":
      return readings(expression.operand, environment);
    case "any":
    case "list":
      return expression.items.flatMap((item) => readings(item, environment));
    case "number":
    case "string":
    case "word":
    case "wildcard":
      return [];
  }
}

/** A function of values with its answer; one that answers yes or no with what it was asked about. */
function callReadings(
  call: Extract<ExpressionSyntax, { kind: "call" }>,
  environment: Environment,
): readonly string[] {
  const answer = evaluateExpression(call, environment);
  if (typeof answer === "boolean" || answer === undefined) {
    const about = call.args.flatMap((arg) => (arg.kind === "variable" ? readings(arg, environment) : []));
    const own = answer === undefined ? [`${nameOf(call)} is not known`] : [`${nameOf(call)} is ${String(answer)}`];
    return [...own, ...about];
  }
  return [`${nameOf(call)} is ${describeValue(answer)}`];
}

function nameOf({ name, args }: Extract<ExpressionSyntax, { kind: "call" }>): string {
  return `${name.text}(${args.map(argumentText).join(", ")})`;
}

function argumentText(arg: ExpressionSyntax): string {
  switch (arg.kind) {
    case "variable":
      return `?${arg.name}`;
    case "number":
      return String(arg.value);
    case "string":
      return `"${arg.value}"`;
    case "word":
      return arg.text;
    case "negate":
      return `-${argumentText(arg.operand)}`;
    case "call":
      return nameOf(arg);
    case "list":
    case "any":
    case "arithmetic":
    case "compare":
    case "not":
    case "wildcard":
      return "…";
  }
}

function valueOf(expression: ExpressionSyntax, environment: Environment): string {
  const value = evaluateExpression(expression, environment);
  return value === undefined ? "not known" : describeValue(value);
}

function describeValue(value: ExpressionValue): string {
  if (typeof value === "number" || typeof value === "string" || typeof value === "boolean") return describeAttribute(value);
  if (isList(value)) return `[${value.join(", ")}]`;
  if (isSymbolic(value)) return `\`${value.name}\`, known only at run time`;
  if (isOperand(value)) return `${printType(value.type)}${value.constant ? ", constant" : ", not constant"}`;
  return printType(value);
}

export function describeAttribute(value: AttrValue): string {
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : value === -Infinity ? "-inf" : String(value);
  return typeof value === "object" ? `[${value.join(", ")}]` : JSON.stringify(value);
}
