/** Right sides: what a rule builds, with attributes computed from what the left side bound. */

import { invariant } from "../base/index.js";
import { checkAttributeValue, checkExpression } from "./check-expression.js";
import type { ResolveContext } from "./resolve-application.js";
import { checkParts, checkWrittenType, lookUpOp, operandsOf } from "./resolve-application.js";
import type { AttrTemplate, NodeTemplate, TemplateTerm } from "./rule.js";
import { describeKind } from "./scope.js";
import type { ApplicationSyntax, AttributeSyntax, TermSyntax } from "./syntax.js";

/** Undefined after a mistake, which has been reported. */
export function resolveTemplate(term: TermSyntax, context: ResolveContext): TemplateTerm | undefined {
  switch (term.kind) {
    case "variable": {
      const kind = context.scope.use(term.name, term.span);
      if (kind !== undefined && kind !== "operand") {
        const message = `\`?${term.name}\` is ${describeKind(kind)}, not a value`;
        const hint = "a constant is built by `constant(value: ?v): type(?x)`";
        context.findings.report("rule/variable-kind", term.span, message, { hint });
      }
      return kind === "operand" ? { kind: "variable", name: term.name, span: term.span } : undefined;
    }
    case "wildcard":
      context.findings.report(
        "rule/wildcard",
        term.span,
        "`_` cannot be built",
        { hint: "name it on the left: `?x`" },
      );
      return undefined;
    case "apply":
      return resolveNode(term, context);
  }
}

function resolveNode(term: ApplicationSyntax, context: ResolveContext): NodeTemplate | undefined {
  const record = lookUpOp(term, context);
  if (record === undefined) {
    for (const operand of operandsOf(term)) resolveTemplate(operand, context);
    return undefined;
  }
  checkWrittenType(term, record, context.findings, true);
  const parts = checkParts(term, record, context);
  const operands = parts.operands.map((each) => resolveTemplate(each, context));
  const attrs = parts.attributes.map((each) => resolveAttribute(each, record.attrs, context));
  checkType(term, context);
  if (!operands.every((each) => each !== undefined)) return undefined;
  return { kind: "node", record, attrs, operands, span: term.span, ...(term.type && { type: term.type }) };
}

function resolveAttribute(
  { name, value }: AttributeSyntax,
  spec: NodeTemplate["record"]["attrs"],
  context: ResolveContext,
): AttrTemplate {
  const kind = spec[name.text];
  invariant(kind !== undefined, "the attribute's name was checked");
  checkAttributeValue(value, { name: name.text, kind }, context);
  return { name: name.text, kind, value };
}

function checkType({ type }: ApplicationSyntax, context: ResolveContext): void {
  if (type === null) return;
  const kind = checkExpression(type, context);
  if (kind === undefined || kind === "type") return;
  const message = `this is ${describeKind(kind)}, not a type`;
  const hint = "write `type(?x)` or `tensor(f32, [2, 3])`";
  context.findings.report("rule/written-type", type.span, message, { hint });
}
