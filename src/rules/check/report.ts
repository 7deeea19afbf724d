/** Puts what the check found under the rule's own source line: the operands, and what the sides gave. */

import type { Diagnostic, Place, Span } from "../../diagnostics/index.js";
import { diagnostic } from "../../diagnostics/index.js";
import type { Value, ValueType } from "../../ir/index.js";
import { printType } from "../../ir/index.js";
import type { CompiledRule, NumericClass, PatternTerm, RuleForm } from "../rule.js";
import type { CounterExample } from "./check-rule.js";

/** A rule whose error, over all draws, is above what its number of bits allows. */
export interface TooInexact {
  readonly relativeError: number;
  readonly allowed: number;
}

export function unsound(rule: CompiledRule, finding: CounterExample | TooInexact): Diagnostic {
  if ("allowed" in finding) {
    const message = `\`${rule.name}\` is off by ${percent(finding.relativeError)} of the result, and ${percent(finding.allowed)} is allowed`;
    return diagnostic("rule/unsound", message, { place: placeOf(rule, rule.ast.name.span) });
  }
  const { form, difference } = finding;
  const attributes = describeAttributes(finding);
  return diagnostic("rule/unsound", `\`${form.name}\` is not ${classWords[rule.numerics]}: ${describe(form, difference)}`, {
    place: placeOf(rule, rule.ast.name.span),
    related: operandNotes(rule, finding),
    ...(attributes !== "" && { hint: `the attributes were ${attributes}` }),
  });
}

export function unchecked(rule: CompiledRule, form: RuleForm): Diagnostic {
  const message = `no operands were found that fit the left side of \`${form.name}\`, so it is unchecked`;
  const hint = "simpler guards, or two rules, may be easier to fit";
  return diagnostic("rule/unchecked", message, { place: placeOf(rule, rule.ast.name.span), hint });
}

const classWords: Readonly<Record<NumericClass, string>> = {
  exact: "exact",
  reassociates: "an equation over the reals",
  approximate: "close",
};

function describe(form: RuleForm, difference: CounterExample["difference"]): string {
  if (difference === undefined) return "the right side reads outside its operands";
  const { conclusion, index, left, right, allowed } = difference;
  const root = form.conclusions[conclusion]?.name ?? "";
  const where = `element ${index}${root.startsWith("$") ? "" : ` of ?${root}`}`;
  const bound = allowed === 0 ? "" : `, more than ${allowed.toExponential(1)} apart`;
  return `${where} is ${show(left)} on the left and ${show(right)} on the right${bound}`;
}

function percent(part: number): string {
  return `${(100 * part).toPrecision(2)} %`;
}

/** Notes read best when they are few. */
const maxNotes = 8;

function operandNotes(rule: CompiledRule, { form, values, drawn }: CounterExample): Diagnostic["related"] {
  const roots = new Set(form.premises.map(({ root }) => root));
  const places = new Map<string, Span>();
  for (const { pattern } of form.premises) findVariables(pattern, places);
  const notes: { message: string; place: Place }[] = [];
  for (const [name, span] of places) {
    const [type, value] = [drawn.draw.types.get(name), values.get(name)];
    if (roots.has(name) || type === undefined || value === undefined) continue;
    const shown = name.startsWith("$") ? "_" : `?${name}`;
    notes.push({ message: `${shown} = ${showValue(type, value)}`, place: placeOf(rule, span) });
  }
  return notes.slice(0, maxNotes);
}

function findVariables(term: PatternTerm, places: Map<string, Span>): void {
  if (term.kind === "node") for (const operand of term.operands) findVariables(operand, places);
  else if (!places.has(term.name)) places.set(term.name, term.span);
}

function placeOf(rule: CompiledRule, span: Span): Place {
  return { source: rule.place.source, span };
}

/** Those that have a name, and those that the rule says do not matter. */
function describeAttributes({ drawn: { draw } }: CounterExample): string {
  const named = [...draw.attributes].map(([name, value]) => `?${name} = ${JSON.stringify(value)}`);
  const open = [...draw.payloads].flatMap(([{ record, attrs }, payload]) =>
    Object.entries(attrs).flatMap(([name, pattern]) =>
      pattern.kind === "any" ? [`${name}: _ of ${record.name} = ${JSON.stringify(payload.attrs[name])}`] : [],
    ),
  );
  return [...named.sort(), ...new Set(open)].slice(0, maxNotes).join(", ");
}

/** A type and the first elements. */
export function showValue(type: ValueType, value: Value): string {
  if (value.kind !== "tensor") return printType(type);
  const shown = Array.from(value.data.subarray(0, 12), show).join(", ");
  return `${printType(type)} [${shown}${value.data.length > 12 ? ", …" : ""}]`;
}

function show(value: number): string {
  if (Object.is(value, -0)) return "-0";
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(9)));
}
