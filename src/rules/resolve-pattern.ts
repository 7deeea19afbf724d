/** Left sides: what a premise matches, with every attribute pinned, bound or declared not to matter. */

import { invariant } from "../base/index.js";
import type { AttrKind, AttrValue } from "../ir/index.js";
import { dtypes, isOfKind } from "../ir/index.js";
import { reportAttributeKind } from "./check-expression.js";
import { kindOfAttribute } from "./expression-values.js";
import type { ResolveContext } from "./resolve-application.js";
import { checkParts, checkWrittenType, lookUpOp, operandsOf } from "./resolve-application.js";
import type { AttrPattern, NodePattern, PatternTerm, ScalarPattern } from "./rule.js";
import type { ApplicationSyntax, AttributeSyntax, ExpressionSyntax, TermSyntax } from "./syntax.js";

/** Undefined after a mistake, which has been reported. */
export function resolvePattern(term: ApplicationSyntax, context: ResolveContext): NodePattern | undefined {
  const record = lookUpOp(term, context);
  if (record === undefined) {
    // Binds what it can, so that one unknown op is one mistake.
    for (const operand of operandsOf(term)) resolveOperand(operand, context);
    return undefined;
  }
  checkWrittenType(term, record, context.findings, false);
  const parts = checkParts(term, record, context);
  const operands = parts.operands.map((each) => resolveOperand(each, context));
  const attrs: Record<string, AttrPattern> = {};
  for (const attribute of parts.attributes) {
    attrs[attribute.name.text] = resolveAttribute(attribute, record.attrs[attribute.name.text], context);
  }
  if (!operands.every((each) => each !== undefined)) return undefined;
  return { kind: "node", record, attrs, operands, span: term.span };
}

function resolveOperand(term: TermSyntax, context: ResolveContext): PatternTerm | undefined {
  switch (term.kind) {
    case "variable":
      context.scope.bind(term.name, "operand", term.span);
      return { kind: "variable", name: term.name, span: term.span };
    case "wildcard":
      return { kind: "variable", name: `$${term.span.start}`, span: term.span };
    case "apply":
      return resolvePattern(term, context);
  }
}

function resolveAttribute(
  { name, value }: AttributeSyntax,
  kind: AttrKind | undefined,
  context: ResolveContext,
): AttrPattern {
  invariant(kind !== undefined, "the attribute's name was checked");
  if (value.kind === "list" && (kind === "ints" || kind === "dims")) {
    const wanted = { name: name.text, kind };
    return { kind: "list", items: value.items.map((item) => resolveElement(item, wanted, context)) };
  }
  const pattern = scalarPattern(value, kind);
  if (pattern === undefined) reportAttribute(value, { name: name.text, kind }, context);
  if (pattern?.kind === "bind") context.scope.bind(pattern.name, kindOfAttribute(kind), value.span);
  return pattern ?? { kind: "any" };
}

function resolveElement(
  item: ExpressionSyntax,
  wanted: { readonly name: string; readonly kind: "ints" | "dims" },
  context: ResolveContext,
): ScalarPattern {
  const name = item.kind === "string" && wanted.kind === "dims" ? item.value : undefined;
  const pattern = name === undefined ? scalarPattern(item, "int") : { kind: "literal" as const, value: name };
  if (pattern === undefined) reportAttribute(item, wanted, context);
  if (pattern?.kind === "bind") context.scope.bind(pattern.name, wanted.kind === "ints" ? "number" : "dim", item.span);
  return pattern ?? { kind: "any" };
}

/** Undefined when the expression cannot stand in a pattern of this kind. */
function scalarPattern(value: ExpressionSyntax, kind: AttrKind): ScalarPattern | undefined {
  if (value.kind === "wildcard") return { kind: "any" };
  if (value.kind === "variable") return { kind: "bind", name: value.name };
  const literal = literalOf(value, kind);
  return literal !== undefined && isOfKind(kind, literal) ? { kind: "literal", value: literal } : undefined;
}

/** A number, a string, a dtype or a truth value as it is written. */
function literalOf(value: ExpressionSyntax, kind: AttrKind): AttrValue | undefined {
  if (value.kind === "number" || value.kind === "string") return value.value;
  if (value.kind !== "word") return undefined;
  if (kind === "bool") return truthValues.get(value.text);
  return kind === "dtype" ? dtypes.find((each) => each === value.text) : undefined;
}

const truthValues: ReadonlyMap<string, boolean> = new Map([
  ["true", true],
  ["false", false],
]);

function reportAttribute(
  value: ExpressionSyntax,
  wanted: { readonly name: string; readonly kind: AttrKind },
  { findings }: ResolveContext,
): void {
  const computed = !["number", "string", "word", "list"].includes(value.kind);
  if (!computed) {
    reportAttributeKind(value, wanted, findings);
    return;
  }
  const message = "an attribute of a pattern is a literal, a variable or `_`; nothing is computed";
  const hint = `write \`${wanted.name}: ?a\` and ask for its value in a guard`;
  findings.report("rule/attribute-pattern", value.span, message, { hint });
}
