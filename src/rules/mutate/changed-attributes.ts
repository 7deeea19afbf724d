/**
 * Attributes with another value: numbers one off, words and formats that are near, elements in another order.
 */

import type { AttrKind, Registry } from "../../ir/index.js";
import type { ApplicationSyntax, AttributeSyntax, ExpressionSyntax } from "../syntax.js";
import type { Change } from "./mutations.js";
import { meaning } from "./mutations.js";
import { otherWords } from "./siblings.js";

export function changedAttributes(term: ApplicationSyntax, registry: Registry): readonly Change[] {
  const spec = registry.get(term.op.text)?.attrs ?? {};
  const attributes = term.args.filter((each) => each.kind === "attribute");
  return [
    ...attributes.flatMap((each) => changedValue(each, spec[each.name.text] ?? "int", term)),
    ...swappedValues(term, attributes, spec),
  ];
}

function changedValue(
  { name, value }: AttributeSyntax,
  kind: AttrKind,
  { op }: ApplicationSyntax,
): readonly Change[] {
  const where = `\`${name.text}\` of \`${op.text}\``;
  return otherValues(value, kind).map(({ from, to, says }) => ({
    title: `${where}: ${says}`,
    span: from.span,
    from,
    to,
  }));
}

interface Other {
  readonly from: ExpressionSyntax;
  readonly to: ExpressionSyntax;
  readonly says: string;
}

function otherValues(value: ExpressionSyntax, kind: AttrKind): readonly Other[] {
  switch (value.kind) {
    case "number":
      return otherNumbers(value.value, kind).map((to) => ({ from: value, to: { ...value, value: to }, says: `${show(value.value)} becomes ${show(to)}` }));
    case "string":
      return (otherWords.get(value.value) ?? []).map((to) => ({ from: value, to: { ...value, value: to }, says: `"${value.value}" becomes "${to}"` }));
    case "word":
      return (otherWords.get(value.text) ?? []).map((to) => ({ from: value, to: { ...value, text: to }, says: `${value.text} becomes ${to}` }));
    case "list":
      return [...swappedElements(value), ...value.items.flatMap((item) => otherValues(item, "int"))];
    case "negate":
      return [{ from: value, to: value.operand, says: "without its sign" }];
    case "arithmetic":
      return [otherOperator(value), ...otherValues(value.left, kind), ...otherValues(value.right, kind)];
    case "call":
      return value.args.flatMap((arg) => otherValues(arg, "int"));
    case "variable":
    case "wildcard":
    case "not":
    case "compare":
    case "any":
      return [];
  }
}

function otherNumbers(value: number, kind: AttrKind): readonly number[] {
  if (kind === "float") {
    if (value === -Infinity) return [-10_000];
    return value === 0 ? [1] : [2 * value];
  }
  return value > 0 ? [value - 1, value + 1] : [value + 1];
}

function show(value: number): string {
  return value === -Infinity ? "-inf" : String(value);
}

const operators = { "+": "-", "-": "+", "*": "/", "/": "*", "%": "/" } as const;

function otherOperator(value: Extract<ExpressionSyntax, { kind: "arithmetic" }>): Other {
  const operator = operators[value.operator];
  return { from: value, to: { ...value, operator }, says: `\`${value.operator}\` becomes \`${operator}\`` };
}

function swappedElements(list: Extract<ExpressionSyntax, { kind: "list" }>): readonly Other[] {
  return list.items.slice(1).flatMap((second, i): Other[] => {
    const first = list.items[i]!;
    if (meaning(first) === meaning(second)) return [];
    const items = list.items.map((each) => (each === first ? second : each === second ? first : each));
    return [{ from: list, to: { ...list, items }, says: `elements ${i} and ${i + 1} swapped` }];
  });
}

/** Two attributes of one kind that change places, such as the offsets of keys and values. */
function swappedValues(
  term: ApplicationSyntax,
  attributes: readonly AttributeSyntax[],
  spec: Readonly<Record<string, AttrKind>>,
): readonly Change[] {
  return attributes.slice(1).flatMap((second, i): Change[] => {
    const first = attributes[i]!;
    const alike = spec[first.name.text] === spec[second.name.text];
    if (!alike || meaning(first.value) === meaning(second.value)) return [];
    if ( first.value.kind === "wildcard" || second.value.kind === "wildcard") return [];
    const args = term.args.map((each) => {
      if (each === first) return { ...first, value: second.value };
      return each === second ? { ...second, value: first.value } : each;
    });
    const title = `\`${first.name.text}\` and \`${second.name.text}\` of \`${term.op.text}\` swapped`;
    return [{ title, span: first.span, from: term, to: { ...term, args } }];
  });
}
