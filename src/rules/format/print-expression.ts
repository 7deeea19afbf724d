/** Guards and attribute values as text: brackets where precedence asks for them and nowhere else. */

import { assertNever } from "../../base/index.js";
import type { CallSyntax, ExpressionSyntax } from "../syntax.js";
import type { Layout } from "./layout.js";
import { concat, fill, group, indent, softLine, text } from "./layout.js";

/** How tightly an expression binds, as the levels of the grammar. */
const levels = { any: 0, not: 1, compare: 2, sum: 3, product: 4, unary: 5, primary: 6 } as const;
type Level = (typeof levels)[keyof typeof levels];

/** Literals are copied from `source`, so that `1.0` and `1e-5` stay as they were written. */
export function printExpression(expression: ExpressionSyntax, source: string, least: Level = 0): Layout {
  const printed = printBare(expression, source);
  return levelOf(expression) < least ? concat("(", printed, ")") : printed;
}

function levelOf(expression: ExpressionSyntax): Level {
  switch (expression.kind) {
    case "any":
    case "not":
    case "compare":
      return levels[expression.kind];
    case "arithmetic":
      return expression.operator === "+" || expression.operator === "-" ? levels.sum : levels.product;
    case "negate":
      return levels.unary;
    case "number":
    case "string":
    case "word":
    case "variable":
    case "wildcard":
    case "list":
    case "call":
      return levels.primary;
    default:
      return assertNever(expression);
  }
}

function printBare(expression: ExpressionSyntax, source: string): Layout {
  switch (expression.kind) {
    case "number":
    case "string":
      return text(source.slice(expression.span.start, expression.span.end));
    case "word":
      return text(expression.text);
    case "variable":
      return text(`?${expression.name}`);
    case "wildcard":
      return text("_");
    case "list":
      return brackets("[", expression.items, "]", source);
    case "call":
      return printCall(expression, source);
    case "negate":
      return concat("-", negated(expression.operand, source));
    case "not":
      return concat("not ", printExpression(expression.operand, source, levels.compare));
    case "any":
      return printAny(expression.items, source);
    case "compare":
      return binary(expression, source, [levels.sum, levels.sum]);
    case "arithmetic": {
      const { sum, product, unary } = levels;
      return binary(expression, source, levelOf(expression) === sum ? [sum, product] : [product, unary]);
    }
    default:
      return assertNever(expression);
  }
}

/** `-3` is a number and `-(3)` a sign before one. */
function negated(operand: ExpressionSyntax, source: string): Layout {
  if (operand.kind === "number") return concat("(", printExpression(operand, source), ")");
  return printExpression(operand, source, levels.primary);
}

function binary(
  { operator, left, right }: Extract<ExpressionSyntax, { kind: "compare" | "arithmetic" }>,
  source: string,
  [leftLevel, rightLevel]: readonly [Level, Level],
): Layout {
  return concat(printExpression(left, source, leftLevel), ` ${operator} `, printExpression(right, source, rightLevel));
}

function printAny(items: readonly ExpressionSyntax[], source: string): Layout {
  const printed = items.map((each) => printExpression(each, source, levels.not));
  return group(indent(2, fill(printed.map((each, i) => (i === 0 ? each : concat("or ", each))))));
}

export function printCall({ name, args }: CallSyntax, source: string): Layout {
  return concat(name.text, brackets("(", args, ")", source));
}

function brackets(open: string, items: readonly ExpressionSyntax[], close: string, source: string): Layout {
  if (items.length === 0) return text(open + close);
  const last = items.length - 1;
  const printed = items.map((each, i) => concat(printExpression(each, source), i === last ? "" : ","));
  return group(open, indent(2, softLine, fill(printed)), close);
}
